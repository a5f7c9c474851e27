import { AsyncLocalStorage } from "node:async_hooks";
import { maskSecrets } from "../log.ts";
import { Arbiter, wishOf } from "./arbiter.ts";
import { cutEvent } from "./assistant-speech.ts";
import { Connection } from "./connection.ts";
import { Continuity } from "./continuity.ts";
import { dialer } from "./dialer.ts";
import { SwitchedDialect } from "./dialect-switch.ts";
import { newId, type ClientEvent, type NewItem, type ServerEvent } from "./events.ts";
import { Failover } from "./endpoints-failover.ts";
import { FaultReport } from "./fault-report.ts";
import { Limits } from "./limits.ts";
import { serverInterrupts, silencesAtOnce } from "./interruption-policy.ts";
import { fatalFault, type LinkFailure } from "./link-failure.ts";
import { tellLink } from "./link-news.ts";
import { MicrophoneClock } from "./microphone.ts";
import type { SessionPort } from "./port.ts";
import { RecoverableSpeech } from "./recoverable-speech.ts";
import type { SessionDeps } from "./session-deps.ts";
import { ToolLoop } from "./tool-loop.ts";
import { ToolOffer } from "./tool-offer.ts";
import { connectWebSocket } from "./transport.ts";
import { Unanswered } from "./unanswered.ts";
import { UserTranscripts } from "./user-transcripts.ts";

type ResponseDone = Extract<ServerEvent, { type: "response_done" }>;

/**
 * The conversation with the Realtime server: microphone to server, server to loudspeaker, words to topics, calls to
 * tools. Lives through any number of connections; each new one is told what was said, and goes on (docs/adr/0013).
 */
