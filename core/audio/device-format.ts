import { RATE_HZ } from "./port.ts";
import { Resampler } from "./resample.ts";
import type { StreamResampler } from "./resample.ts";
import { SpeexResampler } from "./speex-resampler.ts";

/** Up to so many filter phases speexdsp keeps its filter as a table, and is twice as fast as ours; beyond, half as fast. */
const SPEEX_PHASES = 12;

/**
 * The conversion between a device's rate and the runtime's, for blocks of up to `blockSamples` at `fromHz`; none where the
 * rates are equal.
 */
export async function edgeResampler(
  fromHz: number,
  toHz: number,
  blockSamples: number,
): Promise<StreamResampler | undefined> {
  if (fromHz === toHz) return undefined;
  const phases = toHz / greatestDivisor(fromHz, toHz);
  return phases <= SPEEX_PHASES
    ? SpeexResampler.create(fromHz, toHz, blockSamples)
    : new Resampler(fromHz, toHz);
}

/** What a device may open with; the message is for the person who configures it. */
export function checkFormat(rateHz: number, channels: number, format: string | undefined): void {
  const problem =
    !Number.isInteger(rateHz) || rateHz < 8000 || rateHz > 192_000
      ? `a rate of ${rateHz} Hz; it must be a whole number from 8000 to 192000 (the runtime converts to ${RATE_HZ})`
      : channels !== 1 && channels !== 2
        ? `${channels} channels; it must be 1 or 2`
        : format !== undefined && format !== "s16" && format !== "f32"
          ? `the sample format "${format}"; it must be s16 or f32`
          : undefined;
  if (problem) throw new Error(`the device opened with ${problem}`);
}

/** Averages the channels of `count` PCM16 frames. */
export function monoFromS16(frames: Int16Array, channels: 1 | 2, mono: Int16Array, count: number): void {
  if (channels === 1) {
    if (frames !== mono) for (let i = 0; i < count; i++) mono[i] = frames[i]!;
    return;
  }
  for (let i = 0; i < count; i++) mono[i] = (frames[2 * i]! + frames[2 * i + 1]!) >> 1;
}

/** Averages the channels of `count` float frames; what is not a number becomes silence, what is too loud is clipped. */
export function monoFromF32(frames: Float32Array, channels: 1 | 2, mono: Int16Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const value =
      channels === 1
        ? finite(frames[i]!) * 32_768
        : (finite(frames[2 * i]!) + finite(frames[2 * i + 1]!)) * 16_384;
    mono[i] = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : Math.round(value);
  }
}

/** The same sound on every channel of a PCM16 device. */
export function s16FromMono(mono: Int16Array, channels: 1 | 2, frames: Int16Array, count: number): void {
  if (channels === 1) {
    if (frames !== mono) for (let i = 0; i < count; i++) frames[i] = mono[i]!;
    return;
  }
  for (let i = 0; i < count; i++) frames[2 * i] = frames[2 * i + 1] = mono[i]!;
}

/** The same sound on every channel of a float device. */
export function f32FromMono(mono: Int16Array, channels: 1 | 2, frames: Float32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = mono[i]! / 32_768;
    if (channels === 1) frames[i] = value;
    else frames[2 * i] = frames[2 * i + 1] = value;
  }
}

/** The first so many samples of a block; block lengths repeat, so each view is made once. */
export class Views<T extends Int16Array | Float32Array> {
  readonly #block: T;
  readonly #views = new Map<number, T>();

  constructor(block: T) {
    this.#block = block;
  }

  of(count: number): T {
    if (count === this.#block.length) return this.#block;
    let view = this.#views.get(count);
    if (!view) {
      view = this.#block.subarray(0, count) as T;
      this.#views.set(count, view);
    }
    return view;
  }
}

function finite(value: number): number {
  return value - value === 0 ? value : 0;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
