/** How long to wait between attempts. */
export interface BackoffPolicy {
  initial_ms: number;
  factor: number;
  max_ms: number;
  /** Attempts in a row before giving up; 0 is no limit. */
  attempts: number;
  /** Share of the delay that chance may take off. */
  jitter: number;
}

/** Growing delays between attempts that fail; success starts anew. */
export class Backoff {
  readonly #policy: BackoffPolicy;
  readonly #random: () => number;
  #failures = 0;

  constructor(policy: BackoffPolicy, random: () => number = Math.random) {
    this.#policy = policy;
    this.#random = random;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure; the delay until the next attempt in milliseconds, or null when there shall be none. */
  fail(): number | null {
    const { initial_ms, factor, max_ms, attempts, jitter } = this.#policy;
    const delayMs = Math.min(max_ms, initial_ms * factor ** this.#failures);
    this.#failures++;
    if (attempts > 0 && this.#failures >= attempts + 1) return null;
    return Math.round(delayMs * (1 - jitter * this.#random()));
  }

  reset(): void {
    this.#failures = 0;
  }
}
