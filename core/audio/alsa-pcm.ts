import { ptr } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import { cardHolder, findPcm, listCards } from "./alsa-cards.ts";
import { alsaError, loadAlsa } from "./alsa.ts";
import { deviceError } from "./device-error.ts";

/** An open PCM, its format settled and prepared. */
export interface Pcm {
  handle: Pointer;
  rateHz: number;
  channels: 1 | 2;
  format: "s16" | "f32";
  /** Frames that its buffer holds. */
  bufferFrames: number;
}

/** What a PCM is opened with. */
export interface PcmWish {
  periodMs: number;
  bufferMs: number;
  /** Playback starts when so much is queued. */
  startMs: number;
  /** Without it the best of the device's rates. */
  rateHz?: number | undefined;
}

const NONBLOCK = 1;
const ACCESS_RW_INTERLEAVED = 3;
const FORMAT_S16_LE = 2;
const FORMAT_FLOAT_LE = 14;
/** Ours first; then what hardware has. The conversion is ours: libasound's own is linear interpolation. */
const RATES_HZ = [24_000, 48_000, 44_100, 32_000, 16_000, 22_050, 12_000, 11_025, 8000, 96_000];

/** Opens a PCM; the error says what the device can do instead. */
export function openPcm(device: string, kind: "capture" | "playback", wish: PcmWish): Pcm {
  const alsa = loadAlsa();
  const name = findPcm(device, kind);
  const out = new BigUint64Array(1);
  // Non-blocking, because a blocking open waits until another program is done with the device.
  const result = alsa.snd_pcm_open(ptr(out), name, kind === "playback" ? 0 : 1, NONBLOCK);
  if (result < 0) {
    const cards = listCards().map((card) => `${card.id} (${card.name})`);
    const holder = cardHolder(name, kind);
    const context = `${holder ? `held by ${holder}; ` : ""}cards: ${cards.join(", ") || "none"}`;
    throw alsaError(alsa, result, `cannot open the ALSA device "${name}" (${context})`);
  }
  const handle = Number(out[0]) as Pointer;
  try {
    return { handle, ...configure(handle, name, kind, wish) };
  } catch (error) {
    alsa.snd_pcm_close(handle);
    throw error;
  }
}

function configure(
  handle: Pointer,
  name: string,
  kind: "capture" | "playback",
  { periodMs, bufferMs, startMs, rateHz: wished }: PcmWish,
): Omit<Pcm, "handle"> {
  const alsa = loadAlsa();
  const check = (value: number, what: string): void => {
    if (value < 0) throw alsaError(alsa, value, `the ALSA device "${name}" ${what}`);
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
  const float = alsa.snd_pcm_hw_params_test_format(handle, params, FORMAT_S16_LE) < 0;
  const converted = `name the card by a part of its name, or put "plug:" in front, and ALSA converts`;
  check(
    alsa.snd_pcm_hw_params_set_format(handle, params, float ? FORMAT_FLOAT_LE : FORMAT_S16_LE),
    `gives neither 16-bit samples nor floats; ${converted}`,
  );
  const channels = alsa.snd_pcm_hw_params_test_channels(handle, params, 1) >= 0 ? 1 : 2;
  check(
    alsa.snd_pcm_hw_params_set_channels(handle, params, channels),
    `is neither mono nor stereo; ${converted}`,
  );
  const can = (rate: number) => alsa.snd_pcm_hw_params_test_rate(handle, params, rate, 0) >= 0;
  const rateHz = wished === undefined ? RATES_HZ.find(can) : can(wished) ? wished : undefined;
  if (rateHz === undefined) {
    const rates = RATES_HZ.filter(can).toSorted((a, b) => a - b);
    const has = rates.length > 0 ? rates.join(", ") : rateRange(params);
    const refused = wished === undefined ? `none of the rates ${RATES_HZ.join(", ")} Hz` : `no ${wished} Hz`;
    const fix = wished === undefined ? converted : "set rate_hz to one of them, or leave it out";
    throw deviceError("AUDIO_FORMAT", `the ALSA device "${name}" has ${refused}; it has ${has} Hz: ${fix}`);
  }
  check(alsa.snd_pcm_hw_params_set_rate(handle, params, rateHz, 0), `refuses ${rateHz} Hz`);
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
  return { rateHz, channels, format: float ? "f32" : "s16", bufferFrames };
}

function rateRange(params: Pointer): string {
  const alsa = loadAlsa();
  const bounds = new Int32Array(2);
  const direction = new Int32Array(1);
  alsa.snd_pcm_hw_params_get_rate_min(params, ptr(bounds), ptr(direction));
  alsa.snd_pcm_hw_params_get_rate_max(params, ptr(bounds, 4), ptr(direction));
  return `${bounds[0]} to ${bounds[1]}`;
}
