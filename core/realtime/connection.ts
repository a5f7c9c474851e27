import { MynaError } from "../errors.ts";
import type { LinkState } from "../topics.ts";
import { Backoff } from "./backoff.ts";
import type { SessionConfig } from "./config.ts";
import type { Dialect } from "./dialect.ts";
import { newId } from "./events.ts";
import type { ServerEvent } from "./events.ts";
import { fatalFault, linkFailure } from "./link-failure.ts";
import type { LinkFailure } from "./link-failure.ts";
import { Outbox } from "./outbox.ts";
import type { Weight } from "./outbox.ts";
import type { Connect, Transport } from "./transport.ts";

/** A normal close that nobody asked for is followed by a new connection, unless the last one was as short as this. */
const SHORT_LIFE_MS = 60_000;

/** Where to connect; null from {@link ConnectionDeps.endpoint} while there is no server yet. */
export interface Endpoint {
  url: string;
  apiKey?: string;
}

/** A change of state, as `session.state_changed` tells it. */
export interface LinkChange {
  state: LinkState;
  url: string;
  attempt: number;
  retryInMs?: number;
  failure?: LinkFailure;
}

/** What {@link Connection} works with. */
export interface ConnectionDeps {
  config: SessionConfig;
  dialect: Dialect;
  endpoint: () => Endpoint | null;
  connect: Connect;
  /** The text of our configuration, the first frame of each connection. */
  configure: (eventId: string) => string;
  /** Events of the present connection, once it is ready; before that, `session_created` only. */
  onEvent: (event: ServerEvent) => void;
  /** The server has taken our configuration; `queuedAudio` frames of the microphone went out of the outbox. */
  onReady: (queuedAudio: number) => void;
  /** A connection that was ready is gone. */
  onLost: (failure: LinkFailure) => void;
  onChange: (change: LinkChange) => void;
  random?: () => number;
}

