import { Resampler } from "myna";
import type { Hearing, Recognizer, SpokenTool } from "../contracts.ts";
import { grammarOf } from "../mind/grammar.ts";
import { Interpreter } from "../mind/interpret.ts";
import { isGuessed, pronunciations } from "./dictionary.ts";
import { createPhoneLoop } from "./phone-loop.ts";
import { difference, RIVAL_WORDS, rivalGrammar } from "./rivals.ts";
import { SPHINX_HZ, SphinxDecoder } from "./sphinx-decoder.ts";
import { confidenceOf, misfitOf } from "./trust.ts";

const INPUT_HZ = 24_000;
/** Words of an utterance so far are looked at this often, in samples of {@link SPHINX_HZ}. */
const PARTIAL_SAMPLES = SPHINX_HZ / 5;
/** A sentence is believed from this confidence on. */
const BELIEVED = 0.5;
/** A sentence that only the second hearing believes, and from this confidence on. */
const SURE = 0.95;
/** Sound of an utterance that is kept for a second hearing; commands are shorter. */
const KEPT_SAMPLES = 12 * SPHINX_HZ;

/**
 * Speech to text with pocketsphinx, along a grammar of what the tools of the session can be called with. A grammar hears
 * a command in anything, so the same audio is also heard as bare phones, and a sentence that explains it much worse than
 * they do is not accepted. The first utterance, and one that was not believed, is heard once more as a whole. A sentence with a direction or a number is heard a second time beside its rivals (the opposite
 * direction, the other numbers): where one of them is about as likely, the sentence is in doubt and not accepted either. Blocks the calling thread for about 8 % of the length of the
 * audio while it is written and 3 % at its end; some 25 MB per instance.
 */
export class PocketsphinxRecognizer implements Recognizer {
  #warn: (message: string) => void;
  #decoder: SphinxDecoder;
  #phones: SphinxDecoder;
  #rivals: SphinxDecoder;
  /** Sound of the utterance, 16 kHz. */
  #heard = new Int16Array(KEPT_SAMPLES);
  #heardCount = 0;
  /** No utterance was heard yet: the decoder does not know loudness and line, and mistakes much until it does. */
  #first = true;
  /** Phones by dictionary entry (`word`, `word(2)`). */
  #sounds = new Map<string, readonly string[]>();
  #interpreter = new Interpreter([]);
  #resampler = new Resampler(INPUT_HZ, SPHINX_HZ);
  #samples = new Int16Array(0);
  #sinceLook = 0;
  #partial = "";
  #listening = false;
  #tools = "";

  /** Throws SPEECH_UNAVAILABLE. `warn` hears of sentences of tools that cannot be spoken. */
  constructor(warn: (message: string) => void = () => {}) {
    this.#warn = warn;
    this.#decoder = new SphinxDecoder();
    this.#phones = createPhoneLoop();
    // The odds of a grammar are taken as they stand.
    this.#rivals = new SphinxDecoder({ "-lw": "1" });
    this.setTools([]);
  }

