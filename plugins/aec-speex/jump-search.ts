import { FRAME_SAMPLES, Fft, RATE_HZ } from "myna";

const SIZE = 4096;
/** So many frames of the microphone, at most, are held against the echo as it was expected. */
const FRAMES = 5;
/** Jumps up to this many samples are found: 25 ms; a sound server's quantum is 5.3 ms. */
export const MOST_JUMP = 600;
const LENGTH = FRAMES * FRAME_SAMPLES + MOST_JUMP;
const LAGS = 2 * MOST_JUMP + 1;
/** High frequencies count as much as low ones: each sample less so much of the one before. */
const EMPHASIS = 0.9;
/** Voice only, where phases are compared. */
const LOWEST_BIN = Math.round((200 * SIZE) / RATE_HZ);
const HIGHEST_BIN = Math.round((5000 * SIZE) / RATE_HZ);
/** The echo is found where it leaves less than this part of what is left without a jump, */
const CLEAR_PART = 0.35;
/** or where the phases say the same, and hardly less. */
const AGREED_PART = 0.85;
const AGREEMENT = 2;

/**
 * Finds by how many samples an echo comes elsewhere than a filter that knows the room expects it. The longer the jump is past,
 * the surer. Allocates nothing per frame.
 */
export class JumpSearch {
  readonly #fft = new Fft(SIZE);
  readonly #heard = new Float64Array(LENGTH);
  readonly #expected = new Float64Array(LENGTH);
  /** Energy of what was expected, up to each sample. */
  readonly #energy = new Float64Array(LENGTH + 1);
  readonly #re = new Float64Array(SIZE);
  readonly #im = new Float64Array(SIZE);
  readonly #phaseRe = new Float64Array(SIZE);
  readonly #phaseIm = new Float64Array(SIZE);

  /** A frame of the microphone and what the filter took for echo in it. */
  push(microphone: Int16Array, taken: Int16Array): void {
    append(this.#heard, microphone);
    append(this.#expected, taken);
  }

  /**
   * Samples by which the echo is later than expected in the last `frames` frames; negative where it is earlier, 0 where that
   * cannot be said.
   */
  find(frames: number): number {
    const from = LENGTH - Math.min(frames, FRAMES) * FRAME_SAMPLES;
    this.#correlate(from);
    const lag = this.#leastLeft(from);
    if (lag === 0) return 0;
    const part = this.#left(lag, from) / this.#left(0, from);
    const agreed = part < AGREED_PART && Math.abs(this.#likeliest() - lag) <= AGREEMENT;
    return part < CLEAR_PART || agreed ? lag : 0;
  }

  /** Where the echo, taken away there, leaves least. */
  #leastLeft(from: number): number {
    const { length } = this.#energy;
    this.#energy[0] = 0;
    for (let i = 1; i < length; i++)
      this.#energy[i] = this.#energy[i - 1]! + emphasised(this.#expected, i - 1) ** 2;
    let best = 0;
    let least = Infinity;
    for (let lag = -MOST_JUMP; lag <= MOST_JUMP; lag++) {
      const left = this.#left(lag, from);
      if (left >= least) continue;
      least = left;
      best = lag;
    }
    return best;
  }

  /** Mean energy of what is heard less what is expected, so much later; without what is heard alone, the same for all lags. */
  #left(lag: number, from: number): number {
    const to = LENGTH + Math.min(0, lag);
    const expected = this.#energy[to - lag]! - this.#energy[from - lag]!;
    return this.#total + (expected - 2 * this.#re[(lag + SIZE) % SIZE]!) / (to - from);
  }

  #total = 0;

  /** Where most phases are the same. */
  #likeliest(): number {
    let best = 0;
    let most = 0;
    for (let n = 0; n < LAGS; n++) {
      const lag = n - MOST_JUMP;
      const value = this.#phaseRe[(lag + SIZE) % SIZE]!;
      if (value <= most) continue;
      most = value;
      best = lag;
    }
    return best;
  }

  /** Both correlations, by lag, in the real parts. One transform serves two real signals. */
  #correlate(from: number): void {
    const [re, im, phaseRe, phaseIm] = [this.#re, this.#im, this.#phaseRe, this.#phaseIm];
    re.fill(0);
    im.fill(0);
    phaseRe.fill(0);
    phaseIm.fill(0);
    let total = 0;
    for (let i = from; i < LENGTH; i++) {
      re[i] = emphasised(this.#heard, i);
      total += re[i]! * re[i]!;
    }
    this.#total = total / (LENGTH - from);
    for (let i = from - MOST_JUMP; i < LENGTH; i++) im[i] = emphasised(this.#expected, i);
    this.#fft.transform(re, im);
    for (let bin = 0; bin <= SIZE / 2; bin++) {
      const mirror = (SIZE - bin) % SIZE;
      const heardRe = (re[bin]! + re[mirror]!) / 2;
      const heardIm = (im[bin]! - im[mirror]!) / 2;
      const expectedRe = (im[bin]! + im[mirror]!) / 2;
      const expectedIm = (re[mirror]! - re[bin]!) / 2;
      const x = heardRe * expectedRe + heardIm * expectedIm;
      const y = heardIm * expectedRe - heardRe * expectedIm;
      // Of a real signal, so that the inverse is real: the mirrored half is the conjugate.
      re[bin] = x / SIZE;
      im[bin] = y / SIZE;
      re[mirror] = x / SIZE;
      im[mirror] = mirror === bin ? 0 : -y / SIZE;
      if (bin < LOWEST_BIN || bin >= HIGHEST_BIN) continue;
      const size = Math.sqrt(x * x + y * y) + 1e-9;
      phaseRe[bin] = x / size;
      phaseIm[bin] = y / size;
    }
    this.#fft.transform(im, re);
    this.#fft.transform(phaseIm, phaseRe);
  }
}

function append(buffer: Float64Array, frame: Int16Array): void {
  buffer.copyWithin(0, FRAME_SAMPLES);
  buffer.set(frame, buffer.length - FRAME_SAMPLES);
}

function emphasised(buffer: Float64Array, at: number): number {
  return buffer[at]! - (at > 0 ? EMPHASIS * buffer[at - 1]! : 0);
}
