import { describeError } from "./log.ts";
import type { Logger } from "./log.ts";

/** What a plugin acquired, undone last first. */
export class Resources {
  #undos: (() => void | Promise<void>)[] = [];
  readonly #abort = new AbortController();
  #released = false;
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Aborts at the start of the release. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Returns `undo` for early use; it runs once: at once where the release is over, for what came too late. */
  own(undo: () => void | Promise<void>): () => void {
    let done = false;
    const single = () => {
      if (done) return;
      done = true;
      this.#undos = this.#undos.filter((other) => other !== single);
      return undo();
    };
    if (!this.#released) this.#undos.push(single);
    else void Promise.try(single).catch((error: unknown) => this.#warn(error));
    return () => void single();
  }

  get size(): number {
    return this.#undos.length;
  }

  /** Undoes everything; a clean-up that throws or takes longer than `limitMs` does not keep the rest from running. */
  async release(limitMs = 2000): Promise<void> {
    this.#released = true;
    this.#abort.abort();
    const pending: Promise<void>[] = [];
    for (const undo of this.#undos.toReversed()) {
      try {
        const result = undo();
        if (result instanceof Promise) {
          pending.push(result.catch((error: unknown) => this.#warn(error)));
        }
      } catch (error) {
        this.#warn(error);
      }
    }
    this.#undos = [];
    if (pending.length === 0) return;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#log.warn("clean-up took too long and was left", { limit_ms: limitMs });
      late.resolve();
    }, limitMs);
    await Promise.race([Promise.all(pending), late.promise]);
    clearTimeout(timer);
  }

  #warn(error: unknown): void {
    this.#log.warn("clean-up failed", { error: describeError(error) });
  }
}