/**
 * The link to the server: idle → connecting → ready → waiting → connecting … → closed. It is ready once our own
 * configuration was acknowledged; nothing but that configuration is sent before. Each connection is a generation:
 * what arrives from an earlier one is dropped.
 */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #backoff: Backoff;
  readonly #outbox: Outbox;
  #state: LinkState = "idle";
  #generation = 0;
  #transport: Transport | undefined;
  #url = "";
  #hello = "";
  #greeted = false;
  #readyAtMs = 0;
  #normalCloses = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  readonly #counters = {
    connects: 0,
    received: 0,
    sent: 0,
    binary_frames: 0,
    stale_events: 0,
    early_events: 0,
    lost: 0,
  };

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.config.reconnect, deps.random);
    this.#outbox = new Outbox(deps.config.outbox);
  }

  get state(): LinkState {
    return this.#state;
  }

  start(): void {
    if (this.#state === "idle") this.#open();
  }

  /** Sends now, or keeps it for when the link is ready. False where the outbox had to drop an event. */
  send(text: string, weight: Weight = "event"): boolean {
    if (this.#state === "ready") {
      this.#counters.sent++;
      this.#transport?.send(text);
      return true;
    }
    return this.#state === "closed" ? false : this.#outbox.add(text, weight);
  }

  /** Sends on the present connection if it is ready; else the text is of no use to anybody. */
  sendIfReady(text: string): void {
    if (this.#state === "ready") this.send(text);
  }

  /** The server's address may have changed: connects now where it waits, and anew where the address is another. */
  endpointChanged(): void {
    if (this.#state === "waiting") {
      this.#open();
    } else if (this.#state === "connecting" || this.#state === "ready") {
      const endpoint = this.#endpoint();
      if (endpoint && endpoint !== "fatal" && endpoint.url !== this.#url) {
        this.#lose(linkFailure("LINK_CLOSED", "the server has moved"), true);
      }
    }
  }

  /** Ends the link for a reason that no retry can mend. */
  fail(failure: LinkFailure): void {
    if (this.#state !== "closed") this.#lose({ ...failure, retryable: false });
  }

  /** Idempotent; resolves when the socket is gone. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    const transport = this.#abandon();
    this.#enter("closed");
    this.#outbox.clear();
    await transport?.close();
  }

  counters(): Record<string, unknown> {
    return { ...this.#counters, generation: this.#generation, outbox: this.#outbox.counters() };
  }

  #endpoint(): Endpoint | null | "fatal" {
    try {
      return this.#deps.endpoint();
    } catch (thrown) {
      const error = MynaError.from(thrown, "LINK_FATAL");
      if (error.retryable) return null;
      this.#abandon();
      this.#enter("closed", { failure: linkFailure(error.code, error.message, false) });
      return "fatal";
    }
  }

  #open(): void {
    clearTimeout(this.#timer);
    const endpoint = this.#endpoint();
    if (endpoint === "fatal") return;
    if (endpoint === null) {
      this.#enter("waiting", {
        failure: linkFailure("SERVICE_UNAVAILABLE", "the Realtime server is not there yet"),
      });
      return;
    }
    const { config, dialect, connect } = this.#deps;
    const generation = ++this.#generation;
    this.#counters.connects++;
    this.#url = endpoint.url;
    this.#greeted = false;
    this.#enter("connecting");
    if (generation !== this.#generation) return;
    const request = dialect.request(endpoint.url, config.model, endpoint.apiKey);
    const mine = (run: () => void) => {
      if (generation === this.#generation) run();
      else this.#counters.stale_events++;
    };
    this.#deadline = setTimeout(
      () => mine(() => this.#lose(linkFailure("LINK_TIMEOUT", "the server did not become ready in time"))),
      config.timeouts.connect_ms,
    );
    this.#transport = connect(
      { ...request, handshakeMs: config.timeouts.connect_ms },
      {
        onOpen: () => mine(() => this.#greet()),
        onText: (text) => mine(() => this.#receive(text)),
        onBinary: () => mine(() => void this.#counters.binary_frames++),
        onPong: () => mine(() => this.#expectPing()),
        onClose: (failure) => mine(() => this.#lose(failure)),
      },
    );
  }

  #greet(): void {
    this.#hello = newId("event");
    this.#greeted = true;
    this.#counters.sent++;
    this.#transport?.send(this.#deps.configure(this.#hello));
    this.#expectPing();
  }

  #receive(text: string): void {
    this.#counters.received++;
    const event = this.#deps.dialect.decode(text);
    if (event === null) return;
    if (event.type === "error") {
      const fatal = fatalFault(event.fault);
      if (fatal) {
        this.#lose(fatal);
        return;
      }
      if (this.#state === "connecting" && (event.fault.eventId ?? this.#hello) === this.#hello) {
        this.#refused(event.fault.kind, event.fault.message);
        return;
      }
    }
    if (event.type === "session_updated" && this.#state === "connecting") {
      if (this.#greeted) this.#becomeReady();
      return;
    }
    if (this.#state === "connecting" && event.type !== "session_created") {
      this.#counters.early_events++;
      return;
    }
    this.#deps.onEvent(event);
  }

  #refused(kind: string, message: string): void {
    const text = `the server does not accept the session's configuration: ${message}`;
    this.#lose(kind === "server_error" ? linkFailure("LINK_CLOSED", text) : linkFailure("LINK_FATAL", text));
  }

  #becomeReady(): void {
    clearTimeout(this.#deadline);
    this.#backoff.reset();
    this.#readyAtMs = performance.now();
    this.#enter("ready");
    if (this.state !== "ready") return;
    const audio = this.#outbox.flush((text) => this.send(text));
    this.#deps.onReady(audio);
  }

  /** Asks for a sign of life after a while; without one in time the link counts as dead (half-open Wi-Fi has no FIN). */
  #expectPing(): void {
    const { ping_ms, pong_ms } = this.#deps.config.timeouts;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#transport?.ping();
      this.#timer = setTimeout(
        () => this.#lose(linkFailure("LINK_CLOSED", "the server does not answer pings")),
        pong_ms,
      );
    }, ping_ms);
  }

  /** The connection is gone, or shall be: back-off and again, or the end. */
  #lose(failure: LinkFailure, atOnce = false): void {
    const wasReady = this.#state === "ready";
    this.#abandon()?.terminate();
    const verdict = this.#once(failure, wasReady);
    if (wasReady) {
      this.#counters.lost++;
      this.#state = "waiting";
      this.#deps.onLost(verdict);
      // A listener may have closed the link.
      if (this.state === "closed") return;
    }
    if (atOnce) {
      this.#open();
      return;
    }
    const retryInMs = verdict.retryable ? this.#backoff.fail() : null;
    if (retryInMs === null) {
      this.#outbox.clear();
      this.#enter("closed", { failure: { ...verdict, retryable: false } });
    } else {
      this.#timer = setTimeout(() => this.#open(), retryInMs);
      this.#enter("waiting", { retryInMs, failure: verdict });
    }
  }

  /** A server that closes normally again and again does not want us. */
  #once(failure: LinkFailure, wasReady: boolean): LinkFailure {
    if (failure.closeCode !== 1000) return failure;
    if (wasReady && performance.now() - this.#readyAtMs >= SHORT_LIFE_MS) this.#normalCloses = 0;
    this.#normalCloses++;
    return this.#normalCloses > 1 ? { ...failure, code: "LINK_FATAL", retryable: false } : failure;
  }

  /** Leaves the present connection without a word; what it still says is dropped. */
  #abandon(): Transport | undefined {
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
    const transport = this.#transport;
    this.#transport = undefined;
    this.#generation++;
    return transport;
  }

  #enter(state: LinkState, about: { retryInMs?: number; failure?: LinkFailure } = {}): void {
    this.#state = state;
    this.#deps.onChange({ state, url: this.#url, attempt: this.#backoff.failures + 1, ...about });
  }
}
