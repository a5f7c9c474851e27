/** How often a session that is due is looked at. */
const LOOK_MS = 250;
/** The next attempt after one to connect failed. */
const RETRY_MS = 5000;
/** A clock so wrong, or a server so generous, is not followed. */
const LONGEST_MS = 2 ** 31 - 1;

/** What {@link Renewal} works with. */
export interface RenewalDeps {
  beforeMs: number;
  deadlineMs: number;
  /** Connects a second time, again where an earlier attempt failed. */
  prepare: () => void;
  /** A pause: nobody speaks, nothing is said, run or wanted. */
  atRest: () => boolean;
  /** Goes over to the second connection; false where it is not there yet. */
  swap: () => boolean;
  /** Unix time, ms. */
  nowMs?: () => number;
}

/**
 * A session ends when its server says so, an hour after it began at the most. This makes the next one in good time,
 * waits for a pause, and goes over; without a pause it does so at a deadline.
 */
export class Renewal {
  readonly #deps: RenewalDeps;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: RenewalDeps) {
    this.#deps = deps;
  }

  /** A session began that expires then, unix seconds; undefined where its server does not say. */
  began(expiresAtS: number | undefined): void {
    this.ended();
    const { beforeMs, deadlineMs } = this.#deps;
    if (expiresAtS === undefined || beforeMs === 0) return;
    const expiresMs = expiresAtS * 1000;
    const leftMs = expiresMs - this.#nowMs();
    // The clock of a robot without a network is wrong: then the server's word at the end has to do.
    if (leftMs <= 0 || leftMs > LONGEST_MS) return;
    const dueInMs = Math.max(leftMs / 2, leftMs - beforeMs);
    const deadlineAtMs = Math.max(expiresMs - leftMs / 4, expiresMs - deadlineMs);
    this.#timer = setTimeout(() => this.#look(deadlineAtMs, -Infinity), dueInMs);
  }

  /** The session is gone. */
  ended(): void {
    clearTimeout(this.#timer);
  }

  #look(deadlineAtMs: number, preparedAtMs: number): void {
    const { prepare, atRest, swap } = this.#deps;
    const nowMs = this.#nowMs();
    const again = nowMs - preparedAtMs >= RETRY_MS;
    // The session that follows sets the next time by itself, maybe before this returns.
    this.#timer = setTimeout(() => this.#look(deadlineAtMs, again ? nowMs : preparedAtMs), LOOK_MS);
    if (again) prepare();
    if (nowMs >= deadlineAtMs || atRest()) swap();
  }

  #nowMs(): number {
    return this.#deps.nowMs?.() ?? Date.now();
  }
}
