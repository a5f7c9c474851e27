import { Resampler } from "myna";
import type { Hearing, Recognizer, SpokenTool } from "../contracts.ts";
import { grammarOf } from "../mind/grammar.ts";
import { Interpreter } from "../mind/interpret.ts";
import { isGuessed, pronunciations } from "./dictionary.ts";
import { createPhoneLoop } from "./phone-loop.ts";
import { SPHINX_HZ, SphinxDecoder } from "./sphinx-decoder.ts";
import { confidenceOf, misfitOf } from "./trust.ts";

const INPUT_HZ = 24_000;
/** Words of an utterance so far are looked at this often, in samples of {@link SPHINX_HZ}. */
const PARTIAL_SAMPLES = SPHINX_HZ / 5;
/** A sentence is believed from this confidence on. */
const BELIEVED = 0.5;

/**
 * Speech to text with pocketsphinx, along a grammar of what the tools of the session can be called with. A grammar hears
 * a command in anything, so the same audio is also heard as bare phones, and a sentence that explains it much worse than
 * they do is not accepted. Blocks the calling thread for about 8 % of the length of the audio, mostly while it is
 * written; some 20 MB per instance.
 */
export class PocketsphinxRecognizer implements Recognizer {
  #warn: (message: string) => void;
  #decoder: SphinxDecoder;
  #phones: SphinxDecoder;
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
    const text = this.#decoder.hypothesis();
    if (text === "") return { text, accepted: false, confidence: 0 };
    const misfit = misfitOf({
      sentence: this.#decoder.segments(),
      phones: this.#phones.segments(),
      soundsOf: (word) => this.#sounds.get(word),
    });
    const confidence = misfit ? confidenceOf(misfit) : 0;
    return { text, accepted: confidence >= BELIEVED || this.#isStop(text), confidence };
  }

  close(): void {
    this.#listening = false;
    this.#decoder.free();
    this.#phones.free();
  }

  #end(): void {
    this.#listening = false;
    this.#decoder.end();
    this.#phones.end();
  }

  /** Stopping is never a mistake: it is honoured at any confidence. */
  #isStop(text: string): boolean {
    const meaning = this.#interpreter.interpret(text);
    return meaning.kind === "calls" && meaning.calls.every((call) => call.name === "stop");
  }

  #addWords(words: ReadonlySet<string>): void {
    const fresh = [...words].filter((word) => !this.#decoder.hasWord(word));
    for (const [word, sounds] of pronunciations(fresh)) {
      for (const [index, phones] of sounds.entries()) {
        const entry = index === 0 ? word : `${word}(${index + 1})`;
        this.#decoder.addWord(entry, phones);
        this.#sounds.set(entry, phones.split(" "));
      }
      if (isGuessed(word))
        this.#warn(`No dictionary has the word "${word}"; it is understood as it is spelt.`);
    }
  }
}
