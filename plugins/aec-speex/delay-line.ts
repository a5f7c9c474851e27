/** Delays a stream of samples by a number of them that may change. Allocates nothing per frame. */
export class DelayLine {
  readonly #ring: Int16Array;
  #at = 0;
  /** Samples, up to the capacity. */
  delay = 0;

  /** `capacity`: the longest delay, in samples, beside the longest frame. */
  constructor(capacity: number, frameSamples: number) {
    this.#ring = new Int16Array(capacity + frameSamples);
  }

  /** Puts `frame` in and what went in `delay` samples before into `output`, which may be the same array. */
  process(frame: Int16Array, output: Int16Array): void {
    const ring = this.#ring;
    const size = ring.length;
    let write = this.#at;
    let read = (write - this.delay + size) % size;
    for (let i = 0; i < frame.length; i++) {
      ring[write] = frame[i]!;
      output[i] = ring[read]!;
      if (++write === size) write = 0;
      if (++read === size) read = 0;
    }
    this.#at = write;
  }
}
