import { MynaError } from "../errors.ts";
import { maskSecrets } from "../log.ts";
import type { LinkState } from "../topics.ts";
import type { AnyServerEvent, ClientEventName, ClientEvents } from "./client-events.ts";
import { Listeners } from "./client-listeners.ts";
import { parseClientOptions } from "./client-options.ts";
import type { RealtimeClientOptions, SessionFields } from "./client-options.ts";
import { frameOf, inputSamples } from "./client-frame.ts";
import type { ClientMetrics, SendOutcome } from "./client-metrics.ts";
import { ClientSession } from "./client-session.ts";
import { ClientStatistics } from "./client-statistics.ts";
import type { EventStats } from "./client-statistics.ts";
import { ClientLink } from "./client-link.ts";
import type { ClientWireEvent, ResponseRequest, ServerWireEvent } from "./event-map.ts";
import { currentName } from "./event-map.ts";
import { newId } from "./events.ts";
import type { AudioDelta } from "./events.ts";
import { isRecord, readFault } from "./ga-fields.ts";
import type { LinkChange } from "./connection.ts";

const AUDIO_DELTA = "response.output_audio.delta";

/**
 * A Realtime session for any Bun program: the connection of the robot (states, back-off, outbox, pings, dialects)
 * without the robot. It sends what it is told and hands out what comes; turns, tools and the loudspeaker are the
 * program's. Clients share nothing.
 */
export class RealtimeClient {
  readonly #options: RealtimeClientOptions;
  readonly #config: ReturnType<typeof parseClientOptions>;
  readonly #listeners = new Listeners<ClientEvents>((type, error) => this.#listenerFailed(type, error));
  readonly #stats = new ClientStatistics();
  readonly #session: ClientSession;
  readonly #totals = { attempts: 0, reconnects: 0, sent: 0, received: 0, dropped: 0, malformed: 0 };
  /** Sound of a wire that carries it on a track of its own. */
  readonly #streamed: AudioDelta = { type: "audio", responseId: "", itemId: "", pcm: new Int16Array(0) };
  #serverErrors = 0;
  #listenerErrors = 0;
  #link: ClientLink | null = null;
  #state: LinkState = "idle";
  #readyAtMs = 0;
  #wasReady = false;
  #opening: PromiseWithResolvers<void> | null = null;
  #destroyed = false;

  /** Throws CONFIG_INVALID where an option is wrong. Connects to nothing yet. */
  constructor(options: RealtimeClientOptions = {}) {
    this.#options = options;
    this.#config = parseClientOptions(options);
    this.#session = new ClientSession({ ...options.session });
  }

