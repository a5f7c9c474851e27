import { AsyncLocalStorage } from "node:async_hooks";
import type { Capture, Playback } from "../audio/port.ts";
import { maskSecrets } from "../log.ts";
import type { Logger } from "../log.ts";
import type { TopicName, Topics } from "../topics.ts";
import { Arbiter } from "./arbiter.ts";
import { AssistantSpeech } from "./assistant-speech.ts";
import type { SessionConfig } from "./config.ts";
import { Connection } from "./connection.ts";
import type { Endpoint, LinkChange } from "./connection.ts";
import { GaDialect } from "./dialect-ga.ts";
import type { Dialect } from "./dialect.ts";
import { newId } from "./events.ts";
import type { ClientEvent, NewItem, ServerEvent, ServerFault } from "./events.ts";
import { fatalFault, isBenign } from "./link-failure.ts";
import type { LinkFailure } from "./link-failure.ts";
import { MicrophoneClock } from "./microphone.ts";
import type { SessionPort, ToolPort } from "./port.ts";
import { ToolLoop } from "./tool-loop.ts";
import { connectWebSocket } from "./transport.ts";
import type { Connect } from "./transport.ts";
import { UserTranscripts } from "./user-transcripts.ts";

/** What {@link Session} works with. */
export interface SessionDeps {
  config: SessionConfig;
  /** Where the server is; null while it is not there yet: then {@link Session.endpointChanged} tells. May throw a MynaError. */
  endpoint: () => Endpoint | null;
  capture: Capture;
  playback: Playback;
  tools: ToolPort;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  log: Logger;
  /** Another wire, for tests. */
  connect?: Connect;
}

type ResponseDone = Extract<ServerEvent, { type: "response_done" }>;

/**
 * The conversation with the Realtime server: microphone to server, server to loudspeaker, words to topics, calls to
 * tools. Lives through any number of connections; a new one starts with an empty conversation at the server.
 */
