import { FFIType, dlopen } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import { deviceError } from "./device-error.ts";

/** C signatures from /usr/include/alsa/pcm.h of libasound 1.2; `u64` is snd_pcm_uframes_t and size_t. */
const SYMBOLS = {
  snd_lib_error_set_handler: { args: ["ptr"], returns: "i32" },
  snd_strerror: { args: ["i32"], returns: "cstring" },
  snd_pcm_open: { args: ["ptr", "cstring", "i32", "i32"], returns: "i32" },
  snd_pcm_nonblock: { args: ["ptr", "i32"], returns: "i32" },
  snd_pcm_close: { args: ["ptr"], returns: "i32" },
  snd_pcm_hw_params_sizeof: { args: [], returns: FFIType.u64_fast },
  snd_pcm_hw_params_any: { args: ["ptr", "ptr"], returns: "i32" },
  snd_pcm_hw_params_set_rate_resample: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  snd_pcm_hw_params_set_access: { args: ["ptr", "ptr", "i32"], returns: "i32" },
  snd_pcm_hw_params_test_format: { args: ["ptr", "ptr", "i32"], returns: "i32" },
  snd_pcm_hw_params_set_format: { args: ["ptr", "ptr", "i32"], returns: "i32" },
  snd_pcm_hw_params_test_channels: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  snd_pcm_hw_params_set_channels: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  snd_pcm_hw_params_test_rate: { args: ["ptr", "ptr", "u32", "i32"], returns: "i32" },
  snd_pcm_hw_params_get_rate_min: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  snd_pcm_hw_params_get_rate_max: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  snd_pcm_hw_params_set_rate: { args: ["ptr", "ptr", "u32", "i32"], returns: "i32" },
  snd_pcm_hw_params_set_period_size_near: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  snd_pcm_hw_params_set_buffer_size_near: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  snd_pcm_hw_params: { args: ["ptr", "ptr"], returns: "i32" },
  snd_pcm_sw_params_sizeof: { args: [], returns: FFIType.u64_fast },
  snd_pcm_sw_params_current: { args: ["ptr", "ptr"], returns: "i32" },
  snd_pcm_sw_params_set_start_threshold: { args: ["ptr", "ptr", "u64"], returns: "i32" },
  snd_pcm_sw_params_set_avail_min: { args: ["ptr", "ptr", "u64"], returns: "i32" },
  snd_pcm_sw_params: { args: ["ptr", "ptr"], returns: "i32" },
  snd_pcm_prepare: { args: ["ptr"], returns: "i32" },
  snd_pcm_start: { args: ["ptr"], returns: "i32" },
  snd_pcm_drop: { args: ["ptr"], returns: "i32" },
  snd_pcm_poll_descriptors_count: { args: ["ptr"], returns: "i32" },
  snd_pcm_poll_descriptors: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  snd_pcm_wait: { args: ["ptr", "i32"], returns: "i32" },
  snd_pcm_readi: { args: ["ptr", "ptr", "u64"], returns: FFIType.i64_fast },
  snd_pcm_writei: { args: ["ptr", "ptr", "u64"], returns: FFIType.i64_fast },
  snd_pcm_avail: { args: ["ptr"], returns: FFIType.i64_fast },
  snd_pcm_delay: { args: ["ptr", "ptr"], returns: "i32" },
  snd_pcm_recover: { args: ["ptr", "i32", "i32"], returns: "i32" },
} as const;

/** Functions of libasound.so.2. */
export type Alsa = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

let loaded: Alsa | undefined;

/** Loads libasound and keeps it from writing to stderr. DEVICE_NOT_FOUND names the package where it is missing. */
export function loadAlsa(library = "libasound.so.2"): Alsa {
  if (loaded) return loaded;
  try {
    loaded = dlopen(library, SYMBOLS).symbols;
  } catch (cause) {
    throw deviceError(
      "DEVICE_NOT_FOUND",
      `${library} cannot be loaded; on Debian install the package libasound2`,
      cause,
    );
  }
  const quiet = silentHandler();
  if (quiet) loaded.snd_lib_error_set_handler(quiet);
  return loaded;
}

/**
 * The handler is a variadic C function, called by any thread of libasound: a callback into JavaScript would be neither. A C
 * function that ignores its arguments and has no effect serves.
 */
function silentHandler(): Pointer | null {
  try {
    const { symbols } = dlopen("libc.so.6", { dlsym: { args: ["ptr", "cstring"], returns: "ptr" } });
    return symbols.dlsym(null, "getpid") as Pointer | null;
  } catch {
    return null;
  }
}

/** errno values of Linux. */
const MISSING: ReadonlySet<number> = new Set([2, 6, 19, 111, 112]);
const EBUSY = 16;
const EACCES = 13;

/** The error for a negative result of libasound. */
export function alsaError(alsa: Alsa, result: number, what: string): Error {
  const errno = -result;
  const reason = `${what}: ${String(alsa.snd_strerror(result))}`;
  if (MISSING.has(errno)) return deviceError("DEVICE_NOT_FOUND", reason);
  if (errno === EBUSY) {
    const fix = `close the program that holds it, or use the device "default" where a sound server shares the card`;
    return deviceError("DEVICE_BUSY", `${reason}; ${fix}`);
  }
  if (errno === EACCES) return deviceError("DEVICE_FAILED", `${reason} (is the user in the group "audio"?)`);
  return deviceError("DEVICE_FAILED", reason);
}
