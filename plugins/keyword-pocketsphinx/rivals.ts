import type { Keyword } from "./phrases.ts";
import { DICTIONARY, Sphinx } from "./sphinx.ts";
import { pronunciations } from "./pronunciations.ts";

/** What people say as single words and spotting takes for "stop" (`bun bench/keywords.ts`). */
const LIKE_A_WORD = [
  "start",
  "that",
  "thanks",
  "thank you",
  "stand",
  "stay",
  "stuff",
  "what",
  "right",
  "fast",
];
/** Words that are mistaken for parts of a phrase; some voices' "stop" is nearer to them than to "stop". */
const LIKE_A_PHRASE = [
  "no",
  "yes",
  "yeah",
  "hello",
  "robot",
  "okay",
  "go",
  "oh",
  "so",
  "well",
  "now",
  "stop",
];
/** Frames of 10 ms that each sound of a phrase takes at least. */
const HURRIED = 5;

/** Whether a short utterance is a phrase, or one of the words that are often mistaken for one. */
export class Rivals {
  readonly #sphinx = new Sphinx(["-bestpath", "no"]);

  constructor(phrases: readonly Keyword[]) {
    const own = new Set(phrases.map(({ name }) => name.toLowerCase()));
    const sentences = [...LIKE_A_WORD, ...LIKE_A_PHRASE].filter((words) => !own.has(words));
    const words = new Set(sentences.flatMap((sentence) => sentence.split(" ")));
    for (const [word, ways] of pronunciations(DICTIONARY, words)) this.#add(word, ways);
    for (const { text, sounds } of phrases) {
      this.#add(nameOf(text), variants(sounds.join(" ")));
      sentences.push(nameOf(text));
    }
    this.#sphinx.setGrammar(`#JSGF V1.0; grammar words; public <s> = ${sentences.join(" | ")};`);
  }

  /** 16 kHz mono, with little around the utterance; `frames` of it, of 10 ms, are taken for the phrase. */
  believes({ text, sounds }: Keyword, pcm: Int16Array, frames: number): boolean {
    const single = sounds.length === 1;
    if (!single && frames < HURRIED * sounds.join(" ").split(" ").length) return false;
    const best = this.#sphinx.hear(pcm);
    return best === nameOf(text) || (single && LIKE_A_PHRASE.includes(best));
  }

  #add(word: string, ways: readonly string[]): void {
    for (const [at, sounds] of ways.entries())
      this.#sphinx.addWord(at === 0 ? word : `${word}(${at + 1})`, sounds);
  }
}

/** A name that is no word of the dictionary. */
function nameOf(text: string): string {
  return `phrase-${text.replaceAll(" ", "-")}`;
}

/** Ways to say it besides the American one: rounder vowels, and an S so soft that it is lost. */
function variants(sounds: string): string[] {
  const round = sounds.replaceAll("AA", "AO");
  return [...new Set([sounds, round, sounds.replace(/^S (?=T)/, ""), round.replace(/^S (?=T)/, "")])];
}
