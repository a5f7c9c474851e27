import { type Clock, pause } from "./clock.ts";
import { RATE_HZ } from "./pcm.ts";

/** Audio that may go out at once before pacing begins, milliseconds. */
const HEAD_START_MS = 300;
/** Samples of the first piece: small, so that the loudspeaker can begin. */
const FIRST_PIECE = RATE_HZ / 25;
/** Samples of the others: 100 ms. */
const PIECE = RATE_HZ / 10;

/** Cuts an answer into pieces and lets them go faster than they are heard, so that an interruption still finds some left. */
export class Pacer {
  #clock: Clock;
  #speed: number;
  #signal: AbortSignal;
  #startedMs: number | null = null;
  #sentMs = 0;

  /** `speed` 1 is as fast as it is heard; Infinity sends everything at once. */
  constructor(clock: Clock, speed: number, signal: AbortSignal) {
    this.#clock = clock;
    this.#speed = speed;
    this.#signal = signal;
  }

  /** The pieces of `pcm` (views of it), each when its time has come; ends early when the signal aborts. */
  async *pieces(pcm: Int16Array): AsyncGenerator<Int16Array> {
    for (let at = 0; at < pcm.length;) {
      const size = this.#sentMs === 0 ? FIRST_PIECE : PIECE;
      const piece = pcm.subarray(at, at + size);
      await this.#due();
      if (this.#signal.aborted) return;
      yield piece;
      at += piece.length;
      this.#sentMs += (piece.length * 1000) / RATE_HZ;
    }
  }

  async #due(): Promise<void> {
    if (this.#speed === Infinity) return;
    this.#startedMs ??= this.#clock.nowMs();
    const dueMs = this.#startedMs + (this.#sentMs - HEAD_START_MS) / this.#speed;
    const waitMs = dueMs - this.#clock.nowMs();
    if (waitMs > 0) await pause(this.#clock, waitMs, this.#signal);
  }
}
