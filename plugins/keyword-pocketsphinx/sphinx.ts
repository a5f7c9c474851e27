import { CString, dlopen, type Pointer, ptr } from "bun:ffi";
import { existsSync } from "node:fs";

/** Signatures of pocketsphinx and sphinxbase 0.8+5prealpha (Debian 12), from pocketsphinx.h, cmd_ln.h and err.h. */
const BASE = {
  err_set_logfp: { args: ["ptr"], returns: "void" },
  cmd_ln_parse_r: { args: ["ptr", "ptr", "i32", "ptr", "i32"], returns: "ptr" },
} as const;
const DECODER = {
  ps_args: { args: [], returns: "ptr" },
  ps_init: { args: ["ptr"], returns: "ptr" },
  ps_add_word: { args: ["ptr", "ptr", "ptr", "i32"], returns: "i32" },
  ps_set_kws: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  ps_set_jsgf_string: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  ps_set_search: { args: ["ptr", "ptr"], returns: "i32" },
  ps_start_stream: { args: ["ptr"], returns: "i32" },
  ps_start_utt: { args: ["ptr"], returns: "i32" },
  ps_process_raw: { args: ["ptr", "ptr", "usize", "i32", "i32"], returns: "i32" },
  ps_end_utt: { args: ["ptr"], returns: "i32" },
  ps_get_hyp: { args: ["ptr", "ptr"], returns: "ptr" },
  ps_seg_iter: { args: ["ptr"], returns: "ptr" },
  ps_seg_next: { args: ["ptr"], returns: "ptr" },
  ps_seg_word: { args: ["ptr"], returns: "ptr" },
  ps_seg_frames: { args: ["ptr", "ptr", "ptr"], returns: "void" },
  ps_seg_prob: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "i32" },
} as const;

/** Where the US English model of Debian's `pocketsphinx-en-us` lies. */
const MODEL = "/usr/share/pocketsphinx/model/en-us";
const ACOUSTIC_MODEL = `${MODEL}/en-us`;

/** Words and their sounds: one word a line, sounds in ARPAbet behind it. */
export const DICTIONARY: string = `${MODEL}/cmudict-en-us.dict`;

/** What the model was trained with. */
export const SPHINX_HZ = 16_000;

/** The name of a decoder's only search. */
const SEARCH = "words";

/** How to get what is missing; "" where everything is installed. */
export function missing(): string {
  const hint = "run `./setup`, or `apt-get install pocketsphinx pocketsphinx-en-us`";
  try {
    dlopen("libsphinxbase.so.3", BASE).close();
    dlopen("libpocketsphinx.so.3", DECODER).close();
  } catch {
    return `the recogniser is not installed (package pocketsphinx): ${hint}`;
  }
  return existsSync(DICTIONARY)
    ? ""
    : `the recogniser's model is not installed (package pocketsphinx-en-us): ${hint}`;
}

/** A place where a phrase may have been said; frames of 10 ms since the decoder began. */
export interface Spot {
  text: string;
  fromFrame: number;
  toFrame: number;
  /** Log likelihood in the decoder's own unit, below 0: the nearer to 0 the likelier. */
  score: number;
}

/**
 * A pocketsphinx decoder. Lives as long as its process, which is made for it: nothing is freed. Silence is decoded like sound, so
 * that its frames are time.
 */
export class Sphinx {
  readonly #decoder: Pointer;
  readonly #library = dlopen("libpocketsphinx.so.3", DECODER).symbols;
  readonly #numbers = new Int32Array(4);
  readonly #words = new Set<string>();
  #samples = 0;

