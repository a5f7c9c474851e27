/** Callers remembered at once; the one that was quiet for longest is forgotten first. */
const CALLERS = 4096;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket for each caller: bursts up to the whole allowance, refilled evenly. */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();

  /** Counts one. 0 where `caller` may go on, else how many seconds to wait. `most` within each `periodMs`. */
  take(caller: string, most: number, periodMs: number): number {
    const waitS = this.wait(caller, most, periodMs);
    const bucket = this.#buckets.get(caller);
    if (waitS === 0 && bucket) bucket.tokens--;
    return waitS;
  }

  /** The same without counting. */
  wait(caller: string, most: number, periodMs: number): number {
    const bucket = this.#refilled(caller, most, periodMs);
    return bucket.tokens >= 1 ? 0 : Math.ceil(((1 - bucket.tokens) * periodMs) / most / 1000);
  }

  #refilled(caller: string, most: number, periodMs: number): Bucket {
    const nowMs = performance.now();
    const bucket = this.#buckets.get(caller) ?? { tokens: most, atMs: nowMs };
    bucket.tokens = Math.min(most, bucket.tokens + ((nowMs - bucket.atMs) * most) / periodMs);
    bucket.atMs = nowMs;
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= CALLERS) break;
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}
