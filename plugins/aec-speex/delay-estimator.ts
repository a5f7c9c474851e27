import { FRAME_SAMPLES, Fft, RATE_HZ, Resampler } from "myna";

/** Correlation is done at this rate: what a loudspeaker and a room change least lies below 4 kHz. */
const WORK_HZ = 8000;
const PER_MS = WORK_HZ / 1000;
/** Samples of one correlation, half a second, and how far the next one is from it. */
const SIZE = 4096;
const HOP = 2048;
/** The microphone may be ahead of the reference by so much, and behind it by twice as much. */
export const MOST_AHEAD_MS = 100;
export const MOST_BEHIND_MS = 200;
const AHEAD = MOST_AHEAD_MS * PER_MS;
/** Voice only. */
const LOWEST_BIN = Math.round((200 * SIZE) / WORK_HZ);
const HIGHEST_BIN = Math.round((3400 * SIZE) / WORK_HZ);
/** What is remembered of the spectra before, per correlation. */
const MEMORY = 0.7;
/** A peak so many times above the mean of the correlation is an echo. */
const CLEAR_PEAK = 9;
/** Two estimates in a row may differ by so much and agree. */
const AGREEMENT_MS = 1;
/** Below this mean square (-60 dB) the reference is silence. */
const SILENCE_ENERGY = 1e-6 * 32768 * 32768;

/**
 * Measures by how much the microphone hears the reference later than it was given: cross-correlation with phase transform
 * (GCC-PHAT), gathered over seconds. Works only while the loudspeaker sounds. Allocates nothing per frame.
 */
export class DelayEstimator {
  readonly #fft = new Fft(SIZE);
  readonly #toMicrophone = new Resampler(RATE_HZ, WORK_HZ);
  readonly #toReference = new Resampler(RATE_HZ, WORK_HZ);
  readonly #converted = new Int16Array(this.#toMicrophone.outputLimit(FRAME_SAMPLES));
  /** As much older as it may be ahead. */
  readonly #microphone = new Float64Array(SIZE + AHEAD);
  readonly #reference = new Float64Array(SIZE);
  readonly #re = new Float64Array(SIZE);
  readonly #im = new Float64Array(SIZE);
  readonly #crossRe = new Float64Array(SIZE / 2);
  readonly #crossIm = new Float64Array(SIZE / 2);
  #sinceHop = 0;
  #candidateMs = Number.NaN;
  /** Milliseconds, negative where the microphone is ahead; undefined until two estimates in a row agreed. */
  delayMs: number | undefined;
  /** Correlations made so far. */
  correlations = 0;

  /** Takes a frame of both, 24 kHz; answers true when `delayMs` was measured anew. */
  push(frame: Int16Array, reference: Int16Array): boolean {
    this.#append(this.#microphone, this.#toMicrophone.process(frame, this.#converted));
    const count = this.#toReference.process(reference, this.#converted);
    this.#append(this.#reference, count);
    this.#sinceHop += count;
    if (this.#sinceHop < HOP) return false;
    this.#sinceHop = 0;
    return this.#audible() && this.#correlate();
  }

  /** Forgets what was measured. */
  reset(): void {
    this.forget();
    this.delayMs = undefined;
  }

  /** The echo moved: what was gathered says nothing of where it is now. */
  forget(): void {
    this.#crossRe.fill(0);
    this.#crossIm.fill(0);
    this.#candidateMs = Number.NaN;
  }

  #append(buffer: Float64Array, count: number): void {
    buffer.copyWithin(0, count);
    for (let i = 0, at = buffer.length - count; i < count; i++, at++) buffer[at] = this.#converted[i]!;
  }

  #audible(): boolean {
    const reference = this.#reference;
    let energy = 0;
    for (let i = 0; i < SIZE; i++) energy += reference[i]! * reference[i]!;
    return energy > SILENCE_ENERGY * SIZE;
  }

  #correlate(): boolean {
    this.correlations++;
    this.#gather();
    const re = this.#re;
    const im = this.#im;
    re.fill(0);
    im.fill(0);
    for (let bin = LOWEST_BIN; bin < HIGHEST_BIN; bin++) {
      const x = this.#crossRe[bin]!;
      const y = this.#crossIm[bin]!;
      // Exchanged: the transform is the inverse then. The real part is enough, the spectrum is one-sided.
      im[bin] = x;
      re[bin] = y;
    }
    this.#fft.transform(re, im);
    let peak = 0;
    let at = 0;
    let sum = 0;
    const lags = AHEAD + MOST_BEHIND_MS * PER_MS;
    for (let lag = 0; lag < lags; lag++) {
      const value = Math.abs(im[lag]!);
      sum += value;
      if (value <= peak) continue;
      peak = value;
      at = lag;
    }
    if (peak * lags < CLEAR_PEAK * sum) return false;
    const delayMs = at / PER_MS - MOST_AHEAD_MS;
    const agreed = Math.abs(delayMs - this.#candidateMs) <= AGREEMENT_MS;
    this.#candidateMs = delayMs;
    if (agreed) this.delayMs = delayMs;
    return agreed;
  }

  /** Adds the phases of one more half second. One transform serves two real signals. */
  #gather(): void {
    const re = this.#re;
    const im = this.#im;
    for (let i = 0; i < SIZE; i++) {
      re[i] = this.#microphone[i]!;
      im[i] = this.#reference[i]!;
    }
    this.#fft.transform(re, im);
    for (let bin = LOWEST_BIN; bin < HIGHEST_BIN; bin++) {
      const mirror = SIZE - bin;
      const microphoneRe = re[bin]! + re[mirror]!;
      const microphoneIm = im[bin]! - im[mirror]!;
      const referenceRe = im[bin]! + im[mirror]!;
      const referenceIm = re[mirror]! - re[bin]!;
      const x = microphoneRe * referenceRe + microphoneIm * referenceIm;
      const y = microphoneIm * referenceRe - microphoneRe * referenceIm;
      const size = Math.sqrt(x * x + y * y) + 1e-9;
      this.#crossRe[bin] = MEMORY * this.#crossRe[bin]! + x / size;
      this.#crossIm[bin] = MEMORY * this.#crossIm[bin]! + y / size;
    }
  }
}
