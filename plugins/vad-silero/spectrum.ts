import { Fft } from "myna";

/** Samples of one spectrum. */
const SIZE = 256;
/** Frequencies of one spectrum, 0 Hz and the Nyquist frequency among them. */
export const BINS = SIZE / 2 + 1;

/** Magnitudes of a real signal under a periodic Hann window, as torch.stft gives them. Allocates nothing per call. */
export class Spectrum {
  readonly #fft = new Fft(SIZE);
  readonly #window = Float64Array.from(
    { length: SIZE },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE),
  );
  readonly #re = new Float64Array(SIZE);
  readonly #im = new Float64Array(SIZE);

  /** Of the 256 samples from `at`; bin `b` is written to `into[offset + b * stride]`. */
  magnitudes(signal: Float64Array, at: number, into: Float64Array, offset: number, stride: number): void {
    const re = this.#re;
    const im = this.#im;
    const window = this.#window;
    for (let i = 0; i < SIZE; i++) re[i] = signal[at + i]! * window[i]!;
    im.fill(0);
    this.#fft.transform(re, im);
    for (let b = 0; b < BINS; b++) into[offset + b * stride] = Math.sqrt(re[b]! * re[b]! + im[b]! * im[b]!);
  }
}
