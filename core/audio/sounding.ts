import type { AudioFault } from "./port.ts";

/** Tells those who switch an amplifier when the loudspeaker is about to sound, and when all was heard. */
export class Sounding {
  readonly #onFault: AudioFault;
  #handlers: ((on: boolean) => void)[] = [];
  #on = false;

  constructor(onFault: AudioFault) {
    this.#onFault = onFault;
  }

  /** A handler that comes while it sounds is told at once. */
  add(handler: (on: boolean) => void): () => void {
    const own = (on: boolean): void => handler(on);
    this.#handlers = [...this.#handlers, own];
    if (this.#on) this.#call(own);
    return () => void (this.#handlers = this.#handlers.filter((other) => other !== own));
  }

  set(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    for (const handler of this.#handlers) this.#call(handler);
  }

  #call(handler: (on: boolean) => void): void {
    try {
      handler(this.#on);
    } catch (error) {
      this.#onFault(error);
    }
  }
}
