import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import { Spool } from "./spool.ts";

/** Sounds on their way to the mixer, one behind the other. */
export class SoundQueue {
  readonly #spool: Spool;
  readonly #wake: () => void;
  #waiting: { end: number; resolve: () => void }[] = [];

  constructor(ring: Ring, wake: () => void) {
    this.#spool = new Spool(ring);
    this.#wake = wake;
  }

  /** Resolves when the last sample was heard; copies. `gain` is 0 to 1. */
  play(pcm: Int16Array, gain: number): Promise<void> {
    if (pcm.length === 0) return Promise.resolve();
    this.#wake();
    this.#spool.append(gain === 1 ? pcm : pcm.map((sample) => Math.round(sample * gain)));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ end: this.#spool.end, resolve });
    return promise;
  }

  poll(): void {
    this.#spool.topUp();
    while (this.#waiting.length > 0 && distance(this.#waiting[0]!.end, this.#spool.ring.tail) >= 0) {
      this.#waiting.shift()!.resolve();
    }
  }

  /** Without a device, everything counts as heard. */
  sink(): void {
    const { ring } = this.#spool;
    while (this.#spool.queued > 0) {
      ring.release(ring.head);
      this.#spool.topUp();
    }
    this.poll();
  }

  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Samples not yet heard. */
  get queued(): number {
    return this.#spool.queued;
  }
}
