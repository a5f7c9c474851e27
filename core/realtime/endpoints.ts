import { hostOf } from "./auth.ts";
import type { SessionConfig } from "./config.ts";
import type { Endpoint } from "./endpoint.ts";
import type { LinkFailure } from "./link-failure.ts";

/** One of the servers: null while it is not there, for example because its plugin is not up. May throw a MynaError. */
export type EndpointSource = () => Endpoint | null;

/** What follows a failure: another attempt at once, one after the back-off, or the end of the link. */
export type Reroute = "at_once" | "wait" | "end";

/** A connection that was ready for less than this does not earn its server another attempt before the others. */
const STABLE_MS = 5000;

/**
 * The servers in order of preference, and which one is in use. After a drop the same one is tried once more; then the
 * others, each once; then, after the back-off, all again. One that refuses us for good is left out of that.
 */
export class Endpoints {
  readonly #sources: readonly EndpointSource[];
  readonly #patience: SessionConfig["failover"];
  #at = 0;
  /** The one that was ready last; the first counts as such at the start. */
  #served = 0;
  #everReady = false;
  readonly #tried = new Set<number>();
  readonly #refused = new Set<number>();
  #failures = 0;

  /** At least one source. */
  constructor(sources: readonly EndpointSource[], patience: SessionConfig["failover"]) {
    this.#sources = sources;
    this.#patience = patience;
  }

  /** Position of the one in use; 0 is the preferred one. */
  get at(): number {
    return this.#at;
  }

  get several(): boolean {
    return this.#sources.length > 1;
  }

  current(): Endpoint | null {
    return this.source(this.#at);
  }

  source(at: number): Endpoint | null {
    return this.#sources[at]?.() ?? null;
  }

  /** Its name in the profile, else its host. */
  nameOf(at: number): string {
    try {
      const endpoint = this.source(at);
      return endpoint?.name || hostOf(endpoint?.url ?? "") || `server ${at + 1}`;
    } catch {
      return `server ${at + 1}`;
    }
  }

  /** How long the present one may take to become ready; undefined for as long as the session allows. */
  patienceMs(): number | undefined {
    if (!this.several || this.#next(this.#at) === undefined) return undefined;
    return this.#everReady ? this.#patience.after_loss_ms : this.#patience.at_start_ms;
  }

  /** The present one failed, after it was ready for `readyMs` (null: it never was); null where there is no other. */
  failed({ retryable }: Pick<LinkFailure, "retryable">, readyMs: number | null): Reroute | null {
    if (!this.several) return null;
    this.#failures++;
    if (readyMs !== null && readyMs >= STABLE_MS) {
      this.#tried.clear();
      if (retryable) return "at_once";
    }
    if (!retryable) this.#refused.add(this.#at);
    this.#tried.add(this.#at);
    const next = this.#next();
    if (next !== undefined) {
      this.#at = next;
      return "at_once";
    }
    this.#tried.clear();
    const first = this.#next();
    if (first === undefined) return "end";
    this.#at = first;
    return "wait";
  }

  /** The present one is ready; what changed for whoever talks to it, or null. */
  ready(): { from: number; to: number } | null {
    this.#everReady = true;
    this.#refused.delete(this.#at);
    if (this.#served === this.#at) return null;
    const change = { from: this.#served, to: this.#at };
    this.#served = this.#at;
    return change;
  }

  /** From now on this one is meant. */
  use(at: number): void {
    this.#at = at;
    this.#tried.clear();
    this.#refused.delete(at);
  }

  counters(): Record<string, number> {
    return { at: this.#at, failures: this.#failures, refused: this.#refused.size };
  }

  /** The first that was not tried in this round and did not refuse us. */
  #next(except?: number): number | undefined {
    for (let at = 0; at < this.#sources.length; at++) {
      if (at !== except && !this.#tried.has(at) && !this.#refused.has(at)) return at;
    }
    return undefined;
  }
}
