import { Resampler } from "myna";
import type { Hearing, Recognizer, SpokenTool } from "../contracts.ts";
import { grammarOf } from "../mind/grammar.ts";
import { Interpreter } from "../mind/interpret.ts";
import { isGuessed, pronunciations } from "./dictionary.ts";
import { SPHINX_HZ, SphinxDecoder } from "./sphinx-decoder.ts";

const INPUT_HZ = 24_000;
/** Words of an utterance so far are looked at this often, in samples of {@link SPHINX_HZ}. */
const PARTIAL_SAMPLES = SPHINX_HZ / 5;

/**
 * Speech to text with pocketsphinx, along a grammar of what the tools of the session can be called with. Blocks the
 * calling thread for about 4 % of the length of the audio. Some 10 MB per instance.
 */
export class PocketsphinxRecognizer implements Recognizer {
  #warn: (message: string) => void;
  #decoder: SphinxDecoder;
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
    this.setTools([]);
  }

  setTools(tools: readonly SpokenTool[]): void {
    const key = JSON.stringify(tools);
    if (key === this.#tools) return;
    if (this.#listening) this.#end();
    const grammar = grammarOf(new Interpreter(tools).commands);
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
    this.#listening = true;
  }

  write(pcm: Int16Array): string | null {
    if (!this.#listening) this.start();
    const limit = this.#resampler.outputLimit(pcm.length);
    if (this.#samples.length < limit) this.#samples = new Int16Array(limit);
    const count = this.#resampler.process(pcm, this.#samples);
    this.#decoder.write(this.#samples.subarray(0, count));
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
    return { text, accepted: text !== "", confidence: text === "" ? 0 : 1 };
  }

  close(): void {
    this.#listening = false;
    this.#decoder.free();
  }

  #end(): void {
    this.#listening = false;
    this.#decoder.end();
  }

  #addWords(words: ReadonlySet<string>): void {
    const fresh = [...words].filter((word) => !this.#decoder.hasWord(word));
    for (const [word, sounds] of pronunciations(fresh)) {
      sounds.forEach((phones, index) =>
        this.#decoder.addWord(index === 0 ? word : `${word}(${index + 1})`, phones),
      );
      if (isGuessed(word))
        this.#warn(`No dictionary has the word "${word}"; it is understood as it is spelt.`);
    }
  }
}
