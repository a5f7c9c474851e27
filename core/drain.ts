/** Sees somebody off; resolves when the last one has gone. */
export type Finish = () => void | Promise<void>;

/** Who has to finish something before the robot ends without haste. */
export class Drain {
  readonly #finishes = new Set<Finish>();
  #running: Promise<void>[] | undefined;

  /** Where the end has begun already, `finish` is called at once. */
  add(finish: Finish): () => void {
    this.#finishes.add(finish);
    if (this.#running) this.#running.push(Promise.try(finish).catch(() => {}));
    return () => void this.#finishes.delete(finish);
  }

  /** Resolves when all have finished, or after `limitMs`. Those that fail have finished. */
  async run(limitMs: number): Promise<void> {
    this.#running ??= [...this.#finishes].map((finish) => Promise.try(finish).catch(() => {}));
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, limitMs);
    await Promise.race([this.#all(this.#running), late.promise]);
    clearTimeout(timer);
  }

  async #all(running: Promise<void>[]): Promise<void> {
    for (let i = 0; i < running.length; i++) await running[i];
  }
}
