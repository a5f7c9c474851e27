import { maskSecrets } from "../log.ts";
import type { Logger } from "../log.ts";
import type { TopicName, Topics } from "../topics.ts";
import type { SessionConfig } from "./config.ts";
import type { Endpoint } from "./endpoint.ts";
import { EndpointsProbe } from "./endpoints-probe.ts";
import { isLocal } from "./auth.ts";
import { Endpoints } from "./endpoints.ts";
import type { EndpointSource, Reroute } from "./endpoints.ts";
import { linkFailure } from "./link-failure.ts";
import type { LinkFailure } from "./link-failure.ts";
import { NetworkWatch } from "./network-watch.ts";
import type { Connect } from "./transport.ts";

/** How often a pause of the conversation is looked for while something waits for one. */
const PAUSE_MS = 250;

/** What {@link Failover} works with. */
export interface FailoverDeps {
  config: SessionConfig;
  /** In order of preference; one is no failover at all. */
  sources: readonly EndpointSource[];
  connect: Connect;
  /** Which dialect servers turned out to speak, by URL. */
  known: Map<string, "ga" | "beta">;
  log: Logger;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  /** True at a pause: link ready, nobody speaks, nothing runs and no tool is at work. */
  atRest: () => boolean;
  /** Asks for an answer with these instructions. */
  respond: (instructions: string) => void;
  /** Another endpoint is meant from now on. */
  endpointChanged: () => void;
  /** Gives up a connection that is ready. */
  reconnect: (failure: LinkFailure) => void;
  /** Addresses of this computer, in place of the real ones, for tests. */
  addresses?: () => string[];
}

/**
 * Keeps the robot talking while servers come and go: over to the next one when one fails, back at a pause when a better
 * one has recovered. Says so aloud, once for each change that lasts until a pause.
 */
export class Failover {
  readonly #deps: FailoverDeps;
  readonly #endpoints: Endpoints;
  readonly #probe: EndpointsProbe;
  readonly #network: NetworkWatch;
  #offline = false;
  /** The link is closed on purpose. */
  #resting = false;
  /** Why servers are not used, by position. */
  readonly #failures = new Map<number, LinkFailure>();
  #lastRefused = false;
  #voice: string | undefined;
  /** The one to go back to at the next pause. */
  #recovered: number | null = null;
  /** What is still to be said. */
  #notice: string | null = null;
  /** A change for the worse was said aloud: the one for the better is as well. */
  #told = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #counters = { changes: 0 };