  /**
   * Resolves when the server has taken the configuration. Rejects when the client is closed before: by a failure that
   * no retry can mend, after the last attempt, or by `disconnect`; while attempts are left it goes on trying.
   */
  connect(): Promise<void> {
    if (this.#destroyed) return Promise.reject(new MynaError("LINK_FATAL", "the client was destroyed"));
    if (this.#state === "ready") return Promise.resolve();
    const opening = (this.#opening ??= Promise.withResolvers<void>());
    // Who calls start() alone does not look at it.
    opening.promise.catch(() => {});
    (this.#link ??= this.#newLink()).start();
    return opening.promise;
  }

  /** As {@link connect}, for those who listen to events instead of waiting. */
  start(): void {
    void this.connect().catch(() => {});
  }

  /**
   * Ends the session; what still waits is dropped, and nothing is received afterwards. Resolves when the socket is
   * gone. Idempotent; the client can be connected again.
   */
  async disconnect(reason = "asked"): Promise<void> {
    const link = this.#link;
    if (link === null) return;
    const wasReady = this.#state === "ready";
    this.#link = null;
    this.#count(link);
    const closed = link.close();
    if (this.#state !== "idle") this.#enter("closed");
    if (wasReady) this.#listeners.emit("disconnect", { reason, willReconnect: false });
    this.#opening?.reject(new MynaError("LINK_CLOSED", `disconnected: ${reason}`));
    this.#opening = null;
    await closed;
  }

  /** As {@link disconnect}. */
  stop(reason?: string): Promise<void> {
    return this.disconnect(reason);
  }

  /** Disconnects and takes off all listeners; the client cannot be used again. Idempotent. */
  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    this.#destroyed = true;
    const closed = this.disconnect("destroyed");
    this.#listeners.clear();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  /** Calls `listener` at each event of that type; a listener that throws disturbs nobody. Returns what takes it off. */
  on<T extends ClientEventName>(type: T, listener: (event: ClientEvents[T]) => unknown): () => void {
    return this.#listeners.add(type, listener);
  }

  /** As {@link on}, for the next event only. */
  once<T extends ClientEventName>(type: T, listener: (event: ClientEvents[T]) => unknown): () => void {
    return this.#listeners.add(type, listener, true);
  }

  /** Takes a listener off; all of that type where none is named. */
  off<T extends ClientEventName>(type: T, listener?: (event: ClientEvents[T]) => unknown): void {
    this.#listeners.off(type, listener);
  }

  /**
   * Sends an event, in the names of the dialect; while there is no link, also before `connect`, it waits in the outbox and
   * follows the configuration of the next session. Once closed, nothing waits until `connect`. Throws ARGUMENT_INVALID for
   * what is no event.
   */
  send(event: ClientWireEvent): SendOutcome {
    const text = frameOf(event);
    this.#stats.sent(event.type);
    const weight =
      event.type === "input_audio_buffer.append"
        ? "audio"
        : event.type === "conversation.item.create" && event.item.type === "function_call_output"
          ? "result"
          : "event";
    return this.#send(text, weight);
  }

  /**
   * PCM16 mono 24 kHz: samples, little-endian bytes, or base64 of them. Nothing but the text is allocated for samples;
   * whoever hands in the same array each time spares a view as well.
   */
  appendInputAudio(audio: Int16Array | Uint8Array | string): SendOutcome {
    const samples = inputSamples(audio);
    this.#stats.appended();
    const link = this.#openLink();
    if (link?.sendAudio(samples)) return "sent";
    return this.#send(link === null ? "" : link.append(samples), "audio");
  }

  /** Ends the utterance; with turn detection the server does that by itself. Asks for no answer. */
  commitInputAudio(): SendOutcome {
    return this.send({ type: "input_audio_buffer.commit" });
  }

  clearInputAudio(): SendOutcome {
    return this.send({ type: "input_audio_buffer.clear" });
  }

  /** Asks for an answer. One at a time: a second request before `response.done` is an `error` of the server. */
  createResponse(response?: ResponseRequest): SendOutcome {
    return this.send({ type: "response.create", ...(response && { response }) });
  }

  /** Cancels that response, or the one that runs. */
  cancelResponse(responseId?: string): SendOutcome {
    return this.send({
      type: "response.cancel",
      ...(responseId !== undefined && { response_id: responseId }),
    });
  }

  /**
   * Changes the session now and in every session to come; an update that the server refuses by its id is forgotten.
   * "queued" before the link is ready: the configuration of the next session has it.
   */
  updateSession(fields: SessionFields): SendOutcome {
    if (!isRecord(fields)) throw new MynaError("ARGUMENT_INVALID", "updateSession takes an object of fields");
    const event_id = newId("event");
    // The beta dialect knows no types of sessions, and refuses what it does not know.
    const session = this.#link?.dialect === "beta" ? fields : { type: "realtime", ...fields };
    const text = frameOf({ type: "session.update", event_id, session });
    if (this.#destroyed) return "dropped";
    this.#session.update(event_id, { ...fields });
    if (this.#state !== "ready") return "queued";
    this.#stats.sent("session.update");
    return this.#send(text, "event");
  }

  getState(): LinkState {
    return this.#state;
  }

  isConnected(): boolean {
    return this.#state === "ready";
  }

  getMetrics(): ClientMetrics {
    const now = this.#link?.counts();
    const total = this.#totals;
    return {
      state: this.#state,
      attempts: total.attempts + (now?.attempts ?? 0),
      reconnects: total.reconnects,
      uptimeMs: this.#state === "ready" ? Math.round(performance.now() - this.#readyAtMs) : 0,
      sent: total.sent + (now?.sent ?? 0),
      received: total.received + (now?.received ?? 0),
      queued: now?.queued ?? 0,
      dropped: total.dropped + (now?.dropped ?? 0),
      serverErrors: this.#serverErrors,
      listenerErrors: this.#listenerErrors,
      malformed: total.malformed + (now?.malformed ?? 0),
    };
  }

  /** Events by type since the client was made; what was queued counts as sent. */
  getEventStats(): EventStats {
    return this.#stats.read();
  }

  /** The link, made where nobody has connected yet: its outbox keeps what is sent before. Null once closed. */
  #openLink(): ClientLink | null {
    if (this.#link === null && this.#state === "idle" && !this.#destroyed) this.#link = this.#newLink();
    return this.#link;
  }

  #newLink(): ClientLink {
    this.#wasReady = false;
    return new ClientLink({
      config: this.#config,
      options: this.#options,
      session: this.#session,
      onAudio: (event, frame) => this.#audio(event, frame),
      onWire: (event) => this.#receive(event),
      onStream: (pcm) => this.#stream(pcm),
      onReady: (url) => this.#ready(url),
      onChange: (change) => this.#changed(change),
    });
  }

  #send(text: string, weight: "audio" | "event" | "result"): SendOutcome {
    const link = this.#openLink();
    if (link === null) {
      this.#totals.dropped++;
      return "dropped";
    }
    const ready = this.#state === "ready";
    if (!link.send(text, weight)) return "dropped";
    return ready ? "sent" : "queued";
  }

  #ready(url: string): void {
    const reconnected = this.#wasReady;
    if (reconnected) this.#totals.reconnects++;
    this.#wasReady = true;
    this.#readyAtMs = performance.now();
    this.#opening?.resolve();
    this.#opening = null;
    this.#listeners.emit("connect", { url, reconnected });
  }

  #changed({ state, attempt, retryInMs, failure }: LinkChange): void {
    const link = this.#link;
    if (link === null) return;
    const lost = this.#state === "ready" && state !== "ready";
    if (state === "closed") {
      this.#count(link);
      this.#link = null;
    }
    this.#enter(state);
    if (lost) {
      this.#listeners.emit("disconnect", {
        reason: failure?.message ?? "the link was lost",
        ...(failure && { code: failure.code }),
        ...(failure?.closeCode !== undefined && { closeCode: failure.closeCode }),
        willReconnect: state !== "closed",
      });
    }
    if (!failure) return;
    const { code, message } = failure;
    if (state === "waiting")
      this.#listeners.emit("reconnecting", {
        attempt: attempt - 1,
        delayMs: retryInMs ?? 0,
        reason: message,
        code,
      });
    if (state !== "closed") return;
    this.#opening?.reject(new MynaError(code, message));
    this.#opening = null;
    this.#listeners.emit("error", { source: "link", code, message, fatal: true });
  }

  #enter(state: LinkState): void {
    const previous = this.#state;
    if (previous === state) return;
    this.#state = state;
    this.#listeners.emit("state_change", { state, previous });
  }

  #audio(event: AudioDelta, frame: string): void {
    this.#stats.audio();
    this.#listeners.emit("audio", event);
    if (!this.#listeners.has(AUDIO_DELTA) && !this.#listeners.has("server_event")) return;
    const wire = JSON.parse(frame) as ServerWireEvent<typeof AUDIO_DELTA>;
    const named = wire.type === AUDIO_DELTA ? wire : { ...wire, type: AUDIO_DELTA as typeof AUDIO_DELTA };
    this.#listeners.emit(AUDIO_DELTA, named);
    this.#listeners.emit("server_event", { ...named });
  }

  #stream(pcm: Int16Array): void {
    this.#streamed.pcm = pcm;
    this.#listeners.emit("audio", this.#streamed);
  }

  #receive(wire: AnyServerEvent): void {
    const type = currentName(wire.type);
    const event = type === wire.type ? wire : { ...wire, type };
    this.#stats.received(type);
    if (type === "error") this.#serverError(event);
    // A type is a name of the server's choice: those of our own events are not reachable from there.
    else if (type.includes(".")) this.#listeners.emit(type as typeof AUDIO_DELTA, event as never);
    this.#listeners.emit("server_event", event);
  }

  #serverError(event: AnyServerEvent): void {
    this.#serverErrors++;
    const { code, message, eventId } = readFault(event["error"]);
    if (eventId !== undefined) this.#session.refused(eventId);
    this.#listeners.emit("error", {
      source: "server",
      code: code || "SERVER_ERROR",
      message: maskSecrets(message),
      fatal: false,
      event: event as unknown as ServerWireEvent<"error">,
    });
  }

  #listenerFailed(type: string, cause: unknown): void {
    this.#listenerErrors++;
    // A broken listener of errors is not told of itself.
    if (type === "error") return;
    const text = Error.isError(cause) ? cause.message : String(cause);
    this.#listeners.emit("error", {
      source: "listener",
      code: "LISTENER_FAILED",
      message: `a listener of "${type}" failed: ${text}`,
      fatal: false,
      cause,
      type,
    });
  }

  #count(link: ClientLink): void {
    const { attempts, sent, received, dropped, queued, malformed } = link.counts();
    const total = this.#totals;
    total.attempts += attempts;
    total.sent += sent;
    total.received += received;
    total.dropped += dropped + queued;
    total.malformed += malformed;
  }
}
