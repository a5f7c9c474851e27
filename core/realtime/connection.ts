import { MynaError } from "../errors.ts";
import type { LinkState } from "../topics.ts";
import { Admission } from "./admission.ts";
import { Backoff } from "./backoff.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ConnectionDeps, LinkChange } from "./connection-deps.ts";
import { Heartbeat } from "./heartbeat.ts";
import { LinkEnds } from "./link-end.ts";
import { endingFault, linkFailure } from "./link-failure.ts";
import type { LinkFailure } from "./link-failure.ts";
import { Outbox } from "./outbox.ts";
import type { Weight } from "./outbox.ts";
import { Standby } from "./standby.ts";
import type { Transport, TransportEvents, TransportRequest } from "./transport.ts";

export type { ConnectionDeps, Endpoint, LinkChange };

/** So long, ms, a link has to hold before its server is called as soon after the next failure as after the first. */
const STEADY_MS = 10_000;
const NO_PULSE = { ...linkFailure("LINK_CLOSED", "the server does not answer pings"), hung: true };

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
  #model = "";
  #request: TransportRequest | undefined;
  readonly #admission: Admission;
  /** Connection that takes over at a pause. */
  #standby: Standby | null = null;
  #readyAtMs = 0;
  readonly #ends = new LinkEnds();
  readonly #heartbeat: Heartbeat;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #counters = {
    connects: 0,
    received: 0,
    sent: 0,
    binary_frames: 0,
    stale_events: 0,
    early_events: 0,
    lost: 0,
    renewed: 0,
    rotated: 0,
  };

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.config.reconnect, deps.random);
    this.#outbox = new Outbox(deps.config.outbox);
    this.#admission = new Admission({
      configure: deps.configure,
      restore: deps.restore,
      send: (text) => this.#transmit(text),
      onLate: () => this.#lose(linkFailure("LINK_TIMEOUT", "the server did not become ready in time")),
      onReady: () => this.#becomeReady(),
    });
    const { timeouts } = deps.config;
    this.#heartbeat = new Heartbeat({
      pingMs: timeouts.ping_ms,
      pongMs: timeouts.pong_ms,
      watchedPingMs: timeouts.watched_ping_ms,
      watchedPongMs: timeouts.watched_pong_ms,
      ...(deps.attention && { attention: deps.attention }),
      ping: () => this.#transport?.ping(),
      onDead: () => this.#lose(NO_PULSE),
      ...(deps.onDeaf && { onDeaf: deps.onDeaf }),
    });
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Ready, and the session has all that it needs: what is sent now is sent at once. */
  get open(): boolean {
    return this.#state === "ready" && !this.#admission.restoring;
  }

  start(): void {
    if (this.#state !== "idle") return;
    const ahead = this.#standby;
    if (!ahead || ahead.failed) return this.#open();
    clearTimeout(this.#timer);
    this.#enter("connecting");
    ahead.await(() => this.#takeOver(ahead));
  }

  /** Connects while idle; `start` within `waitMs` goes on from there. Nothing but our configuration is sent. */
  startAhead(waitMs: number): void {
    if (this.#state !== "idle" || (this.#standby && !this.#standby.failed)) return;
    const endpoint = this.#endpoint();
    if (endpoint === null || endpoint === "fatal") return;
    clearTimeout(this.#timer);
    this.#standBy(this.#call(endpoint));
    this.#timer = setTimeout(() => {
      this.#standby?.close();
      this.#standby = null;
    }, waitMs);
  }

  /** Sends now, or keeps it for when the link is ready. False where the outbox had to drop an event. */
  send(text: string, weight: Weight = "event"): boolean {
    if (this.open) {
      this.#transmit(text);
      return true;
    }
    return this.#state === "closed" ? false : this.#outbox.add(text, weight);
  }

  /** Sends on the present connection if it is ready; else the text is of no use to anybody. */
  sendIfReady(text: string): void {
    if (this.open) this.send(text);
  }

  /** True where the present connection's server keeps the queue of its sound. */
  get ownsOutputBuffer(): boolean {
    return this.#transport?.ownsOutputBuffer ?? false;
  }

  /** A frame of the microphone on a track of its own; false where there is none now, and it has to be an event. */
  sendAudio(frame: Int16Array): boolean {
    if (!this.open || !this.#transport?.sendAudio) return false;
    this.#transport.sendAudio(frame);
    return true;
  }

  /** The server's address may have changed: connects now where it waits, and anew where the address is another. */
  endpointChanged(): void {
    if (this.#state === "waiting") {
      this.#open();
    } else if (this.#state === "connecting" || this.#state === "ready") {
      const endpoint = this.#endpoint();
      if (!endpoint || endpoint === "fatal") return;
      const same = endpoint.url === this.#url && endpoint.name === this.#request?.endpoint?.name;
      if (!same || this.#modelOf(endpoint) !== this.#model) {
        this.#lose(linkFailure("LINK_CLOSED", "another server or model answers now"), true);
      }
    }
  }

  /** Ends the link for a reason that no retry can mend. */
  fail(failure: LinkFailure): void {
    if (this.#state !== "closed") this.#lose({ ...failure, retryable: false });
  }

  /** Gives up the present connection and makes a new one. */
  reconnect(failure: LinkFailure): void {
    if (this.#state === "ready") this.#lose(failure);
  }

  /** Connects a second time, to the same server, for {@link swap}; again where an earlier attempt failed. */
  prepareNext(): void {
    if (this.#state !== "ready" || !this.#request || (this.#standby && !this.#standby.failed)) return;
    this.#standBy();
  }

  /** Goes over to the connection that was prepared; false where it is not there (yet). */
  swap(): boolean {
    const standby = this.#standby;
    if (!this.open || !standby?.ready) return false;
    this.#standby = null;
    const old = this.#abandon();
    this.#counters.renewed++;
    this.#admission.hold();
    this.#deps.onLost(linkFailure("LINK_CLOSED", "the session was renewed"), true);
    if (this.#state !== "ready") standby.close();
    else {
      this.#transport = standby.handOver(this.#events(++this.#generation));
      if (standby.created) this.#deps.onEvent(standby.created);
      this.#heartbeat.arrived(this.#url);
      this.#admission.restore(null);
    }
    void old?.close();
    return true;
  }

  /** Closes the connection until `start`, which continues as after a drop. */
  hangUp(reason: string): void {
    if (this.#state === "idle" || this.#state === "closed") return;
    const wasReady = this.#state === "ready";
    void this.#abandon()?.close();
    this.#backoff.reset();
    this.#state = "idle";
    if (wasReady) this.#deps.onLost(linkFailure("LINK_CLOSED", reason), false);
    if (this.state === "idle") this.#enter("idle");
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
    const outbox = this.#outbox.counters();
    return { ...this.#counters, ...this.#heartbeat.counters(), generation: this.#generation, outbox };
  }

  #modelOf(endpoint: Endpoint): string {
    return endpoint.model ?? this.#deps.config.model;
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
    if (endpoint === null) return this.#missing();
    const generation = ++this.#generation;
    this.#url = endpoint.url;
    this.#enter("connecting");
    if (generation !== this.#generation) return;
    const request = this.#call(endpoint);
    this.#admission.begin(this.#patienceMs);
    this.#transport = this.#deps.connect(request, this.#events(generation));
  }

  /** Counts a call of that server, and says how to make it. */
  #call(endpoint: Endpoint): TransportRequest {
    const { config, dialect } = this.#deps;
    this.#counters.connects++;
    this.#url = endpoint.url;
    this.#model = this.#modelOf(endpoint);
    const { connect_ms: handshakeMs, send_ms: sendMs } = config.timeouts;
    const { message_bytes: maxMessageBytes } = config.limits;
    const request = dialect.request(endpoint.url, this.#model, endpoint.apiKey);
    this.#request = { ...request, handshakeMs, sendMs, maxMessageBytes, endpoint };
    return this.#request;
  }

  get #patienceMs(): number {
    const limitMs = this.#deps.config.timeouts.connect_ms;
    return Math.min(limitMs, this.#deps.patienceMs?.() ?? limitMs);
  }

  /** Connects beside the present connection, as the last time. */
  #standBy(request = this.#request): void {
    const limitMs = this.#state === "ready" ? this.#deps.config.timeouts.connect_ms : this.#patienceMs;
    if (request) this.#standby = new Standby({ ...this.#deps, request, limitMs });
  }

  /** Goes on with the connection that was made ahead, or makes one where it came to nothing. */
  #takeOver(ahead: Standby): void {
    if (this.#standby !== ahead || this.#state !== "connecting") return;
    this.#standby = null;
    if (!ahead.ready) return this.#open();
    this.#transport = ahead.handOver(this.#events(++this.#generation));
    if (ahead.created) this.#deps.onEvent(ahead.created);
    this.#heartbeat.arrived(this.#url);
    this.#admission.restore(this.#deps.config.timeouts.connect_ms);
  }

  /** There is no server (yet): another endpoint, or a wait until it has come. */
  #missing(): void {
    const failure = linkFailure("SERVICE_UNAVAILABLE", "the Realtime server is not there yet");
    const route = this.#deps.reroute?.(failure, null);
    if (route === "at_once") this.#open();
    else this.#wait(failure, route === "wait" ? this.#backoff.fail() : null);
  }

  /** Until the time is up, or, with null, until the address of a server is known. */
  #wait(failure: LinkFailure, retryInMs: number | null): void {
    if (retryInMs !== null) this.#timer = setTimeout(() => this.#open(), retryInMs);
    if (failure.code === "SERVICE_UNAVAILABLE" && this.#deps.starting?.()) this.#state = "waiting";
    else this.#enter("waiting", { failure, ...(retryInMs !== null && { retryInMs }) });
  }

  /** What a transport tells; after its generation is over nothing of it counts. */
  #events(generation: number): TransportEvents {
    const mine = (run: () => void) => {
      if (generation === this.#generation) run();
      else this.#counters.stale_events++;
    };
    return {
      onOpen: () => mine(() => this.#greet()),
      onText: (text) => mine(() => this.#receive(text)),
      onAudio: (pcm) => {
        if (generation !== this.#generation) return;
        this.#heartbeat.beat();
        if (this.#state === "ready") this.#deps.onAudio?.(pcm);
      },
      onBinary: () =>
        mine(() => {
          this.#counters.binary_frames++;
          this.#heartbeat.beat();
        }),
      onPong: () => mine(() => this.#heartbeat.pong()),
      onClose: (failure) => mine(() => this.#lose(failure)),
    };
  }

  #greet(): void {
    this.#admission.greet();
    this.#heartbeat.arrived(this.#url);
  }

  #transmit(text: string): void {
    this.#counters.sent++;
    this.#transport?.send(text);
    this.#heartbeat.sent(text.length);
  }

  #receive(text: string): void {
    this.#counters.received++;
    this.#heartbeat.beat();
    const event = this.#deps.dialect.decode(text);
    if (event === null) return;
    if (event.type === "error") {
      const refused = this.#state === "connecting" && this.#admission.isRefusal(event.fault);
      const end = endingFault(event.fault, refused);
      if (end) return this.#lose(end);
    } else if (event.type === "response_done" && event.status === "completed") this.#backoff.reset();
    if (this.#admission.receive(event)) return;
    if (event.type === "session_updated" && this.#state === "connecting") {
      // It lets us in: what we have to tell it may take its time.
      if (this.#admission.greeted) this.#admission.restore(this.#deps.config.timeouts.connect_ms);
      return;
    }
    if (this.#state === "connecting" && event.type !== "session_created") {
      this.#counters.early_events++;
      return;
    }
    this.#deps.onEvent(event);
  }

  #becomeReady(): void {
    this.#readyAtMs = performance.now();
    if (this.#state !== "ready") this.#enter("ready");
    if (this.state !== "ready") return;
    const audio = this.#outbox.flush((text) => this.send(text));
    this.#deps.onReady(audio);
  }

  /** The connection is gone, or shall be: back-off and again, or the end. */
  #lose(failure: LinkFailure, atOnce = false): void {
    const wasReady = this.#state === "ready";
    this.#abandon()?.terminate();
    const livedMs = wasReady ? performance.now() - this.#readyAtMs : null;
    if (livedMs !== null && livedMs >= STEADY_MS) this.#backoff.reset();
    const { failure: verdict, atOnce: rotates } = this.#ends.judge(failure, livedMs);
    if (wasReady) {
      this.#counters.lost++;
      this.#state = "waiting";
      this.#deps.onLost(verdict, false);
      // A listener may have closed the link.
      if (this.state === "closed") return;
    }
    if (rotates) this.#counters.rotated++;
    const route = atOnce || rotates ? "at_once" : this.#deps.reroute?.(verdict, livedMs);
    if (route === "at_once") return this.#open();
    const delayMs = (route ? route === "wait" : verdict.retryable) ? this.#backoff.fail() : null;
    const retryInMs = delayMs === null ? null : Math.max(delayMs, verdict.retryAfterMs ?? 0);
    if (retryInMs !== null) return this.#wait(verdict, retryInMs);
    this.#outbox.clear();
    this.#enter("closed", { failure: { ...verdict, retryable: false } });
  }

  /** Leaves the present connection without a word; what it still says is dropped. */
  #abandon(): Transport | undefined {
    clearTimeout(this.#timer);
    this.#admission.stop();
    this.#heartbeat.stop();
    this.#standby?.close();
    this.#standby = null;
    const transport = this.#transport;
    this.#transport = undefined;
    this.#generation++;
    return transport;
  }

  #enter(state: LinkState, about: { retryInMs?: number; failure?: LinkFailure } = {}): void {
    this.#state = state;
    const attempt = state === "ready" ? 1 : this.#backoff.failures + 1;
    this.#deps.onChange({ state, url: this.#url, attempt, ...about });
  }
}
