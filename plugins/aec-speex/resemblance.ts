import { FRAME_SAMPLES, Fft, RATE_HZ } from "myna";

const SIZE = 512;
/** Where voices are. */
const LOWEST_BIN = Math.round((200 * SIZE) / RATE_HZ);
const HIGHEST_BIN = Math.round((4000 * SIZE) / RATE_HZ);
/** Bins of the echo so far below its loudest one (-30 dB) say nothing. */
const QUIET_PART = 1e-3;
/** Of the frame before, so much is remembered. */
const MEMORY = 0.5;

/**
 * How much what a filter left of a frame resembles what it took for echo: the mean cosine of their phases, over the bins in which
 * there is echo. 0 for a person, whose phases know nothing of the echo, be he loud or quiet; above 0 where the echo is louder than
 * the filter knows it, below where it is elsewhere. Allocates nothing per frame.
 */
export class Resemblance {
  readonly #fft = new Fft(SIZE);
  readonly #window = Float64Array.from({ length: FRAME_SAMPLES }, (_, i) =>
    Math.sin((Math.PI * (i + 0.5)) / FRAME_SAMPLES),
  );
  readonly #re = new Float64Array(SIZE);
  readonly #im = new Float64Array(SIZE);
  #sum = 0;
  #bins = 0;
  /** Of the last frame alone. */
  ofFrame = 0;

  /** Of this frame and those just before it; -1 to 1. */
  push(left: Int16Array, taken: Int16Array): number {
    const [re, im, window] = [this.#re, this.#im, this.#window];
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      re[i] = left[i]! * window[i]!;
      im[i] = taken[i]! * window[i]!;
    }
    re.fill(0, FRAME_SAMPLES);
    im.fill(0, FRAME_SAMPLES);
    this.#fft.transform(re, im);
    const sumBefore = this.#sum;
    const binsBefore = this.#bins;
    this.#sum = 0;
    this.#bins = 0;
    let loudest = 0;
    for (let bin = LOWEST_BIN; bin < HIGHEST_BIN; bin++) loudest = Math.max(loudest, this.#takenPower(bin));
    for (let bin = LOWEST_BIN; bin < HIGHEST_BIN; bin++)
      if (this.#takenPower(bin) > QUIET_PART * loudest) this.#add(bin);
    this.ofFrame = this.#bins > 0 ? this.#sum / this.#bins : 0;
    this.#sum += MEMORY * sumBefore;
    this.#bins += MEMORY * binsBefore;
    return this.#bins > 0 ? this.#sum / this.#bins : 0;
  }

  #takenPower(bin: number): number {
    const mirror = SIZE - bin;
    return (this.#im[bin]! + this.#im[mirror]!) ** 2 + (this.#re[mirror]! - this.#re[bin]!) ** 2;
  }

  /** One transform served two real signals. */
  #add(bin: number): void {
    const [re, im] = [this.#re, this.#im];
    const mirror = SIZE - bin;
    const leftRe = re[bin]! + re[mirror]!;
    const leftIm = im[bin]! - im[mirror]!;
    const takenRe = im[bin]! + im[mirror]!;
    const takenIm = re[mirror]! - re[bin]!;
    const size = Math.sqrt((leftRe ** 2 + leftIm ** 2) * (takenRe ** 2 + takenIm ** 2)) + 1e-9;
    this.#sum += (leftRe * takenRe + leftIm * takenIm) / size;
    this.#bins++;
  }
}