export class Session {
  readonly port: SessionPort;
  readonly #deps: SessionDeps;
  readonly #dialect: Dialect = new GaDialect();
  readonly #connection: Connection;
  readonly #arbiter: Arbiter;
  readonly #speech: AssistantSpeech;
  readonly #words: UserTranscripts;
  readonly #tools: ToolLoop;
  readonly #clock: MicrophoneClock;
  readonly #undos: (() => void)[];
  /** The context in which timers and sockets live as long as the session, whoever calls. */
  readonly #here = AsyncLocalStorage.snapshot();
  #toolsStale = false;
  #runningResponse: string | null = null;
  readonly #counters = { server_errors: 0, benign_errors: 0, events: 0, responses: 0 };

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    const { config, capture, playback, tools, publish } = deps;
    const detects = config.turn_detection.type !== "none";
    this.#connection = new Connection({
      config,
      dialect: this.#dialect,
      endpoint: deps.endpoint,
      connect: deps.connect ?? connectWebSocket,
      configure: (eventId) => {
        this.#toolsStale = false;
        return this.#dialect.encode({ type: "configure", eventId, config, tools: tools.definitions() });
      },
      onEvent: (event) => this.#receive(event),
      onReady: (queuedAudio) => this.#ready(queuedAudio),
      onLost: (failure) => this.#lost(failure),
      onChange: (change) => this.#changed(change),
    });
    this.#arbiter = new Arbiter({
      send: (event) => this.#connection.sendIfReady(this.#dialect.encode(event)),
      ready: () => this.#connection.state === "ready",
      answersItself: detects && config.turn_detection.create_response,
      responseMs: config.timeouts.response_ms,
      onTimeout: () =>
        this.#publishError("LINK_TIMEOUT", "the server did not begin an answer that was asked for"),
    });
    this.#speech = new AssistantSpeech({ playback, publish });
    this.#words = new UserTranscripts((item_id, text, final) =>
      publish("user.transcript", { item_id, text, final }),
    );
    this.#tools = new ToolLoop({
      tools,
      addItem: (item) => this.#addItem(item),
      respond: () => this.#arbiter.want({ automatic: true }),
    });
    this.#clock = new MicrophoneClock(config);
    this.#undos = [
      capture.onFrame((frame, atMs) => this.#append(frame, atMs)),
      tools.onChanged(() => this.#toolsChanged()),
    ];
    const here = this.#here;
    this.port = {
      state: () => this.#connection.state,
      sendText: (text) => here(() => this.#sendText(text)),
      note: (text) => here(() => this.#addItem({ kind: "system_text", id: newId("item"), text })),
      addImage: (jpeg, caption) =>
        here(() => this.#addItem({ kind: "user_images", id: newId("item"), jpegs: [jpeg], caption })),
      respond: (instructions) => here(() => this.#arbiter.want(this.#withInstructions(instructions))),
      interrupt: () => here(() => this.#silence("asked")),
    };
  }

  start(): void {
    this.#here(() => this.#connection.start());
  }

  /** Idempotent; nothing is sent or said afterwards. Resolves when the socket is gone. */
  async close(): Promise<void> {
    for (const undo of this.#undos.splice(0)) undo();
    const closed = this.#connection.close();
    this.#tools.reset();
    this.#arbiter.reset();
    this.#words.reset();
    this.#deps.playback.flush();
    this.#speech.close();
    await closed;
  }

  /** The server came, went or moved. */
  endpointChanged(): void {
    this.#here(() => this.#connection.endpointChanged());
  }

  /** The robot's own ears hear speech: it falls silent at once, before the server has heard anything. */
  bargeIn(): void {
    if (!this.#deps.config.barge_in) return;
    this.#here(() => {
      this.#arbiter.speechNoticed();
      this.#silence("local");
    });
  }

  counters(): Record<string, unknown> {
    return {
      ...this.#counters,
      connection: this.#connection.counters(),
      dialect: this.#dialect.counters(),
      arbiter: this.#arbiter.counters(),
      speech: this.#speech.counters(),
      tools: this.#tools.counters(),
    };
  }

  #append(frame: Int16Array, atMs: number): void {
    const { state } = this.#connection;
    if (state === "closed" || state === "idle") return;
    this.#clock.frame(atMs);
    this.#connection.send(this.#dialect.append(frame), "audio");
  }

  #send(event: ClientEvent): void {
    this.#connection.sendIfReady(this.#dialect.encode(event));
  }

  #addItem(item: NewItem): void {
    const text = this.#dialect.encode({ type: "add_item", eventId: newId("event"), item });
    const kept = this.#connection.send(text, item.kind === "tool_output" ? "result" : "event");
    if (!kept && this.#connection.state !== "closed") {
      this.#publishError("OUTBOX_FULL", "the link is down and the outbox is full: an event was dropped");
    }
  }

  #sendText(text: string): void {
    const id = newId("item");
    this.#deps.publish("user.transcript", { item_id: id, text, final: true });
    this.#addItem({ kind: "user_text", id, text });
    this.#arbiter.want();
  }

  /** A response's instructions replace those of the session: ours go in front. */
  #withInstructions(instructions: string | undefined): { instructions?: string } {
    if (instructions === undefined) return {};
    const session = this.#deps.config.instructions;
    return { instructions: session === "" ? instructions : `${session}\n\n${instructions}` };
  }

  /** Several changes in a row, as in a reload, become one update. */
  #toolsChanged(): void {
    if (this.#toolsStale) return;
    this.#toolsStale = true;
    queueMicrotask(() => {
      if (this.#connection.state !== "ready" || !this.#toolsStale) return;
      this.#sendTools();
    });
  }

  #sendTools(): void {
    this.#toolsStale = false;
    const tools = this.#deps.tools.definitions();
    this.#send({ type: "set_tools", eventId: newId("event"), tools });
  }

  #ready(queuedAudio: number): void {
    this.#clock.restart(queuedAudio);
    if (this.#toolsStale) this.#sendTools();
    this.#arbiter.pump();
  }

  #lost(failure: LinkFailure): void {
    const running = this.#runningResponse;
    this.#runningResponse = null;
    this.#tools.reset();
    this.#arbiter.reset();
    this.#words.reset();
    this.#speech.linkLost();
    if (running !== null) {
      this.#deps.publish("response.finished", {
        response_id: running,
        status: "failed",
        message: failure.message,
      });
    }
  }

  #changed({ state, url, attempt, retryInMs, failure }: LinkChange): void {
    const { log, publish } = this.#deps;
    if (state === "ready") log.info("connected", { url });
    else if (failure && state === "closed")
      log.error("the link is closed", { code: failure.code, reason: failure.message, url });
    else if (failure?.code === "SERVICE_UNAVAILABLE") log.debug("waiting for the Realtime server");
    else if (failure && attempt <= 2)
      log.warn("no link", { code: failure.code, reason: failure.message, url, retry_in_ms: retryInMs });
    publish("session.state_changed", {
      state,
      url,
      attempt,
      ...(retryInMs !== undefined && { retry_in_ms: retryInMs }),
      ...(failure && { code: failure.code, message: failure.message }),
    });
    if (failure && state === "closed")
      publish("session.error", { code: failure.code, message: failure.message, fatal: true });
  }

  /**
   * The user, or a plugin, breaks in: silence first, then the wires. With `interrupt_response` the server cancels by
   * itself what it hears someone speak over; then only the truncation is ours.
   */
  #silence(cause: "server" | "local" | "asked"): void {
    const { turn_detection } = this.#deps.config;
    const cuts = this.#speech.silence(this.#arbiter.active);
    this.#tools.interrupt();
    this.#arbiter.stop({
      serverCancels: cause === "server" && turn_detection.interrupt_response,
      all: cause === "asked",
    });
    for (const { itemId, playedMs } of cuts) {
      const eventId = newId("event");
      this.#send(
        playedMs > 0
          ? { type: "truncate_item", eventId, itemId, playedMs }
          : { type: "delete_item", eventId, itemId },
      );
    }
  }

  #receive(event: ServerEvent): void {
    const { publish, config } = this.#deps;
    this.#counters.events++;
    switch (event.type) {
      case "audio":
        this.#speech.audio(event);
        break;
      case "audio_done":
        this.#speech.audioDone(event.itemId);
        break;
      case "text_delta":
        this.#speech.textDelta(event.responseId, event.itemId, event.delta);
        break;
      case "text_done":
        this.#speech.textDone(event.responseId, event.itemId, event.text);
        break;
      case "speech_started":
        this.#arbiter.speechStarted();
        if (config.barge_in) this.#silence("server");
        publish("user.speech_started", {
          source: "server",
          speech_at_ms: this.#clock.startedAt(event.audioMs),
        });
        break;
      case "speech_stopped":
        this.#arbiter.speechStopped();
        publish("user.speech_stopped", {
          source: "server",
          speech_at_ms: this.#clock.stoppedAt(event.audioMs),
        });
        break;
      case "committed":
        if (config.transcription_model !== "") this.#words.committed(event.itemId, event.previousItemId);
        publish("user.committed", { item_id: event.itemId, committed_at_ms: performance.now() });
        break;
      case "item_added":
        this.#words.itemAdded(event.itemId, event.previousItemId);
        break;
      case "user_text_delta":
        this.#words.delta(event.itemId, event.delta);
        break;
      case "user_text_done":
        this.#words.done(event.itemId, event.text);
        break;
      case "user_text_failed":
        this.#words.done(event.itemId, "");
        this.#publishError("SERVER_ERROR", `an utterance was not recognised: ${event.message}`);
        break;
      case "response_created":
        this.#runningResponse = event.responseId;
        this.#counters.responses++;
        if (this.#arbiter.created(event.responseId, event.clientEventId))
          this.#speech.cutResponse(event.responseId);
        publish("response.started", { response_id: event.responseId });
        break;
      case "output_item_done":
        this.#speech.itemEnded(event.itemId);
        if (event.call) this.#call(event.responseId, event.call);
        break;
      case "response_done":
        this.#responseDone(event);
        break;
      case "error":
        this.#fault(event.fault);
        break;
      case "session_created":
      case "session_updated":
      case "item_deleted":
      case "rate_limits":
        break;
    }
  }

  #call(responseId: string, call: ResponseDone["calls"][number]): void {
    this.#tools.call(responseId, call, this.#speech.isCut(responseId));
  }

  #responseDone({ responseId, clientEventId, status, fault, calls }: ResponseDone): void {
    if (this.#runningResponse === responseId) this.#runningResponse = null;
    this.#speech.responseEnded(responseId);
    for (const call of calls) this.#call(responseId, call);
    // Before the arbiter hears of the end: a wish of the tool loop and one that waits become one.
    this.#tools.ended(responseId);
    const fatal = fault && fatalFault(fault);
    if (!fatal) this.#arbiter.done(responseId, clientEventId);
    this.#deps.publish("response.finished", {
      response_id: responseId,
      status,
      ...(fault && { message: maskSecrets(fault.message) }),
    });
    if (fatal) this.#connection.fail(fatal);
    else if (fault) this.#publishError(fault.code || "SERVER_ERROR", fault.message);
  }

  #fault(fault: ServerFault): void {
    const taken = this.#arbiter.fault(fault);
    if (taken || isBenign(fault)) {
      this.#counters.benign_errors++;
      this.#deps.log.debug("benign error of the server", { code: fault.code, reason: fault.message });
      return;
    }
    this.#counters.server_errors++;
    this.#publishError(fault.code || "SERVER_ERROR", fault.message);
  }

  #publishError(code: string, message: string): void {
    const masked = maskSecrets(message);
    this.#deps.log.warn("session error", { code, reason: masked });
    this.#deps.publish("session.error", { code, message: masked, fatal: false });
  }
}
