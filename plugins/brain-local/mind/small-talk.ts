import { matchPhrase, parsePhrase, type Phrase } from "./phrase.ts";

/** Things that one talks about with a robot without wanting anything done. */
export type Topic =
  "greeting" | "farewell" | "thanks" | "name" | "ability" | "memory" | "wellbeing" | "yes" | "no" | "praise";

/** Sentences by topic, in the notation of phrases. */
const SENTENCES: Record<Topic, readonly string[]> = {
  greeting: ["hello [there]", "hi [there]", "good (morning|afternoon|evening)"],
  farewell: ["goodbye", "bye [bye]", "good night", "see you later"],
  thanks: ["thank you [very much]", "thanks [a lot]"],
  name: ["what is your name", "who are you", "what are you [called]"],
  ability: ["what can you do", "what do you understand", "help [me]", "what can i say", "what can i ask you"],
  memory: [
    "what did i [just] (ask|tell) you [to do]",
    "what did i [just] say",
    "what was that",
    "what was my last (question|command)",
  ],
  wellbeing: ["how are you [doing|today]", "are you (there|ready)"],
  yes: ["yes"],
  no: ["no", "never mind", "forget it", "cancel"],
  praise: ["well done", "good [job]", "very good", "nice", "great"],
};

const PHRASES: (readonly [Topic, readonly Phrase[]])[] = Object.entries(SENTENCES).map(([topic, texts]) => [
  topic as Topic,
  texts.map(parsePhrase),
]);

/** Every sentence of small talk, for the grammar. */
export const SMALL_TALK: readonly Phrase[] = PHRASES.flatMap(([, phrases]) => phrases);

/** What the words are about; null unless all of them are one sentence of small talk. */
export function topicOf(words: readonly string[]): Topic | null {
  for (const [topic, phrases] of PHRASES) {
    for (const phrase of phrases) {
      for (const match of matchPhrase(phrase, words, 0, () => [])) {
        if (match.next === words.length) return topic;
      }
    }
  }
  return null;
}
