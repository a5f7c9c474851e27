/** What `run` answers for a motion that was dropped while it waited. */
export const NOT_BEGUN = Symbol("not begun");

/**
 * Motions one after the other, in the order of their calls: a model may ask for "forward" and "turn" in one breath.
 * What waits is dropped by `clear`, or when its own signal aborts.
 */
export class MotionQueue {
  #last: Promise<void> = Promise.resolve();
  #dropped = new AbortController();
  #waiting = 0;

  /** Motions that wait for the one under way. */
  get waiting(): number {
    return this.#waiting;
  }

  async run<T>(signal: AbortSignal, motion: () => Promise<T>): Promise<T | typeof NOT_BEGUN> {
    const dropped = AbortSignal.any([signal, this.#dropped.signal]);
    const before = this.#last;
    const ended = Promise.withResolvers<void>();
    this.#last = ended.promise;
    this.#waiting++;
    await Promise.race([before, aborted(dropped)]);
    this.#waiting--;
    if (dropped.aborted) {
      void before.then(ended.resolve);
      return NOT_BEGUN;
    }
    try {
      return await motion();
    } finally {
      ended.resolve();
    }
  }

  /** Drops what waits; what is under way is the drive's business. */
  clear(): void {
    this.#dropped.abort();
    this.#dropped = new AbortController();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
}
