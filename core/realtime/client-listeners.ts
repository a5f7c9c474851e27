type Listener = (event: never) => unknown;

interface Entry {
  listener: Listener;
  once: boolean;
}

/** Told of a listener that threw, or whose promise was rejected. */
export type ListenerFault = (type: string, error: unknown) => void;

/**
 * Typed listeners by event name: synchronous, in order of subscription, each isolated from the others. A list is
 * replaced, never changed in place, so that a dispatch under way keeps its own.
 */
export class Listeners<Events extends object> {
  readonly #entries = new Map<string, readonly Entry[]>();
  readonly #onFault: ListenerFault;

  constructor(onFault: ListenerFault) {
    this.#onFault = onFault;
  }

  /** Returns what takes the listener off again. */
  add<T extends keyof Events & string>(
    type: T,
    listener: (event: Events[T]) => unknown,
    once = false,
  ): () => void {
    const entry: Entry = { listener, once };
    this.#entries.set(type, [...(this.#entries.get(type) ?? []), entry]);
    return () => this.#remove(type, (one) => one === entry);
  }

  /** Takes off a listener, however often it was added; all of that type where none is named. */
  off<T extends keyof Events & string>(type: T, listener?: (event: Events[T]) => unknown): void {
    this.#remove(type, (one) => listener === undefined || one.listener === listener);
  }

  has(type: string): boolean {
    return this.#entries.has(type);
  }

  /** Never throws. */
  emit<T extends keyof Events & string>(type: T, event: Events[T]): void {
    const entries = this.#entries.get(type);
    if (entries === undefined) return;
    for (const entry of entries) {
      if (entry.once) this.#remove(type, (one) => one === entry);
      try {
        const result = (entry.listener as (event: Events[T]) => unknown)(event);
        if (result instanceof Promise) result.catch((error: unknown) => this.#onFault(type, error));
      } catch (error) {
        this.#onFault(type, error);
      }
    }
  }

  clear(): void {
    this.#entries.clear();
  }

  #remove(type: string, which: (entry: Entry) => boolean): void {
    const left = (this.#entries.get(type) ?? []).filter((entry) => !which(entry));
    if (left.length > 0) this.#entries.set(type, left);
    else this.#entries.delete(type);
  }
}
