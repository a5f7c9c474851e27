/** Growing PCM16 store whose positions count every sample ever appended; what is no longer needed is forgotten. */
export class SampleStore {
  #samples = new Int16Array(24_000);
  /** Position of `#samples[0]`. */
  #base = 0;
  #length = 0;

  /** Position behind the last sample. */
  get end(): number {
    return this.#base + this.#length;
  }

  /** Position of the oldest sample still held. */
  get start(): number {
    return this.#base;
  }

  append(pcm: Int16Array): void {
    if (this.#length + pcm.length > this.#samples.length) {
      const grown = new Int16Array(Math.max(this.#samples.length * 2, this.#length + pcm.length));
      grown.set(this.#samples.subarray(0, this.#length));
      this.#samples = grown;
    }
    this.#samples.set(pcm, this.#length);
    this.#length += pcm.length;
  }

  /** Borrowed view, valid until the next call of `append` or `forget`. */
  view(from: number, to: number): Int16Array {
    return this.#samples.subarray(from - this.#base, to - this.#base);
  }

  /** Copy. */
  slice(from: number, to: number): Int16Array<ArrayBuffer> {
    return this.#samples.slice(Math.max(0, from - this.#base), to - this.#base);
  }

  /** Drops the samples before `position`. */
  forget(position: number): void {
    const dropped = Math.min(position, this.end) - this.#base;
    if (dropped <= 0) return;
    this.#samples.copyWithin(0, dropped, this.#length);
    this.#length -= dropped;
    this.#base += dropped;
  }
}
