/** Fast Fourier transform of complex signals of one length. Allocates nothing per call. */
export class Fft {
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reversed: Uint16Array;

  /** `size` is a power of two up to 65,536. */
  constructor(readonly size: number) {
    const angle = (_: unknown, i: number) => (2 * Math.PI * i) / size;
    this.#cos = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos(angle(_, i)));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, i) => Math.sin(angle(_, i)));
    this.#reversed = new Uint16Array(size);
    for (let i = 1; i < size; i++)
      this.#reversed[i] = (this.#reversed[i >> 1]! >> 1) | (i & 1 ? size / 2 : 0);
  }

  /** In place: X[k] = Σ x[n] e^(-2πikn/size). With `re` and `im` exchanged it is the inverse, `size` times too large. */
  transform(re: Float64Array, im: Float64Array): void {
    const size = this.size;
    const reversed = this.#reversed;
    for (let i = 0; i < size; i++) {
      const j = reversed[i]!;
      if (j <= i) continue;
      const x = re[i]!;
      const y = im[i]!;
      re[i] = re[j]!;
      im[i] = im[j]!;
      re[j] = x;
      im[j] = y;
    }
    const cos = this.#cos;
    const sin = this.#sin;
    for (let half = 1; half < size; half *= 2) {
      const step = size / 2 / half;
      for (let start = 0; start < size; start += 2 * half) {
        for (let low = start, turn = 0; low < start + half; low++, turn += step) {
          const high = low + half;
          const c = cos[turn]!;
          const s = sin[turn]!;
          const x = re[high]! * c + im[high]! * s;
          const y = im[high]! * c - re[high]! * s;
          re[high] = re[low]! - x;
          im[high] = im[low]! - y;
          re[low]! += x;
          im[low]! += y;
        }
      }
    }
  }
}
