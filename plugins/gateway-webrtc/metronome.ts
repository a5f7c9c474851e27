import { FRAME_MS } from "myna";

/** Runs something once, so much later; the function takes that back. */
export type Schedule = (delayMs: number, run: () => void) => () => void;

/** Further behind than this, time is lost rather than made up. */
const LOST_MS = 200;

/**
 * One beat every 20 ms for all calls of a process, by absolute deadlines: a beat that was late is made up, so that sound does not
 * drift. Beats only while somebody listens.
 */
export class Metronome {
  readonly #schedule: Schedule;
  #beats: ((nowMs: number) => void)[] = [];
  #dueMs = 0;
  #undo: (() => void) | undefined;
  readonly #onFault: (error: unknown) => void;

  constructor(schedule: Schedule, onFault: (error: unknown) => void) {
    this.#schedule = schedule;
    this.#onFault = onFault;
  }

  /** For what has a time of its own; `run` must not throw. */
  later(delayMs: number, run: () => void): () => void {
    return this.#schedule(delayMs, run);
  }

  /** Returns what takes the listener off. */
  add(beat: (nowMs: number) => void): () => void {
    const own = (nowMs: number): void => beat(nowMs);
    this.#beats = [...this.#beats, own];
    if (this.#undo === undefined) {
      this.#dueMs = performance.now() + FRAME_MS;
      this.#arm();
    }
    return () => {
      this.#beats = this.#beats.filter((other) => other !== own);
      if (this.#beats.length > 0) return;
      this.#undo?.();
      this.#undo = undefined;
    };
  }

  #arm(): void {
    this.#undo = this.#schedule(Math.max(0, this.#dueMs - performance.now()), () => this.#beat());
  }

  #beat(): void {
    // A timer that has fired still belongs to its owner until it is taken back.
    this.#undo?.();
    this.#undo = undefined;
    let nowMs = performance.now();
    if (nowMs - this.#dueMs > LOST_MS) this.#dueMs = nowMs;
    while (this.#beats.length > 0 && nowMs >= this.#dueMs - 1) {
      for (const beat of this.#beats) {
        try {
          beat(nowMs);
        } catch (error) {
          this.#onFault(error);
        }
      }
      this.#dueMs += FRAME_MS;
      nowMs = performance.now();
    }
    if (this.#beats.length > 0) this.#arm();
  }
}
