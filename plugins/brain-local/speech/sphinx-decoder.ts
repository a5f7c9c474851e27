import { MynaError } from "myna";
import {
  ACOUSTIC_MODEL,
  cString,
  pointer,
  type Pointer,
  ptr,
  type SphinxLibrary,
  sphinxLibrary,
  textAt,
} from "./sphinx-library.ts";

/** A word of a hypothesis and where it was heard; frames of 10 ms. */
export interface Segment {
  word: string;
  startFrame: number;
  endFrame: number;
  /** Acoustic score: log likelihood in the decoder's own base, relative to the best state of each frame. */
  score: number;
}

/** 16 kHz is what the model was trained with. */
export const SPHINX_HZ = 16_000;

/**
 * A pocketsphinx decoder with a dictionary of its own: it knows the words that were added, and decodes one utterance at a
 * time along the selected grammar. Not thread-safe. `free` gives its memory back.
 */
export class SphinxDecoder {
  readonly #library: SphinxLibrary;
  #decoder: Pointer | null;
  readonly #config: Pointer;
  #words = new Set<string>();
  readonly #numbers = new Int32Array(4);

  /** Throws SPEECH_UNAVAILABLE when the library or its model is missing. `flags` are pocketsphinx' own (`-beam` …). */
  constructor(flags: Readonly<Record<string, string>> = {}) {
    this.#library = sphinxLibrary();
    const { base, decoder } = this.#library;
    const args = Object.entries({ "-hmm": ACOUSTIC_MODEL, "-bestpath": "no", ...flags }).flat();
    const strings = ["myna", ...args].map(cString);
    const vector = new BigUint64Array(strings.map((string) => BigInt(ptr(string))));
    const config = base.cmd_ln_parse_r(null, decoder.ps_args(), strings.length, ptr(vector), 1);
    const made = config === null ? null : pointer(decoder.ps_init(pointer(config)));
    if (config === null || made === null) {
      throw new MynaError("SPEECH_UNAVAILABLE", "The speech recogniser could not load its model.");
    }
    this.#config = pointer(config)!;
    this.#decoder = made;
  }

  hasWord(word: string): boolean {
    return this.#words.has(word);
  }

  /** `phones` in ARPAbet as the model has them, without stress: "R OW B AA T". Further ways to say a word are `word(2)` … */
  addWord(word: string, phones: string): void {
    const [name, sounds] = [cString(word), cString(phones)];
    if (this.#library.decoder.ps_add_word(this.#handle, ptr(name), ptr(sounds), 0) < 0) {
      throw new MynaError(
        "SPEECH_UNAVAILABLE",
        `The recogniser does not take the word "${word}" (${phones}).`,
      );
    }
    this.#words.add(word);
  }

  /** Makes a grammar known by `name`, replacing one of that name. All its words must have been added. */
  setGrammar(name: string, jsgf: string): void {
    const [cName, cText] = [cString(name), cString(jsgf)];
    if (this.#library.decoder.ps_set_jsgf_string(this.#handle, ptr(cName), ptr(cText)) < 0) {
      throw new MynaError("SPEECH_UNAVAILABLE", `The recogniser does not take the grammar "${name}".`);
    }
  }

  /** The grammar of the next utterance. */
  select(name: string): void {
    const cName = cString(name);
    this.#library.decoder.ps_set_search(this.#handle, ptr(cName));
  }

  forget(name: string): void {
    const cName = cString(name);
    this.#library.decoder.ps_unset_search(this.#handle, ptr(cName));
  }

  start(): void {
    this.#library.decoder.ps_start_utt(this.#handle);
  }

  /** 16 kHz mono. */
  write(pcm: Int16Array): void {
    if (pcm.length > 0) this.#library.decoder.ps_process_raw(this.#handle, ptr(pcm), pcm.length, 0, 0);
  }

  /** A whole utterance, 16 kHz mono, in place of `start`, `write` and `end`: its loudness is that of this utterance alone. */
  hear(pcm: Int16Array): void {
    this.start();
    if (pcm.length > 0) this.#library.decoder.ps_process_raw(this.#handle, ptr(pcm), pcm.length, 0, 1);
    this.end();
  }

  end(): void {
    this.#library.decoder.ps_end_utt(this.#handle);
  }

  /** The best words so far; after `end` only sentences of the grammar to their end. */
  hypothesis(): string {
    return textAt(pointer(this.#library.decoder.ps_get_hyp(this.#handle, ptr(this.#numbers))));
  }

  /** The words of the best hypothesis with silences and fillers (`<sil>`, `[NOISE]`). */
  segments(): Segment[] {
    const { decoder } = this.#library;
    const found: Segment[] = [];
    const numbers = this.#numbers;
    const at = ptr(numbers);
    for (
      let segment = pointer(decoder.ps_seg_iter(this.#handle));
      segment !== null;
      segment = pointer(decoder.ps_seg_next(segment))
    ) {
      const word = textAt(pointer(decoder.ps_seg_word(segment)));
      // A transition of the grammar without a word.
      if (word === "(NULL)") continue;
      decoder.ps_seg_frames(segment, at, (at + 4) as Pointer);
      decoder.ps_seg_prob(segment, (at + 8) as Pointer, (at + 12) as Pointer, null);
      found.push({
        word,
        startFrame: numbers[0]!,
        endFrame: numbers[1]!,
        score: numbers[2]!,
      });
    }
    return found;
  }

  /** Idempotent; the decoder must not be used afterwards. */
  free(): void {
    if (this.#decoder === null) return;
    this.#library.decoder.ps_free(this.#decoder);
    this.#library.base.cmd_ln_free_r(this.#config);
    this.#decoder = null;
  }

  get #handle(): Pointer {
    if (this.#decoder === null) throw new MynaError("SHUTTING_DOWN", "The recogniser is closed.");
    return this.#decoder;
  }
}
