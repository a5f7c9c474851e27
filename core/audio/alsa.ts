import { FFIType, dlopen, ptr } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ErrorCode } from "../errors.ts";

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
  snd_pcm_hw_params_set_format: { args: ["ptr", "ptr", "i32"], returns: "i32" },
  snd_pcm_hw_params_test_channels: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  snd_pcm_hw_params_set_channels: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  snd_pcm_hw_params_test_rate: { args: ["ptr", "ptr", "u32", "i32"], returns: "i32" },
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
  snd_pcm_wait: { args: ["ptr", "i32"], returns: "i32" },
  snd_pcm_readi: { args: ["ptr", "ptr", "u64"], returns: FFIType.i64_fast },
  snd_pcm_writei: { args: ["ptr", "ptr", "u64"], returns: FFIType.i64_fast },
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

/** An error for the main thread, which knows what the code means. */
export function deviceError(code: ErrorCode, message: string, cause?: unknown): Error & { code: ErrorCode } {
  return Object.assign(new Error(message, { cause }), { code });
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
  if (errno === EBUSY) return deviceError("DEVICE_BUSY", reason);
  if (errno === EACCES) return deviceError("DEVICE_FAILED", `${reason} (is the user in the group "audio"?)`);
  return deviceError("DEVICE_FAILED", reason);
}

/** A sound card as the kernel lists it. */
export interface Card {
  index: number;
  id: string;
  name: string;
}

/** The cards of /proc/asound/cards, as `arecord -l` shows them; none where the kernel has no sound. */
export function listCards(folder = "/proc/asound"): Card[] {
  const file = join(folder, "cards");
  if (!existsSync(file)) return [];
  const cards: Card[] = [];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    // " 1 [Device         ]: USB-Audio - USB PnP Sound Device", then a line with the long name.
    const match = /^\s*(\d+) \[(\S+)\s*\]: (.*)$/.exec(line);
    if (match) cards.push({ index: Number(match[1]), id: match[2]!, name: match[3]! });
    else if (cards.length > 0 && line.trim()) cards.at(-1)!.name += `; ${line.trim()}`;
  }
  return cards;
}

/**
 * The PCM to open for a device of a profile: "default", a part of a card's name, or a PCM's own name. Card numbers move
 * between boots, so a card is opened by its id. DEVICE_NOT_FOUND where the card cannot record, or play.
 */
export function findPcm(device: string, kind: "capture" | "playback", folder = "/proc/asound"): string {
  if (device === "default") return device;
  const wanted = device.toLowerCase();
  const cards = listCards(folder).filter((card) => `${card.id} ${card.name}`.toLowerCase().includes(wanted));
  if (cards.length === 0) return device;
  const suffix = kind === "capture" ? "c" : "p";
  for (const card of cards) {
    const numbers = readdirSync(join(folder, `card${card.index}`))
      .map((entry) => new RegExp(`^pcm(\\d+)${suffix}$`).exec(entry)?.[1])
      .filter((number) => number !== undefined)
      .map(Number);
    if (numbers.length > 0) return `plughw:CARD=${card.id},DEV=${Math.min(...numbers)}`;
  }
  const can = kind === "capture" ? "record" : "play";
  throw deviceError("DEVICE_NOT_FOUND", `the sound card "${cards[0]!.name}" cannot ${can}`);
}

/** An open PCM, its format settled and prepared. */
export interface Pcm {
  handle: Pointer;
  rateHz: number;
  channels: 1 | 2;
}

const NONBLOCK = 1;
const ACCESS_RW_INTERLEAVED = 3;
const FORMAT_S16_LE = 2;
/** Ours first; then what hardware has. The conversion is ours: libasound's own is linear interpolation. */
const RATES_HZ = [24_000, 48_000, 44_100, 32_000, 16_000, 22_050, 96_000, 8000];

/** Opens a PCM with a buffer of `bufferMs` in periods of `periodMs`; playback starts when `startMs` are queued. */
export function openPcm(
  device: string,
  kind: "capture" | "playback",
  { periodMs, bufferMs, startMs }: { periodMs: number; bufferMs: number; startMs: number },
): Pcm {
  const alsa = loadAlsa();
  const name = findPcm(device, kind);
  const out = new BigUint64Array(1);
  // Non-blocking, because a blocking open waits until another program is done with the device.
  const result = alsa.snd_pcm_open(ptr(out), name, kind === "playback" ? 0 : 1, NONBLOCK);
  if (result < 0) {
    const cards = listCards().map((card) => `${card.id} (${card.name})`);
    throw alsaError(
      alsa,
      result,
      `cannot open the ALSA device "${name}" (cards: ${cards.join(", ") || "none"})`,
    );
  }
  const handle = Number(out[0]) as Pointer;
  const check = (value: number, what: string): void => {
    if (value >= 0) return;
    alsa.snd_pcm_close(handle);
    throw alsaError(alsa, value, `the ALSA device "${name}" ${what}`);
  };
  check(alsa.snd_pcm_nonblock(handle, 0), "cannot block");
  const memory = new Uint8Array(Number(alsa.snd_pcm_hw_params_sizeof()));
  const params = ptr(memory);
  check(alsa.snd_pcm_hw_params_any(handle, params), "has no configuration");
  check(alsa.snd_pcm_hw_params_set_rate_resample(handle, params, 0), "cannot do without rate conversion");
  check(
    alsa.snd_pcm_hw_params_set_access(handle, params, ACCESS_RW_INTERLEAVED),
    "has no interleaved access",
  );
  check(alsa.snd_pcm_hw_params_set_format(handle, params, FORMAT_S16_LE), "has no 16-bit samples");
  const channels = alsa.snd_pcm_hw_params_test_channels(handle, params, 1) >= 0 ? 1 : 2;
  check(alsa.snd_pcm_hw_params_set_channels(handle, params, channels), "is neither mono nor stereo");
  const found = RATES_HZ.find((rate) => alsa.snd_pcm_hw_params_test_rate(handle, params, rate, 0) >= 0);
  const rateHz = found ?? 48_000;
  check(
    alsa.snd_pcm_hw_params_set_rate(handle, params, rateHz, 0),
    `has none of the rates ${RATES_HZ.join(", ")}`,
  );
  const size = new BigUint64Array([BigInt(Math.round((rateHz * periodMs) / 1000))]);
  check(alsa.snd_pcm_hw_params_set_period_size_near(handle, params, ptr(size), null), "has no such period");
  size[0] = BigInt(Math.round((rateHz * bufferMs) / 1000));
  check(alsa.snd_pcm_hw_params_set_buffer_size_near(handle, params, ptr(size)), "has no such buffer");
  check(alsa.snd_pcm_hw_params(handle, params), "refuses its configuration");
  const bufferFrames = Number(size[0]);

  const softMemory = new Uint8Array(Number(alsa.snd_pcm_sw_params_sizeof()));
  const soft = ptr(softMemory);
  const start = kind === "capture" ? 1 : Math.min(bufferFrames, Math.round((rateHz * startMs) / 1000));
  const portion = Math.min(bufferFrames, Math.round((rateHz * periodMs) / 1000));
  check(alsa.snd_pcm_sw_params_current(handle, soft), "has no software parameters");
  check(alsa.snd_pcm_sw_params_set_start_threshold(handle, soft, start), "refuses its start threshold");
  check(alsa.snd_pcm_sw_params_set_avail_min(handle, soft, portion), "refuses its wake-up threshold");
  check(alsa.snd_pcm_sw_params(handle, soft), "refuses its software parameters");
  check(alsa.snd_pcm_prepare(handle), "cannot be prepared");
  return { handle, rateHz, channels };
}