  /** `flags` are pocketsphinx' own (`-beam` …). Throws where the model cannot be loaded. */
  constructor(flags: readonly string[] = []) {
    const base = dlopen("libsphinxbase.so.3", BASE).symbols;
    base.err_set_logfp(null);
    const strings = ["myna", "-hmm", ACOUSTIC_MODEL, "-remove_silence", "no", ...flags].map(cString);
    const vector = new BigUint64Array(strings.map((string) => BigInt(ptr(string))));
    const config = pointer(
      base.cmd_ln_parse_r(null, this.#library.ps_args(), strings.length, ptr(vector), 1),
    );
    const decoder = config && pointer(this.#library.ps_init(config));
    if (!decoder) throw new Error("the recogniser could not load its model");
    this.#decoder = decoder;
  }

  /** `sounds` in ARPAbet; a word that is known already stays as it is. Further ways to say one are `word(2)` … */
  addWord(word: string, sounds: string): void {
    if (this.#words.has(word)) return;
    this.#words.add(word);
    const [name, phones] = [cString(word), cString(sounds)];
    if (this.#library.ps_add_word(this.#decoder, ptr(name), ptr(phones), 1) < 0)
      throw new Error(`the recogniser does not take the word "${word}" (${sounds})`);
  }

  /** Looks from now on for the phrases in `file`, one a line, each with its threshold between slashes. */
  spotPhrases(file: string): void {
    const [search, path] = [cString(SEARCH), cString(file)];
    if (this.#library.ps_set_kws(this.#decoder, ptr(search), ptr(path)) < 0)
      throw new Error("the recogniser does not take the phrases");
    this.#library.ps_set_search(this.#decoder, ptr(search));
    this.#begin();
  }

  /** Hears sentences of the grammar from now on. */
  setGrammar(jsgf: string): void {
    const [search, text] = [cString(SEARCH), cString(jsgf)];
    if (this.#library.ps_set_jsgf_string(this.#decoder, ptr(search), ptr(text)) < 0)
      throw new Error("the recogniser does not take its grammar");
    this.#library.ps_set_search(this.#decoder, ptr(search));
  }

  /** Samples since the beginning, or the last `restart`: the recogniser's memory grows with them. */
  get samples(): number {
    return this.#samples;
  }

  /** Takes 16 kHz mono of a stream that never ends. */
  push(pcm: Int16Array): void {
    this.#library.ps_process_raw(this.#decoder, ptr(pcm), pcm.length, 0, 0);
    this.#samples += pcm.length;
  }

  /** Where phrases may have been said since the last `restart`, in no order; the likeliest of places that overlap. */
  spots(): Spot[] {
    const found: Spot[] = [];
    const at = ptr(this.#numbers);
    for (
      let segment = pointer(this.#library.ps_seg_iter(this.#decoder));
      segment !== null;
      segment = pointer(this.#library.ps_seg_next(segment))
    ) {
      const text = textAt(pointer(this.#library.ps_seg_word(segment)));
      this.#library.ps_seg_frames(segment, at, (at + 4) as Pointer);
      const score = this.#library.ps_seg_prob(segment, (at + 8) as Pointer, (at + 12) as Pointer, null);
      found.push({ text, fromFrame: this.#numbers[0]!, toFrame: this.#numbers[1]!, score });
    }
    return found;
  }

  /** Begins anew, as if nothing had been said yet; frames count from here. */
  restart(): void {
    this.#library.ps_end_utt(this.#decoder);
    this.#begin();
  }

  /** A whole utterance, 16 kHz mono, along the grammar; "" where no sentence fits. */
  hear(pcm: Int16Array): string {
    this.#library.ps_start_utt(this.#decoder);
    this.#library.ps_process_raw(this.#decoder, ptr(pcm), pcm.length, 0, 1);
    this.#library.ps_end_utt(this.#decoder);
    return textAt(pointer(this.#library.ps_get_hyp(this.#decoder, ptr(this.#numbers))));
  }

  #begin(): void {
    this.#samples = 0;
    this.#library.ps_start_stream(this.#decoder);
    this.#library.ps_start_utt(this.#decoder);
  }
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, "utf8");
}

/** bun:ffi gives a number, a bigint by its types only. */
function pointer(value: Pointer | bigint | null): Pointer | null {
  return value === null ? null : (Number(value) as Pointer);
}

function textAt(at: Pointer | null): string {
  return at === null ? "" : new CString(at).toString().trim();
}
