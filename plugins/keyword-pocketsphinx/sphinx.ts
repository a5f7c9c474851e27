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
  ps_set_search: { args: ["ptr", "ptr"], returns: "i32" },
  ps_start_utt: { args: ["ptr"], returns: "i32" },
  ps_process_raw: { args: ["ptr", "ptr", "usize", "i32", "i32"], returns: "i32" },
  ps_end_utt: { args: ["ptr"], returns: "i32" },
  ps_get_hyp: { args: ["ptr", "ptr"], returns: "ptr" },
} as const;

/** Where the US English model of Debian's `pocketsphinx-en-us` lies. */
const MODEL = "/usr/share/pocketsphinx/model/en-us";
const ACOUSTIC_MODEL = `${MODEL}/en-us`;

/** Words and their sounds: one word a line, sounds in ARPAbet behind it. */
export const DICTIONARY: string = `${MODEL}/cmudict-en-us.dict`;

/** What the model was trained with. */
export const SPHINX_HZ = 16_000;

/** The name of the only search. */
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

/** A phrase to listen for. */
export interface Phrase {
  /** Lower case. */
  text: string;
  /** ARPAbet of each of its words, where the dictionary is not to be asked. */
  sounds: readonly string[];
  /** 10 to this power: the nearer to 0, the fewer false alarms and the more misses. */
  threshold: number;
}

/**
 * A pocketsphinx decoder that spots phrases in a stream that never ends. Lives as long as its process, which is made for
 * it: nothing is freed. `keyFile` is a path that it may write to and delete.
 */
export class WordSpotter {
  readonly #decoder: Pointer;
  readonly #library = dlopen("libpocketsphinx.so.3", DECODER).symbols;
  readonly #score = new Int32Array(1);
  #samples = 0;

  /** Throws where a word or phrase is not taken. */
  constructor(phrases: readonly Phrase[], keyFile: string) {
    const base = dlopen("libsphinxbase.so.3", BASE).symbols;
    base.err_set_logfp(null);
    const strings = ["myna", "-hmm", ACOUSTIC_MODEL, "-kws_delay", "5"].map(cString);
    const vector = new BigUint64Array(strings.map((string) => BigInt(ptr(string))));
    const config = pointer(
      base.cmd_ln_parse_r(null, this.#library.ps_args(), strings.length, ptr(vector), 1),
    );
    const decoder = config && pointer(this.#library.ps_init(config));
    if (!decoder) throw new Error("the recogniser could not load its model");
    this.#decoder = decoder;
    const known = new Set<string>();
    for (const { text, sounds } of phrases) {
      for (const [index, word] of text.split(" ").entries()) {
        if (known.has(word)) continue;
        known.add(word);
        const [name, phones] = [cString(word), cString(sounds[index] ?? "")];
        if (this.#library.ps_add_word(decoder, ptr(name), ptr(phones), 1) < 0)
          throw new Error(`the recogniser does not take the word "${word}" (${sounds[index]})`);
      }
    }
    const [search, file] = [cString(SEARCH), cString(keyFile)];
    if (this.#library.ps_set_kws(decoder, ptr(search), ptr(file)) < 0)
      throw new Error(
        `the recogniser does not take the phrases ${phrases.map(({ text }) => text).join(", ")}`,
      );
    this.#library.ps_set_search(decoder, ptr(search));
    this.#library.ps_start_utt(decoder);
  }

  /** What `WordSpotter`'s `keyFile` must hold. */
  static keyList(phrases: readonly Phrase[]): string {
    return phrases.map(({ text, threshold }) => `${text} /1e${threshold}/\n`).join("");
  }

  /** Takes 16 kHz mono; answers the phrase that has just been said, "" for none. */
  push(pcm: Int16Array): string {
    this.#library.ps_process_raw(this.#decoder, ptr(pcm), pcm.length, 0, 0);
    this.#samples += pcm.length;
    const at = pointer(this.#library.ps_get_hyp(this.#decoder, ptr(this.#score)));
    const heard = at === null ? "" : new CString(at).toString().trim();
    if (heard !== "") this.restart();
    return heard;
  }

  /** So many seconds since the last `restart`: the recogniser's memory grows with them. */
  get seconds(): number {
    return this.#samples / SPHINX_HZ;
  }

  /** Begins anew, as if nothing had been said yet. */
  restart(): void {
    this.#samples = 0;
    this.#library.ps_end_utt(this.#decoder);
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
