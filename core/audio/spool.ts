import { distance, Ring } from "./ring.ts";

/** The producer's end of a ring that never refuses: what does not fit waits in this thread's memory. */
export class Spool {
  readonly ring: Ring;
  #waiting: Int16Array[] = [];
  #waitingSamples = 0;

  constructor(ring: Ring) {
    this.ring = ring;
  }

  /** Position after the last sample appended. */
  get end(): number {
    return (this.ring.head + this.#waitingSamples) >>> 0;
  }

  /** Samples appended and not yet released by the consumer. */
  get queued(): number {
    return distance(this.ring.tail, this.end);
  }

  /** Copies. */
  append(pcm: Int16Array): void {
    let rest = pcm;
    if (this.#waitingSamples === 0) {
      const free = this.ring.free();
      if (free >= pcm.length) {
        this.ring.write(pcm);
        return;
      }
      this.ring.write(pcm.subarray(0, free));
      rest = pcm.subarray(free);
    }
    this.#waiting.push(rest.slice());
    this.#waitingSamples += rest.length;
  }

  /** Moves what waits into the ring as far as there is room. */
  topUp(): void {
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      const free = this.ring.free();
      if (free === 0) return;
      if (first.length <= free) {
        this.ring.write(first);
        this.#waitingSamples -= first.length;
        this.#waiting.shift();
        continue;
      }
      this.ring.write(first.subarray(0, free));
      this.#waiting[0] = first.subarray(free);
      this.#waitingSamples -= free;
    }
  }

  /** Forgets what waits; what is in the ring stays. */
  dropWaiting(): void {
    this.#waiting = [];
    this.#waitingSamples = 0;
  }
}
