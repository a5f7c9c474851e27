import type { TopicName, Topics } from "../topics.ts";
import type { SessionConfig } from "./config.ts";
import type { ServerFault } from "./events.ts";
import type { RateLimit } from "./usage.ts";

/** Codes of an answer that was refused for its rate. Source: realtime-protocol §3.4. */
const REFUSED = new Set(["rate_limit_exceeded", "inference_rate_limit_exceeded"]);
/** "Please try again in 1.2s", "… in 340ms": how long the server's message says to wait. */
const TRY_AGAIN = /try again in (\d+(?:\.\d+)?)\s*(ms|s|m)\b/i;
const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };
/** The first wait after a refusal that says nothing; doubled each time. */
const FIRST_WAIT_MS = 1000;

/** What {@link RateLimits} works with. */
export interface RateLimitsDeps {
  config: SessionConfig["rate_limits"];
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number;
}

interface Spent {
  name: string;
  untilMs: number;
}

/** What the server lets us send: keeps requests for an answer back until there is room for them. */
export class RateLimits {
  readonly #deps: RateLimitsDeps;
  readonly #now: () => number;
  /** Limits that are used up, by name. */
  readonly #spent = new Map<string, Spent>();
  /** The last that was heard of each limit: when it is whole again. */
  readonly #resets = new Map<string, number>();
  #announcedUntilMs = 0;
  #refusals = 0;
  readonly #counters = { updates: 0, delays: 0, refused: 0, given_up: 0 };

  constructor(deps: RateLimitsDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
  }

  /** The server's own figures. */
  update(limits: readonly RateLimit[]): void {
    this.#counters.updates++;
    const { config } = this.#deps;
    for (const { name, remaining, resetS } of limits) {
      const untilMs = this.#bounded((resetS ?? 0) * 1000);
      this.#resets.set(name, untilMs);
      const reserve =
        name === "tokens" ? config.reserve_tokens : name === "requests" ? config.reserve_requests : 0;
      if (remaining !== undefined && remaining <= reserve) this.#spent.set(name, { name, untilMs });
      else this.#spent.delete(name);
    }
    this.#deps.publish("rate_limits.updated", {
      limits: limits.map(({ name, limit, remaining, resetS }) => ({
        name,
        ...(limit !== undefined && { limit }),
        ...(remaining !== undefined && { remaining }),
        ...(resetS !== undefined && { reset_s: resetS }),
      })),
    });
  }

  /** How long an answer must not be asked for, milliseconds; 0 when it may be. Says so once for each wait. */
  holdMs(): number {
    const now = this.#now();
    let longest: Spent | undefined;
    for (const spent of this.#spent.values()) {
      if (spent.untilMs <= now) this.#spent.delete(spent.name);
      else if (!longest || spent.untilMs > longest.untilMs) longest = spent;
    }
    if (!longest) return 0;
    const waitMs = Math.ceil(longest.untilMs - now);
    if (this.#announcedUntilMs < longest.untilMs) {
      this.#announcedUntilMs = longest.untilMs;
      this.#counters.delays++;
      this.#deps.publish("response.delayed", { wait_ms: waitMs, limit: longest.name });
    }
    return waitMs;
  }

  /**
   * An answer failed. True where that was for its rate and it shall be asked for again: {@link holdMs} then says when.
   * False for other faults, and after as many refusals in a row as configured.
   */
  refused(fault: ServerFault): boolean {
    if (!REFUSED.has(fault.code)) return false;
    this.#counters.refused++;
    const name = fault.code === "rate_limit_exceeded" ? "rate" : "inference rate";
    const waitMs = this.#waitOf(fault);
    this.#refusals++;
    this.#spent.set(name, { name, untilMs: this.#bounded(waitMs) });
    if (this.#refusals <= this.#deps.config.retries) return true;
    this.#refusals = 0;
    this.#counters.given_up++;
    return false;
  }

  /** An answer ended without such a refusal. */
  passed(): void {
    this.#refusals = 0;
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  /** The message's own figure, else what `rate_limits.updated` said, else a growing delay. */
  #waitOf({ message }: ServerFault): number {
    const [, figure, unit = ""] = TRY_AGAIN.exec(message) ?? [];
    if (figure !== undefined) return Number(figure) * (UNIT_MS[unit.toLowerCase()] ?? 1000);
    const resetMs = Math.max(0, ...[...this.#resets.values()].map((untilMs) => untilMs - this.#now()));
    return resetMs > 0 ? resetMs : FIRST_WAIT_MS * 2 ** this.#refusals;
  }

  #bounded(waitMs: number): number {
    return this.#now() + Math.min(waitMs, this.#deps.config.max_wait_s * 1000);
  }
}
