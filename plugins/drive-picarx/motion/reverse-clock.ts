/** Standing so long ends a way backward: what is driven next counts anew. */
const PAUSE_MS = 500;

/** How long the car has been driven backward, where nothing looks: short pauses in between count as well. */
export class ReverseClock {
  #startedMs: number | undefined;
  #lastMs = -Infinity;

  /** The wheels are to go backward at `nowMs`; answers for how long they have by now, milliseconds. */
  backward(nowMs: number): number {
    if (nowMs - this.#lastMs > PAUSE_MS) this.#startedMs = undefined;
    this.#startedMs ??= nowMs;
    this.#lastMs = nowMs;
    return nowMs - this.#startedMs;
  }

  /** Went forward, or begins a motion of its own. */
  reset(): void {
    this.#startedMs = undefined;
  }
}