export class Session {
  readonly port: SessionPort;
  readonly #deps: SessionDeps;
  readonly #dialect: SwitchedDialect;
  readonly #connection: Connection;
  readonly #arbiter: Arbiter;
  readonly #speech: RecoverableSpeech;
  readonly #words: UserTranscripts;
  readonly #tools: ToolLoop;
  readonly #clock: MicrophoneClock;
  readonly #limits: Limits;
  readonly #faults: FaultReport;
  readonly #failover: Failover;
  readonly #offer: ToolOffer;
  readonly #continuity: Continuity;
  readonly #unanswered: Unanswered;
  readonly #undos: (() => void)[];
  /** The context in which timers and sockets live as long as the session, whoever calls. */
  readonly #here = AsyncLocalStorage.snapshot();
  #runningResponse: string | null = null;
  readonly #counters = { events: 0, responses: 0 };

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    const { config, capture, playback, tools, publish, connect = connectWebSocket } = deps;
    this.#faults = new FaultReport(deps);
    const { model, dialect: speaks } = config;
    const known = new Map<string, "ga" | "beta">();
    this.#dialect = new SwitchedDialect((message) => deps.log.warn(message));
    this.#connection = new Connection({
      config,
      dialect: this.#dialect,
      endpoint: () => this.#limits.choose(this.#failover.current()),
      ...(deps.starting && { starting: deps.starting }),
      patienceMs: () => this.#failover.patienceMs(),
      attention: () => (deps.moving?.() ? "moving" : this.#arbiter.awaits ? "awaiting" : "none"),
      onDeaf: () => deps.log.warn("the server does not answer pings: if it hangs, that is noticed late"),
      reroute: (failure, readyMs) => this.#failover.failed(failure, readyMs),
      connect: dialer({ connect, dialect: this.#dialect, model, speaks, known, log: deps.log }),
      configure: (eventId) => {
        const configure = { type: "configure", eventId, config: this.#failover.config } as const;
        return this.#dialect.encode({ ...configure, tools: this.#offer.take() });
      },
      restore: (wire) => this.#continuity.begin(wire),
      onEvent: (event) => this.#receive(event),
      onAudio: (pcm) => this.#speech.sound(pcm),
      onReady: (queuedAudio) => this.#ready(queuedAudio),
      onLost: (failure, renewed) => this.#lost(failure, renewed),
      onChange: tellLink(deps.log, publish),
    });
    this.#arbiter = new Arbiter({
      send: (event) => this.#connection.sendIfReady(this.#dialect.encode(event)),
      ready: () => this.#connection.open,
      answersItself: config.turn_detection.type !== "none" && config.turn_detection.create_response,
      responseMs: config.timeouts.response_ms,
      onTimeout: () => this.#unanswered.timedOut(),
      holdMs: () => this.#limits.holdMs(),
      again: (fault) => this.#limits.refused(fault),
    });
    this.#offer = new ToolOffer({
      definitions: () => tools.definitions(),
      ready: () => this.#connection.open,
      send: (offer) => this.#send({ type: "set_tools", eventId: newId("event"), tools: offer }),
      onOffer: (offer) => this.#limits.configured(offer),
    });
    this.#continuity = new Continuity({
      ...deps,
      link: this.#connection,
      encode: (event) => this.#dialect.encode(event),
      atRest: () => this.#atRest,
      onStale: () => this.#arbiter.reset(),
    });
    this.#speech = new RecoverableSpeech({
      playback,
      publish,
      onWords: (id, text) => this.#continuity.said(id, text),
      onResumed: (text) => this.#addItem({ kind: "assistant_text", id: newId("item"), text }),
      flushServer: () => this.#send({ type: "clear_output", eventId: newId("event") }),
      cancel: () => this.#arbiter.stop(),
      cut: (cut) => this.#send(cutEvent(cut)),
    });
    this.#words = new UserTranscripts((item_id, text, final) =>
      publish("user.transcript", { item_id, text, final }),
    );
    this.#tools = new ToolLoop({
      tools,
      addItem: (item) => this.#addItem(item),
      respond: () => this.#arbiter.want({ automatic: true }),
      onCall: (responseId, call) => this.#continuity.called(responseId, call),
      onResult: (call, output, late) => this.#continuity.returned(call, output, late),
    });
    this.#clock = new MicrophoneClock(config);
    const pauses = {
      atRest: () => this.#atRest,
      respond: (instructions: string) => this.#arbiter.want(wishOf(config, instructions)),
      endpointChanged: () => this.#connection.endpointChanged(),
    };
    this.#limits = new Limits({
      ...deps,
      ...pauses,
      deleteItem: (itemId) => this.#send({ type: "delete_item", eventId: newId("event"), itemId }),
      toldImages: () => this.#continuity.toldImages,
      resume: () => this.#continuity.resume(),
      hear: (frame) => this.#continuity.frame(frame),
      open: () => this.#connection.start(),
      openAhead: (waitMs) => this.#connection.startAhead(waitMs),
      hangUp: (reason) => {
        this.#failover.rest();
        this.#connection.hangUp(reason);
      },
      spent: (message) => this.#faults.report("BUDGET_SPENT", message),
    });
    const sources = [deps.endpoint, ...(deps.fallbacks ?? [])];
    const reconnect = (failure: LinkFailure) => this.#connection.reconnect(failure);
    const report = (message: string) => this.#faults.report("LINK_TIMEOUT", message);
    this.#unanswered = new Unanswered(sources.length, report, reconnect);
    this.#failover = new Failover({ ...deps, ...pauses, connect, sources, known, reconnect });
    this.#undos = [
      capture.onFrame((frame, atMs) => this.#append(frame, atMs)),
      tools.onChanged(() => this.#offer.changed()),
    ];
    this.port = {
      state: () => this.#connection.state,
      sendText: (text) => this.#here(() => this.#sendText(text)),
      note: (text) => this.#here(() => this.#addItem({ kind: "system_text", id: newId("item"), text })),
      addImage: (jpeg, caption) =>
        this.#here(() => this.#addItem({ kind: "user_images", id: newId("item"), jpegs: [jpeg], caption })),
      respond: (instructions) => this.#here(() => this.#respond(wishOf(config, instructions))),
      interrupt: () => this.#here(() => this.#silence("asked")),
      dismiss: () => this.#here(() => this.#dismiss()),
    };
  }

  start(): void {
    this.#here(() => this.#limits.start() && this.#connection.start());
  }

  /** Idempotent; nothing is sent or said afterwards. Resolves when the socket is gone. */
  async close(): Promise<void> {
    for (const undo of this.#undos.splice(0)) undo();
    const closed = this.#connection.close();
    this.#limits.close();
    this.#failover.close();
    this.#continuity.close();
    this.#tools.reset();
    this.#arbiter.reset();
    this.#words.reset();
    this.#deps.playback.flush();
    this.#speech.close();
    await closed;
  }

  /** The server came, went or moved. */
  endpointChanged(): void {
    this.#here(() => {
      this.#limits.serversChanged();
      this.#connection.endpointChanged();
    });
  }

  /** The robot's own ears hear speech: it falls silent at once. What the server does not hear can be taken back, with `hold`. */
  bargeIn(hold = false): void {
    this.#here(() => {
      this.#limits.wake();
      if (!this.#deps.config.barge_in) return;
      this.#arbiter.speechNoticed();
      this.#silence("local", hold && !this.#arbiter.hears);
    });
  }

  /** Somebody speaks near a robot that sleeps until it hears its name. */
  foresee(): void {
    this.#here(() => this.#limits.foresee());
  }

  /** The user's turn ends, where the server does not look for turns. */
  commit(): void {
    this.#send({ type: "commit_audio", eventId: newId("event") });
    this.#respond();
  }

  /** Says what was cut off of an answer, as {@link RecoverableSpeech.resume}; the server is told the words when they were heard. */
  sayOn(itemId: string, text: string, pcm: Int16Array): number {
    return this.#speech.resume(itemId, text, pcm);
  }

  counters(): Record<string, unknown> {
    return {
      ...this.#counters,
      ...this.#faults.counters(),
      connection: this.#connection.counters(),
      dialect: { name: this.#dialect.name, ...this.#dialect.counters() },
      arbiter: this.#arbiter.counters(),
      speech: this.#speech.counters(),
      tools: this.#tools.counters(),
      continuity: this.#continuity.counters(),
      limits: this.#limits.counters(),
      endpoints: this.#failover.counters(),
    };
  }

  #append(frame: Int16Array, atMs: number): void {
    const { state } = this.#connection;
    if (state === "idle") this.#limits.overhear(frame);
    if (state === "closed" || state === "idle") return;
    this.#clock.frame(atMs);
    this.#continuity.frame(frame);
    if (!this.#connection.open || this.#connection.sendAudio(frame)) return;
    this.#connection.send(this.#dialect.append(frame));
  }

  #send(event: ClientEvent): void {
    this.#connection.sendIfReady(this.#dialect.encode(event));
  }

  /** A pause: nobody speaks, nothing is said, run or wanted. */
  get #atRest(): boolean {
    const ready = this.#connection.open && !this.#deps.playback.active && !this.#speech.unsounded;
    return ready && this.#arbiter.atRest && this.#tools.atRest;
  }

  #respond(wish?: { instructions?: string }): void {
    this.#limits.wake(true);
    this.#speech.confirm();
    this.#arbiter.want(wish);
  }

  #addItem(item: NewItem): void {
    this.#limits.added(item);
    const text = this.#dialect.encode({ type: "add_item", eventId: newId("event"), item });
    this.#continuity.added(item, !this.#connection.open);
    const kept = this.#connection.send(text, item.kind === "tool_output" ? "result" : "event");
    if (!kept && this.#connection.state !== "closed") {
      this.#faults.report("OUTBOX_FULL", "the link is down and the outbox is full: an event was dropped");
    }
  }

  #sendText(text: string): void {
    const id = newId("item");
    this.#deps.publish("user.transcript", { item_id: id, text, final: true });
    this.#addItem({ kind: "user_text", id, text });
    this.#respond();
  }

  #ready(queuedAudio: number): void {
    const { frames, speech } = this.#continuity.ready(queuedAudio, (frame) =>
      this.#connection.sendIfReady(this.#dialect.append(frame)),
    );
    this.#clock.restart(queuedAudio + frames);
    this.#speech.begin(this.#connection.ownsOutputBuffer);
    this.#offer.ready();
    this.#limits.ready();
    this.#failover.ready();
    if (speech) this.#arbiter.answerDue();
    this.#arbiter.pump();
  }

  #lost(failure: LinkFailure, renewed: boolean): void {
    const running = this.#runningResponse;
    this.#runningResponse = null;
    this.#speech.confirm();
    const whole = running !== null && (this.#speech.isWhole(running) || this.#tools.owns(running));
    const { unsounded } = this.#speech;
    const cut = unsounded || (running !== null && !whole && this.#speech.begun(running));
    this.#limits.lost(running !== null);
    this.#tools.linkLost(renewed);
    this.#arbiter.linkLost(whole);
    const owed = this.#continuity.linkLost({ whole: whole ? running : null, cut, serverIsAlive: renewed });
    if (owed || unsounded) this.#arbiter.want({ automatic: true });
    this.#words.reset();
    this.#speech.linkLost();
    if (running === null) return;
    this.#deps.publish("response.finished", {
      response_id: running,
      ...(whole ? { status: "completed" } : { status: "failed", message: failure.message }),
    });
  }

  /** The user, or a plugin, breaks in: silence first, then the wires; the server may cancel by itself. */
  #silence(cause: "server" | "local" | "asked", hold = false): void {
    const serverCancels = cause === "server" && serverInterrupts(this.#deps.config);
    const { active } = this.#arbiter;
    const cuts = this.#speech.silence(active);
    this.#tools.interrupt();
    if (hold && active !== null && this.#speech.hold(active, cuts)) return;
    this.#speech.confirm();
    this.#arbiter.stop({ serverCancels, all: cause === "asked" });
    if (!serverCancels) this.#speech.flushServer();
    for (const cut of cuts) this.#send(cutEvent(cut));
  }

  /** Nothing of what the user said so far is to be done. */
  #dismiss(): void {
    this.#silence("asked");
    this.#arbiter.dismiss();
    this.#clock.mark();
    this.#continuity.forget();
    this.#deps.publish("response.dismissed", {});
  }

  #receive(event: ServerEvent): void {
    const { publish, config } = this.#deps;
    const source = "server";
    this.#counters.events++;
    this.#arbiter.heard();
    this.#continuity.observe(event);
    this.#limits.receive(event);
    if (this.#speech.receive(event)) return;
    this.#words.receive(event);
    switch (event.type) {
      case "speech_started":
        this.#arbiter.speechStarted(this.#clock.beganBeforeMark(event.audioMs));
        if (silencesAtOnce(config)) this.#silence("server");
        else this.#speech.confirm();
        publish("user.speech_started", { source, speech_at_ms: this.#clock.startedAt(event.audioMs) });
        break;
      case "speech_stopped":
        this.#arbiter.speechStopped();
        publish("user.speech_stopped", { source, speech_at_ms: this.#clock.stoppedAt(event.audioMs) });
        break;
      case "committed":
        this.#arbiter.committed();
        if (config.transcription_model !== "") this.#words.committed(event.itemId, event.previousItemId);
        publish("user.committed", { item_id: event.itemId, committed_at_ms: performance.now() });
        break;
      case "user_text_failed":
        this.#faults.report("SERVER_ERROR", `an utterance was not recognised: ${event.message}`);
        break;
      case "response_created":
        this.#runningResponse = event.responseId;
        this.#unanswered.began();
        this.#counters.responses++;
        this.#speech.responseBegan(event.responseId);
        if (this.#arbiter.created(event.responseId, event.clientEventId))
          this.#speech.cutResponse(event.responseId);
        publish("response.started", { response_id: event.responseId });
        break;
      case "output_item_done":
        this.#speech.itemEnded(event.itemId);
        if (event.call) this.#tools.call(event.responseId, event.call, this.#speech.isCut(event.responseId));
        break;
      case "response_done":
        this.#responseDone(event);
        break;
      case "error":
        this.#faults.receive(event.fault, this.#arbiter.fault(event.fault));
        break;
    }
  }

  #responseDone({ responseId, clientEventId, status, fault, calls }: ResponseDone): void {
    if (this.#runningResponse === responseId) this.#runningResponse = null;
    this.#speech.responseEnded(responseId);
    for (const call of calls) this.#tools.call(responseId, call, this.#speech.isCut(responseId));
    // Before the arbiter hears of the end: a wish of the tool loop and one that waits become one.
    this.#tools.ended(responseId);
    const fatal = fault && fatalFault(fault);
    const again = this.#limits.refused(fault);
    const wish = fatal ? null : this.#arbiter.done(responseId, clientEventId);
    this.#deps.publish("response.finished", {
      response_id: responseId,
      status,
      ...(fault && { message: maskSecrets(fault.message) }),
    });
    if (fatal) this.#connection.fail(fatal);
    else if (again) this.#arbiter.want(wish ?? { automatic: true });
    else if (fault) this.#faults.failed(fault);
  }
}