  constructor(deps: FailoverDeps) {
    this.#deps = deps;
    const { config, connect, known, log } = deps;
    this.#endpoints = new Endpoints(deps.sources, config.failover);
    this.#probe = new EndpointsProbe({
      config,
      connect,
      known,
      log,
      source: (at) => this.#endpoints.source(at),
      onRecovered: (at) => {
        this.#recovered = at;
        this.#awaitPause();
      },
    });
    this.#network = new NetworkWatch({
      ...(deps.addresses && { addresses: deps.addresses }),
      onLost: () => this.#networkLost(),
      onBack: () => {
        this.#offline = false;
        this.#lookAround();
      },
    });
  }

  /** The server in use. May throw a MynaError. */
  current(): Endpoint | null {
    const endpoint = this.#endpoints.current();
    this.#voice = endpoint?.voice ?? this.#voice;
    return endpoint;
  }

  /** The session's settings with the voice of the server in use. */
  get config(): SessionConfig {
    const { config } = this.#deps;
    return this.#voice === undefined ? config : { ...config, voice: this.#voice };
  }

  /** How long it may take to become ready; undefined for as long as the session allows. */
  patienceMs(): number | undefined {
    return this.#endpoints.patienceMs();
  }

  /** It failed, after it was ready for `readyMs` (null: it never was); null where there is no other. */
  failed(failure: LinkFailure, readyMs: number | null): Reroute | null {
    const { at, several } = this.#endpoints;
    if (!several) return null;
    const from = this.#endpoints.nameOf(at);
    // Without a network, or with nobody at home, a second attempt at the same server is lost time.
    const reroute = this.#endpoints.failed(failure, this.#offline || failure.hung ? null : readyMs);
    this.#failures.set(at, failure);
    this.#lastRefused = !failure.retryable;
    if (this.#endpoints.at !== at && reroute === "at_once") {
      this.#deps.log.info("trying the next server", {
        server: this.#endpoints.nameOf(this.#endpoints.at),
        failed: from,
        reason: failure.message,
      });
    }
    if (reroute === "end") this.close();
    return reroute;
  }

  /** The server in use is ready. */
  ready(): void {
    if (this.#endpoints.several) this.#network.start();
    const change = this.#endpoints.ready();
    const { at } = this.#endpoints;
    this.#failures.delete(at);
    if (this.#resting) {
      this.#resting = false;
      this.#lookAround();
      this.#awaitPause();
    }
    // It let us in for a look, and not when we came.
    if (!change && at > 0 && this.#recovered === null) this.#probe.goOn(at, this.#lastRefused);
    if (!change) return;
    const { log, publish, config } = this.#deps;
    const [from, to] = [this.#endpoints.nameOf(change.from), this.#endpoints.nameOf(change.to)];
    const better = change.to < change.from;
    this.#counters.changes++;
    const about = { endpoint: to, previous: from, preferred: change.to === 0 };
    const reason = better ? `${to} has recovered` : this.#whyNoneBefore(change.to);
    publish("session.endpoint_changed", {
      ...about,
      url: maskSecrets(this.#endpoints.current()?.url ?? ""),
      reason,
    });
    log[better ? "info" : "warn"](better ? "back at a better server" : "another server answers", {
      ...about,
      reason,
    });
    this.#recovered = null;
    this.#probe.watch(change.to);
    const trouble = sayTrouble(from, this.#failures.get(change.from));
    const said = better ? `${to} answers again.` : `${trouble} ${to} answers now.`;
    this.#notice = config.failover.announce && (!better || this.#told) ? said : null;
    this.#awaitPause();
  }

  /** The link is closed on purpose: no server is called until it is open again. */
  rest(): void {
    this.#resting = true;
    this.#recovered = null;
    clearTimeout(this.#timer);
    this.#probe.stop();
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    this.#probe.stop();
    this.#network.stop();
  }

  counters(): Record<string, number> {
    return { ...this.#counters, ...this.#endpoints.counters(), ...this.#probe.counters() };
  }

  /** Of each server that is preferred to this one, why it is not used. */
  #whyNoneBefore(at: number): string {
    const failures = [...this.#failures].filter(([one]) => one < at).toSorted(([a], [b]) => a - b);
    if (failures.length === 1) return failures[0]?.[1].message ?? "";
    return failures.map(([one, { message }]) => `${this.#endpoints.nameOf(one)}: ${message}`).join("; ");
  }

  /** After the servers that are better than the one in use. */
  #lookAround(): void {
    if (!this.#resting) this.#probe.watch(this.#endpoints.at);
  }

  #networkLost(): void {
    this.#offline = true;
    const { url = "" } = this.#endpoints.current() ?? {};
    if (url !== "" && !isLocal(url))
      this.#deps.reconnect(linkFailure("LINK_CLOSED", "this computer has no network"));
  }

  #awaitPause(): void {
    clearTimeout(this.#timer);
    if (this.#notice === null && this.#recovered === null) return;
    this.#timer = setTimeout(() => {
      if (this.#deps.atRest()) this.#pause();
      this.#awaitPause();
    }, PAUSE_MS);
  }

  #pause(): void {
    if (this.#recovered !== null) {
      this.#endpoints.use(this.#recovered);
      this.#recovered = null;
      this.#notice = null;
      this.#deps.endpointChanged();
      return;
    }
    if (this.#notice === null) return;
    const notice = this.#notice;
    this.#notice = null;
    this.#told = !this.#told;
    this.#deps.respond(noticeInstructions(notice));
  }
}

/** What the robot says of a server that it does not use. */
function sayTrouble(name: string, failure: LinkFailure | undefined): string {
  if (failure?.code === "LINK_AUTH") return `I have no valid key for ${name}.`;
  return failure?.retryable === false ? `${name} refuses me.` : `I cannot reach ${name}.`;
}

/** Has the model say a sentence; brain-local knows the form. */
export function noticeInstructions(sentence: string): string {
  return `Say this in the language of the conversation, and nothing else: "${sentence}" Call no tool.`;
}
