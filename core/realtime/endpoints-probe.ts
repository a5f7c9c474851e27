import type { Endpoint } from "./endpoint.ts";
import { greeter } from "./greeting.ts";
import type { GreeterDeps, Greeting } from "./greeting.ts";

/** One that refused us for good is asked much less often. */
const REFUSED_MS = 300_000;

/** What {@link EndpointsProbe} works with. */
export interface EndpointsProbeDeps extends GreeterDeps {
  source: (at: number) => Endpoint | null;
  /** The server at this position lets us in again. */
  onRecovered: (at: number) => void;
}

/**
 * Looks, while a less preferred server is in use, whether a better one has come back: connects with its key and in its
 * dialect until it greets us, and hangs up. Waits longer after each failure, as the session's own back-off does.
 */
export class EndpointsProbe {
  readonly #deps: EndpointsProbeDeps;
  readonly #greet: (endpoint: Endpoint) => Greeting;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends the look at a server that is under way. */
  #cancel = () => {};
  #round = 0;
  #failures = 0;
  /** One has let us in; nobody is looked after until `goOn` or `watch`. */
  #found = false;
  readonly #counters = { probes: 0, recovered: 0 };

  constructor(deps: EndpointsProbeDeps) {
    this.#deps = deps;
    this.#greet = greeter(deps);
  }

  /** Watches the servers before this position, from now on and until `stop`. */
  watch(before: number): void {
    this.stop();
    this.#failures = 0;
    if (before > 0) this.#later(this.#round, before, this.#deps.config.reconnect.initial_ms);
  }

  /** Watches on where one that had recovered did not let us in after all; waits as after a failure, long after a refusal. */
  goOn(before: number, refused: boolean): void {
    if (!this.#found) return;
    this.#found = false;
    this.#failures++;
    this.#later(this.#round, before, refused ? REFUSED_MS : this.#delayMs());
  }

  /** Idempotent; nothing is told afterwards. */
  stop(): void {
    this.#found = false;
    this.#round++;
    clearTimeout(this.#timer);
    this.#cancel();
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  #later(round: number, before: number, delayMs: number): void {
    this.#timer = setTimeout(() => void this.#look(round, before), delayMs);
  }

  async #look(round: number, before: number): Promise<void> {
    let refused = 0;
    for (let at = 0; at < before; at++) {
      const answer = await this.#try(at);
      if (round !== this.#round) return;
      if (answer === "there") {
        this.#counters.recovered++;
        this.#found = true;
        this.#deps.onRecovered(at);
        return;
      }
      if (answer === "refused") refused++;
    }
    this.#failures++;
    const delayMs = this.#delayMs();
    this.#later(round, before, refused === before ? Math.max(delayMs, REFUSED_MS) : delayMs);
  }

  #delayMs(): number {
    const { initial_ms, factor, max_ms } = this.#deps.config.reconnect;
    return Math.min(max_ms, initial_ms * factor ** this.#failures);
  }

  async #try(at: number): Promise<"there" | "away" | "refused"> {
    const endpoint = this.#endpoint(at);
    if (endpoint === null || endpoint === "refused") return endpoint ?? "away";
    this.#counters.probes++;
    const { answer, cancel } = this.#greet(endpoint);
    this.#cancel = cancel;
    const failure = await answer;
    if (failure === null) return "there";
    return failure.retryable ? "away" : "refused";
  }

  #endpoint(at: number): Endpoint | null | "refused" {
    try {
      return this.#deps.source(at);
    } catch {
      return "refused";
    }
  }
}
