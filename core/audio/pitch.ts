import { RATE_HZ } from "./port.ts";

/** Shortest and longest repetition looked for: voices of 67 to 400 Hz. */
export const MIN_LAG: number = (RATE_HZ * 2.5) / 1000;
export const MAX_LAG: number = (RATE_HZ * 15) / 1000;
/** What is compared, and over what two pieces are faded into each other: 10 ms. */
export const OVERLAP: number = RATE_HZ / 100;

const COARSE = 4;
const COARSE_OVERLAP = OVERLAP / COARSE;
/** Mean square below which a piece is silence, and every splice in it goes unheard: -54 dB of full scale. */
const SILENT_POWER = 65 ** 2;

/**
 * Looks for the shift at which a sound repeats itself, so that pieces of it can be left out, said twice or made up without a
 * change of pitch. Allocates nothing per search.
 */
export class PitchSearch {
  /** The shift found last, {@link MIN_LAG} to {@link MAX_LAG} samples. */
  lag: number = MAX_LAG;
  /** How alike the two pieces are: 1 is the same, 0 unrelated; 1 for silence. */
  likeness = 0;
  readonly #coarse = new Float64Array((MAX_LAG + OVERLAP) / COARSE);

  /** Compares the {@link OVERLAP} samples at `at` with those `lag` before it; needs OVERLAP + MAX_LAG samples around. */
  before(samples: Int16Array, at: number): void {
    this.#search(samples, at, -1);
  }

  /** Compares the {@link OVERLAP} samples at `at` with those `lag` after it. */
  after(samples: Int16Array, at: number): void {
    this.#search(samples, at, 1);
  }

  /**
   * Makes {@link lag} a multiple of what {@link after} found at `at`, where `most` samples have room for one and the pieces are
   * still `alike`.
   */
  extend(samples: Int16Array, at: number, most: number, alike: number): void {
    const one = this.lag;
    let lag = one * Math.floor(Math.min(most, MAX_LAG) / one);
    while (lag > one && likenessOf(samples, at, at + lag) < alike) lag -= one;
    if (lag > one) this.lag = lag;
  }

  #search(samples: Int16Array, at: number, direction: 1 | -1): void {
    const coarse = this.#coarse;
    const first = direction === 1 ? at : at - MAX_LAG;
    for (let i = 0, s = first; i < coarse.length; i++, s += COARSE) {
      coarse[i] = samples[s]! + samples[s + 1]! + samples[s + 2]! + samples[s + 3]!;
    }
    const origin = direction === 1 ? 0 : MAX_LAG / COARSE;
    let best = -2;
    let lag = MAX_LAG / COARSE;
    for (let shift = MIN_LAG / COARSE; shift <= MAX_LAG / COARSE; shift++) {
      const from = origin + direction * shift;
      let product = 0;
      let power = 0;
      for (let i = 0; i < COARSE_OVERLAP; i++) {
        const other = coarse[from + i]!;
        product += coarse[origin + i]! * other;
        power += other * other;
      }
      const like = product / Math.sqrt(power + 1);
      if (like > best) {
        best = like;
        lag = shift;
      }
    }
    this.#refine(samples, at, direction, lag * COARSE);
  }

  #refine(samples: Int16Array, at: number, direction: 1 | -1, around: number): void {
    if (powerOf(samples, at) < SILENT_POWER * OVERLAP) {
      this.lag = MAX_LAG;
      this.likeness = 1;
      return;
    }
    this.likeness = -1;
    const least = Math.max(MIN_LAG, around - COARSE + 1);
    const most = Math.min(MAX_LAG, around + COARSE - 1);
    for (let lag = least; lag <= most; lag++) {
      const like = likenessOf(samples, at, at + direction * lag);
      if (like > this.likeness) {
        this.likeness = like;
        this.lag = lag;
      }
    }
  }
}

function powerOf(samples: Int16Array, at: number): number {
  let power = 0;
  for (let i = 0; i < OVERLAP; i++) power += samples[at + i]! ** 2;
  return power;
}

function likenessOf(samples: Int16Array, at: number, from: number): number {
  let own = 0;
  let product = 0;
  let power = 0;
  for (let i = 0; i < OVERLAP; i++) {
    const one = samples[at + i]!;
    const other = samples[from + i]!;
    own += one * one;
    product += one * other;
    power += other * other;
  }
  return product / Math.sqrt(own * power + 1);
}
