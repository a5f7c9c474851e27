import { MynaError } from "myna";
import { dlopen } from "bun:ffi";

/** C signatures from /usr/include/speex/speex_echo.h and speex_preprocess.h of libspeexdsp 1.2. */
const SYMBOLS = {
  speex_echo_state_init: { args: ["i32", "i32"], returns: "ptr" },
  speex_echo_state_destroy: { args: ["ptr"], returns: "void" },
  speex_echo_state_reset: { args: ["ptr"], returns: "void" },
  speex_echo_cancellation: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "void" },
  speex_echo_ctl: { args: ["ptr", "i32", "ptr"], returns: "i32" },
  speex_preprocess_state_init: { args: ["i32", "i32"], returns: "ptr" },
  speex_preprocess_state_destroy: { args: ["ptr"], returns: "void" },
  speex_preprocess_run: { args: ["ptr", "ptr"], returns: "i32" },
  speex_preprocess_ctl: { args: ["ptr", "i32", "ptr"], returns: "i32" },
} as const;

/** Requests of the two `_ctl` functions. */
export const ECHO_SET_SAMPLING_RATE = 24;
export const PREPROCESS_SET_DENOISE = 0;
export const PREPROCESS_SET_NOISE_SUPPRESS = 18;
export const PREPROCESS_SET_ECHO_SUPPRESS = 20;
export const PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE = 22;
export const PREPROCESS_SET_ECHO_STATE = 24;

/** Functions of libspeexdsp.so.1. */
export type SpeexDsp = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

const LIBRARY = "libspeexdsp.so.1";

let loaded: SpeexDsp | undefined;

/** Loads the library, once. DEVICE_NOT_FOUND, which lets the next driver of `use` take over, names the package where it is missing. */
export function loadSpeexDsp(library: string = LIBRARY): SpeexDsp {
  if (loaded && library === LIBRARY) return loaded;
  try {
    const { symbols } = dlopen(library, SYMBOLS);
    loaded ??= symbols;
    return symbols;
  } catch (cause) {
    throw new MynaError(
      "DEVICE_NOT_FOUND",
      `${library} cannot be loaded; on Debian install the package libspeexdsp1`,
      { cause },
    );
  }
}
