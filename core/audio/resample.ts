/** Taps per phase, counted at the lower of the two rates: worst SINAD 104 dB, alias rejection 93 dB, delay 1 ms at 24 kHz. */
const TAPS = 48;
const KAISER_BETA = 9;
/** Cut-off as a part of the lower Nyquist frequency. */
const CUTOFF = 0.925;
/** Above this many phases the ratio of the rates is approximated, to within a millionth. */
const MAX_PHASES = 1000;

/** Sample rate conversion of a PCM16 stream, block after block. */
export interface StreamResampler {
  /** Input samples by which the output lags. */
  readonly delaySamples: number;
  /** The most samples that `count` input samples can turn into. */
  outputLimit(count: number): number;
  /** Converts the first `count` samples of `input` into the start of `output`; returns how many samples that gave. */
  process(input: Int16Array, output: Int16Array, count?: number): number;
}

/**
 * Sample rate conversion of a PCM16 stream: polyphase FIR, windowed sinc. The output does not depend on how the input
 * is cut into blocks. Allocates only when a block is larger than any before.
 */
export class Resampler implements StreamResampler {
  readonly fromHz: number;
  readonly toHz: number;
  readonly delaySamples: number;
  readonly #phases: number;
  readonly #taps: number;
  readonly #step: number;
  readonly #stepPhase: number;
  readonly #coefficients: Float64Array;
  /** The last taps - 1 samples, then the block. */
  #window: Float64Array;
  #at: number;
  #phase = 0;

  /** `aligned`: the first output sample lies at the time of the first input sample; the input's end must then be padded. */
  constructor(fromHz: number, toHz: number, aligned = false) {
    const [up, down] = ratio(toHz, fromHz);
    this.fromHz = fromHz;
    this.toHz = toHz;
    this.#phases = up;
    this.#step = Math.floor(down / up);
    this.#stepPhase = down % up;
    this.#taps = 4 * Math.ceil((TAPS * Math.max(1, fromHz / toHz)) / 4);
    this.delaySamples = this.#taps / 2;
    this.#coefficients = design(up, this.#taps, CUTOFF * Math.min(1, toHz / fromHz));
    this.#window = new Float64Array(this.#taps - 1);
    this.#at = aligned ? this.delaySamples : 0;
  }

  outputLimit(count: number): number {
    return Math.ceil((count * this.toHz) / this.fromHz) + 1;
  }

  process(input: Int16Array, output: Int16Array, count = input.length): number {
    const taps = this.#taps;
    const kept = taps - 1;
    if (this.#window.length < kept + count) {
      const larger = new Float64Array(kept + count);
      larger.set(this.#window.subarray(0, kept));
      this.#window = larger;
    }
    const window = this.#window;
    const coefficients = this.#coefficients;
    for (let i = 0; i < count; i++) window[kept + i] = input[i]!;
    let at = this.#at;
    let phase = this.#phase;
    let made = 0;
    while (at < count) {
      let c = phase * taps;
      const end = at + taps;
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      for (let w = at; w < end; w += 4, c += 4) {
        a0 += window[w]! * coefficients[c]!;
        a1 += window[w + 1]! * coefficients[c + 1]!;
        a2 += window[w + 2]! * coefficients[c + 2]!;
        a3 += window[w + 3]! * coefficients[c + 3]!;
      }
      const sum = Math.round(a0 + a1 + (a2 + a3));
      output[made++] = sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum;
      phase += this.#stepPhase;
      at += this.#step;
      if (phase >= this.#phases) {
        phase -= this.#phases;
        at++;
      }
    }
    window.copyWithin(0, count, count + kept);
    this.#at = at - count;
    this.#phase = phase;
    return made;
  }
}

/** A whole recording at another rate, aligned in time; the same array when the rates are equal. */
export function resample(pcm: Int16Array, fromHz: number, toHz: number): Int16Array {
  if (fromHz === toHz) return pcm;
  const resampler = new Resampler(fromHz, toHz, true);
  const padded = new Int16Array(pcm.length + resampler.delaySamples + 1);
  padded.set(pcm);
  const output = new Int16Array(resampler.outputLimit(padded.length));
  const made = resampler.process(padded, output);
  return output.subarray(0, Math.min(made, Math.round((pcm.length * toHz) / fromHz)));
}

/** Coefficients by phase, each phase for a window of samples in order of time, its sum 1. */
function design(phases: number, taps: number, cutoff: number): Float64Array {
  const table = new Float64Array(phases * taps);
  const half = taps / 2;
  const scale = bessel(KAISER_BETA);
  for (let phase = 0; phase < phases; phase++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const x = taps - 1 - tap + phase / phases - half;
      const edge = 1 - (x / half) ** 2;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutoff * x) / (Math.PI * cutoff * x);
      const value = edge <= 0 ? 0 : (sinc * bessel(KAISER_BETA * Math.sqrt(edge))) / scale;
      table[phase * taps + tap] = value;
      sum += value;
    }
    for (let tap = 0; tap < taps; tap++) table[phase * taps + tap]! /= sum;
  }
  return table;
}

/** Modified Bessel function of the first kind, order zero. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** a : b in lowest terms, or the best approximation with a numerator up to MAX_PHASES (continued fraction). */
function ratio(a: number, b: number): [number, number] {
  let [p0, q0, p1, q1] = [0, 1, 1, 0];
  let [x, y] = [a, b];
  while (y !== 0) {
    const whole = Math.floor(x / y);
    const [p2, q2] = [whole * p1 + p0, whole * q1 + q0];
    if (p2 > MAX_PHASES && q1 > 0) break;
    [p0, q0, p1, q1] = [p1, q1, p2, q2];
    [x, y] = [y, x - whole * y];
  }
  return [p1, q1];
}
