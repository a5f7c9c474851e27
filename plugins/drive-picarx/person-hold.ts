/** An intent's lease is not longer than that in the motion process either. */
const MOST_LEASE_MS = 1000;

/**
 * Keeps a person who holds on through a stop from driving on. After a stop their intents count again once they have let go:
 * that is said, or seen by none coming for the lease of the last one.
 */
export class PersonHold {
  #heldOff: boolean;
  /** An intent came after the stop: somebody holds on, and it is not known who lets go. */
  #holdsOn = false;
  #untilMs: number;

  constructor(isHeldOff: boolean) {
    this.#heldOff = isHeldOff;
    this.#untilMs = isHeldOff ? Infinity : -Infinity;
  }

  /** Intents can come from now on: one within `leaseMs` is of somebody who has held on since before. */
  opened(nowMs: number, leaseMs: number): void {
    if (this.#heldOff) this.#untilMs = nowMs + leaseMs;
  }

  /** When the last intent ends at the latest, performance.now(). */
  get untilMs(): number {
    return this.#untilMs;
  }

  stopped(): void {
    if (this.#heldOff) return;
    this.#heldOff = true;
    this.#holdsOn = false;
  }

  letGo(): void {
    if (!this.#holdsOn) this.#heldOff = false;
  }

  /** An intent of a person came: true where it counts. */
  takes(nowMs: number, leaseMs: number): boolean {
    if (nowMs > this.#untilMs) this.#heldOff = false;
    this.#untilMs = nowMs + Math.min(leaseMs, MOST_LEASE_MS);
    this.#holdsOn = this.#heldOff;
    return !this.#heldOff;
  }
}