  setTools(tools: readonly SpokenTool[]): void {
    const key = JSON.stringify(tools);
    if (key === this.#tools) return;
    if (this.#listening) this.#end();
    this.#interpreter = new Interpreter(tools);
    const grammar = grammarOf(this.#interpreter.commands);
    for (const warning of grammar.warnings) this.#warn(warning);
    this.#addWords(grammar.words);
    this.#decoder.setGrammar("commands", grammar.jsgf);
    this.#decoder.select("commands");
    this.#tools = key;
  }

  start(): void {
    if (this.#listening) this.#end();
    this.#resampler = new Resampler(INPUT_HZ, SPHINX_HZ);
    this.#partial = "";
    this.#sinceLook = 0;
    this.#heardCount = 0;
    this.#decoder.start();
    this.#phones.start();
    this.#listening = true;
  }

  write(pcm: Int16Array): string | null {
    if (!this.#listening) this.start();
    const limit = this.#resampler.outputLimit(pcm.length);
    if (this.#samples.length < limit) this.#samples = new Int16Array(limit);
    const count = this.#resampler.process(pcm, this.#samples);
    const samples = this.#samples.subarray(0, count);
    this.#decoder.write(samples);
    this.#phones.write(samples);
    this.#keep(samples);
    this.#sinceLook += count;
    if (this.#sinceLook < PARTIAL_SAMPLES) return null;
    this.#sinceLook = 0;
    const text = this.#decoder.hypothesis();
    if (text === this.#partial) return null;
    this.#partial = text;
    return text;
  }

  finish(): Hearing {
    if (!this.#listening) return { text: "", accepted: false, confidence: 0 };
    this.#end();
    let { text, confidence } = this.#judged();
    if (this.#isStop(text)) return { text, accepted: true, confidence };
    if ((this.#first || confidence < BELIEVED) && this.#heardCount < KEPT_SAMPLES) {
      const again = this.#hearAgain();
      const doubt =
        confidence >= BELIEVED && again.confidence >= BELIEVED && this.#conflict(text, again.text);
      if (this.#first || again.confidence >= SURE) ({ text, confidence } = again);
      if (doubt) {
        this.#first = false;
        return { text, accepted: false, confidence, doubt };
      }
    }
    this.#first = false;
    if (text === "") return { text, accepted: false, confidence: 0 };
    if (this.#isStop(text)) return { text, accepted: true, confidence };
    const doubt = confidence >= BELIEVED ? this.#doubt(text) : null;
    return { text, accepted: confidence >= BELIEVED && !doubt, confidence, ...(doubt && { doubt }) };
  }

  close(): void {
    this.#listening = false;
    this.#decoder.free();
    this.#phones.free();
    this.#rivals.free();
  }

  #end(): void {
    this.#listening = false;
    this.#decoder.end();
    this.#phones.end();
  }

  /** The sentence of the decoders as they stand. */
  #judged(): { text: string; confidence: number } {
    const text = this.#decoder.hypothesis();
    if (text === "") return { text, confidence: 0 };
    const misfit = misfitOf({
      sentence: this.#decoder.segments(),
      phones: this.#phones.segments(),
      soundsOf: (word) => this.#sounds.get(word),
    });
    return { text, confidence: misfit ? confidenceOf(misfit) : 0 };
  }

  /** The utterance once more as a whole: what is known of its loudness and its line at the end counts from its beginning. */
  #hearAgain(): { text: string; confidence: number } {
    const pcm = this.#heard.subarray(0, this.#heardCount);
    this.#decoder.hear(pcm);
    this.#phones.hear(pcm);
    return this.#judged();
  }

  #keep(samples: Int16Array): void {
    const count = Math.min(samples.length, KEPT_SAMPLES - this.#heardCount);
    this.#heard.set(samples.subarray(0, count), this.#heardCount);
    this.#heardCount += count;
  }

  /** What may have been said instead, where that would move the robot otherwise and sounds about the same. */
  #doubt(text: string): [string, string] | null {
    const meaning = this.#interpreter.interpret(text);
    if (meaning.kind !== "calls" || this.#heardCount === KEPT_SAMPLES) return null;
    const grammar = rivalGrammar(text);
    if (grammar === null) return null;
    this.#learn(this.#rivals, [...text.split(" "), ...RIVAL_WORDS]);
    this.#rivals.setGrammar("rivals", grammar);
    this.#rivals.select("rivals");
    this.#rivals.hear(this.#heard.subarray(0, this.#heardCount));
    return this.#conflict(text, this.#rivals.hypothesis());
  }

  /** What two hearings of a sentence differ in, where they would have the robot do different things. */
  #conflict(one: string, other: string): [string, string] | null {
    const [meaning, rival] = [this.#interpreter.interpret(one), this.#interpreter.interpret(other)];
    if (other === "" || (meaning.kind !== "calls" && rival.kind !== "calls")) return null;
    return Bun.deepEquals(meaning, rival) ? null : difference(one, other);
  }

  /** Stopping is never a mistake: it is honoured at any confidence. */
  #isStop(text: string): boolean {
    const meaning = this.#interpreter.interpret(text);
    return meaning.kind === "calls" && meaning.calls.every((call) => call.name === "stop");
  }

  #addWords(words: ReadonlySet<string>): void {
    for (const [word, sounds] of this.#learn(this.#decoder, words)) {
      for (const [index, phones] of sounds.entries())
        this.#sounds.set(entryOf(word, index), phones.split(" "));
      if (isGuessed(word))
        this.#warn(`No dictionary has the word "${word}"; it is understood as it is spelt.`);
    }
  }

  /** Adds the words that a decoder does not have; answers how those are said. */
  #learn(decoder: SphinxDecoder, words: Iterable<string>): Map<string, readonly string[]> {
    const fresh = pronunciations([...words].filter((word) => !decoder.hasWord(word)));
    for (const [word, sounds] of fresh) {
      for (const [index, phones] of sounds.entries()) decoder.addWord(entryOf(word, index), phones);
    }
    return fresh;
  }
}

/** A word's name in the dictionary of a decoder: `word`, `word(2)`. */
function entryOf(word: string, index: number): string {
  return index === 0 ? word : `${word}(${index + 1})`;
}
