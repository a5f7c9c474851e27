import type { Clock } from "./clock.ts";
import { newId } from "./ids.ts";

const SHORTEST_S = 10;
const LONGEST_S = 7200;
const LIFE_S = 600;

/** Ephemeral tokens: each starts sessions until it expires; a running session outlives it. */
export class Tokens {
  readonly #clock: Clock;
  readonly #expiresAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `lifeS` is 10 to 7200 seconds. */
  mint(lifeS = LIFE_S): { value: string; expires_at: number } {
    const value = newId("ek");
    const expiresAtMs = this.#clock.nowMs() + Math.min(LONGEST_S, Math.max(SHORTEST_S, lifeS)) * 1000;
    this.#expiresAtMs.set(value, expiresAtMs);
    return { value, expires_at: Math.floor(expiresAtMs / 1000) };
  }

  accepts(token: string): boolean {
    return (this.#expiresAtMs.get(token) ?? 0) > this.#clock.nowMs();
  }
}
