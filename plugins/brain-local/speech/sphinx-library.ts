import { CString, dlopen, type Library, type Pointer, ptr } from "bun:ffi";
import { existsSync } from "node:fs";
import { MynaError } from "myna";

/** Signatures of pocketsphinx and sphinxbase 0.8+5prealpha (Debian 12), from pocketsphinx.h, cmd_ln.h and err.h. */
const BASE = {
  err_set_logfp: { args: ["ptr"], returns: "void" },
  cmd_ln_parse_r: { args: ["ptr", "ptr", "i32", "ptr", "i32"], returns: "ptr" },
  cmd_ln_free_r: { args: ["ptr"], returns: "i32" },
} as const;
const DECODER = {
  ps_args: { args: [], returns: "ptr" },
  ps_init: { args: ["ptr"], returns: "ptr" },
  ps_free: { args: ["ptr"], returns: "i32" },
  ps_add_word: { args: ["ptr", "ptr", "ptr", "i32"], returns: "i32" },
  ps_set_jsgf_string: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  ps_set_search: { args: ["ptr", "ptr"], returns: "i32" },
  ps_unset_search: { args: ["ptr", "ptr"], returns: "i32" },
  ps_start_utt: { args: ["ptr"], returns: "i32" },
  ps_process_raw: { args: ["ptr", "ptr", "usize", "i32", "i32"], returns: "i32" },
  ps_end_utt: { args: ["ptr"], returns: "i32" },
  ps_get_n_frames: { args: ["ptr"], returns: "i32" },
  ps_get_hyp: { args: ["ptr", "ptr"], returns: "ptr" },
  ps_seg_iter: { args: ["ptr"], returns: "ptr" },
  ps_seg_next: { args: ["ptr"], returns: "ptr" },
  ps_seg_word: { args: ["ptr"], returns: "ptr" },
  ps_seg_frames: { args: ["ptr", "ptr", "ptr"], returns: "void" },
  ps_seg_prob: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "i32" },
} as const;

/** The functions of the two libraries. */
export interface SphinxLibrary {
  base: Library<typeof BASE>["symbols"];
  decoder: Library<typeof DECODER>["symbols"];
}

/** Where the US English model of Debian's `pocketsphinx-en-us` lies. */
const MODEL = "/usr/share/pocketsphinx/model/en-us";
export const ACOUSTIC_MODEL = `${MODEL}/en-us`;
export const DICTIONARY = `${MODEL}/cmudict-en-us.dict`;

const HINT = "Run `./setup`, or `apt-get install pocketsphinx pocketsphinx-en-us`, to have the robot hear.";

let loaded: SphinxLibrary | MynaError | undefined;

/** The libraries, loaded once per process and silenced. Throws SPEECH_UNAVAILABLE naming the missing package. */
export function sphinxLibrary(): SphinxLibrary {
  loaded ??= load();
  if (loaded instanceof MynaError) throw loaded;
  return loaded;
}

/** Whether the recogniser and its model are installed; if not, how to get them. */
export function speechAvailable(): { available: boolean; hint?: string } {
  try {
    sphinxLibrary();
    return { available: true };
  } catch (thrown) {
    return { available: false, hint: Error.isError(thrown) ? thrown.message : String(thrown) };
  }
}

function load(): SphinxLibrary | MynaError {
  let library: SphinxLibrary;
  try {
    library = {
      base: dlopen("libsphinxbase.so.3", BASE).symbols,
      decoder: dlopen("libpocketsphinx.so.3", DECODER).symbols,
    };
  } catch (cause) {
    const message = `The speech recogniser is not installed (package pocketsphinx). ${HINT}`;
    return new MynaError("SPEECH_UNAVAILABLE", message, { cause });
  }
  if (!existsSync(`${ACOUSTIC_MODEL}/mdef`) || !existsSync(DICTIONARY)) {
    const message = `The model of the speech recogniser is not installed (package pocketsphinx-en-us). ${HINT}`;
    return new MynaError("SPEECH_UNAVAILABLE", message);
  }
  library.base.err_set_logfp(null);
  return library;
}

/** A zero-terminated C string; the caller keeps it alive for the call. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, "utf8");
}

/** What C returned as a pointer: bun:ffi gives a number, a bigint by its types only. */
export function pointer(value: Pointer | bigint | null): Pointer | null {
  return value === null ? null : (Number(value) as Pointer);
}

/** Text that C owns. */
export function textAt(pointer: Pointer | null): string {
  return pointer === null ? "" : new CString(pointer).toString();
}

export { ptr, type Pointer };
