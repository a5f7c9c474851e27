import type { LinkFailure } from "./link-failure.ts";

/** A normal close that nobody asked for is followed by a new connection, unless the last one was as short as this. */
const SHORT_LIFE_MS = 60_000;
/** A session that says it has expired so soon after another is a failure like any other. */
const ROTATION_MS = 5000;

/** What the ends of connections, one after the other, mean for the next. */
export class LinkEnds {
  #normalCloses = 0;
  #rotatedAtMs = -Infinity;

  /**
   * `livedMs` is how long the connection was ready; null for one that never was. `atOnce` where the next one is no new
   * attempt: the session's time was up.
   */
  judge(failure: LinkFailure, livedMs: number | null): { failure: LinkFailure; atOnce: boolean } {
    if (failure.closeCode === 1000) return { failure: this.#normal(failure, livedMs), atOnce: false };
    const expired = failure.closeCode === 1001 || failure.expired === true;
    const nowMs = performance.now();
    const atOnce = expired && livedMs !== null && nowMs - this.#rotatedAtMs >= ROTATION_MS;
    if (atOnce) this.#rotatedAtMs = nowMs;
    return { failure, atOnce };
  }

  /** A server that closes normally again and again does not want us. */
  #normal(failure: LinkFailure, livedMs: number | null): LinkFailure {
    if (livedMs !== null && livedMs >= SHORT_LIFE_MS) this.#normalCloses = 0;
    this.#normalCloses++;
    return this.#normalCloses > 1 ? { ...failure, code: "LINK_FATAL", retryable: false } : failure;
  }
}
