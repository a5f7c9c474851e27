import { MynaError } from "myna";
import { Listeners } from "myna/realtime";
import { BARGE_IN, BargeIn } from "./barge-in.ts";
import type { BargeInOrder } from "./barge-in.ts";
import { Call } from "./call.ts";
import type { Metronome } from "./metronome.ts";
import { readPageMessage } from "./page-message.ts";
import type { PeerSettings } from "./peer.ts";
import { Times } from "./performance-record.ts";
import type { PerformanceMetrics } from "./performance-record.ts";
import type { TalkEvents } from "./talk-events.ts";
import { TalkLink } from "./talk-link.ts";
import { talkSettings } from "./talk-options.ts";
import type { TalkOptions, TalkSettings } from "./talk-options.ts";
import { Transcripts } from "./transcripts.ts";
import { Voice } from "./voice.ts";

/** How loud the robot is while somebody may be interrupting it. */
const DUCK_GAIN = 0.1;

/**
 * One conversation between a browser and a Realtime server: the page's WebRTC call on one side, a link of its own on the other.
 * Clients share nothing but the beat.
 */
export class TalkClient {
  readonly #settings: TalkSettings;
  readonly #metronome: Metronome;
  readonly #listeners: Listeners<TalkEvents>;
  readonly #link: TalkLink;
  readonly #voice: Voice;
  readonly #transcripts: Transcripts;
  readonly #bargeIn: BargeIn;
  readonly #latency = new Times();
  readonly #firstAudio = new Times();
  readonly #bargeInMs = new Times();
  #call: Call | undefined;
  #page: TalkEvents["connectionChange"]["page"] = "new";
  #offerMs: number | null = null;
  #responseAtMs = Infinity;
  /** When the robot was silenced for speech that may be an interruption. */
  #quietAtMs = Infinity;
  /** The speech whose answer was timed last. */
  #answeredSpeechAtMs = -Infinity;

  /** CONFIG_INVALID names the option that is wrong. Connects to nothing yet. `detached` as in {@link PeerSettings}. */
  constructor(options: TalkOptions, metronome: Metronome, detached?: PeerSettings["detached"]) {
    this.#settings = talkSettings(options);
    if (detached) this.#settings.call.peer.detached = detached;
    this.#metronome = metronome;
    this.#listeners = new Listeners<TalkEvents>((type, error) => {
      if (type !== "error") this.#fault("LISTENER_FAILED", `a listener of "${type}" threw: ${String(error)}`);
    });
    this.#bargeIn = new BargeIn(this.#settings.bargeIn ?? BARGE_IN);
    this.#voice = new Voice({
      started: (itemId) => this.#started(itemId),
      stopped: (itemId, playedMs, reason) => {
        const interrupted = reason === "flushed";
        if (!interrupted) this.#transcripts.finished(itemId);
        this.#emit("audioEnd", { itemId, playedMs, interrupted });
      },
    });
    this.#link = new TalkLink(this.#settings.link, {
      audio: (itemId, pcm) => {
        this.#voice.write(itemId, pcm);
        this.#call?.pump();
      },
      audioDone: (itemId) => this.#voice.end(itemId),
      responseStarted: () => (this.#responseAtMs = performance.now()),
      speechStarted: () => this.#interrupts && this.#obey(this.#bargeIn.confirmed(this.#voice.active), true),
      lost: () => this.#voice.end(),
      changed: () => this.#changed(),
      action: (event) => this.#emit("action", event),
      summary: (event) => this.#emit("safeSummary", event),
      fault: (event) => this.#emit("error", event),
    });
    this.#transcripts = new Transcripts(this.#link.client, (event) => this.#emit("transcript", event));
  }

  /** Calls `listener` at each event of that type; returns what takes it off. One that throws disturbs nobody. */
  on<T extends keyof TalkEvents>(type: T, listener: (event: TalkEvents[T]) => unknown): () => void {
    return this.#listeners.add(type, listener);
  }

  /** Connects to the Realtime server; resolves when it has taken the configuration. */
  async initialize(): Promise<void> {
    await this.#link.client.connect();
  }

  /** Answers a page's offer; a call before it is ended. ARGUMENT_INVALID for an offer that cannot be answered. */
  async handleWebRTCOffer(offerSdp: string): Promise<string> {
    const beganAtMs = performance.now();
    void this.#call?.close();
    const call = new Call(this.#settings.call, this.#metronome, {
      heard: (frame) => this.#heard(frame),
      ready: () => this.#voice.ready,
      waitingMs: () => this.#voice.queuedMs,
      expects: () => this.#voice.expects,
      say: (frame) => this.#voice.take(frame),
      message: (text) => this.#message(text),
      connected: () => this.#enter("connected"),
      reachable: () => {},
      ended: () => this.#enter("closed"),
    });
    this.#call = call;
    this.#page = "new";
    const answer = await call.answer(offerSdp);
    this.#offerMs = performance.now() - beganAtMs;
    this.#emit("measured", { figure: "offer", ms: this.#offerMs });
    return answer;
  }

  /**
   * Puts the result of a local action into the conversation as a system note and asks the model to speak about it; with
   * `callId`, or where one waits, it answers that request of the model. Words only: ARGUMENT_INVALID for data.
   */
  sendSafeSummary(text: string, { callId }: { callId?: string } = {}): void {
    this.#link.summarise(text, callId);
  }

  /** Ends the call and the link. Idempotent; the client can be initialised again. */
  async disconnect(): Promise<void> {
    const closed = this.#call?.close();
    this.#call = undefined;
    this.#voice.flush();
    await Promise.all([closed, this.#link.client.disconnect()]);
    if (this.#page !== "closed") this.#enter("closed");
  }

  /** The server listens, and the page is connected. */
  isConnected(): boolean {
    return this.#link.client.isConnected() && this.pageConnected;
  }

  /** The page is there, whatever the server does. */
  get pageConnected(): boolean {
    return this.#call?.connected === true;
  }

  getPerformanceMetrics(): PerformanceMetrics {
    const { lost = 0, recovered = 0, concealed = 0 } = this.#call?.counters() ?? {};
    const uplinkBufferMs = this.#call?.bufferMs ?? 0;
    const pageBufferMs = this.#voice.pageDelayMs;
    return {
      latencyP50Ms: this.#latency.percentile(50),
      latencyP95Ms: this.#latency.percentile(95),
      firstAudioP50Ms: this.#firstAudio.percentile(50),
      firstAudioP95Ms: this.#firstAudio.percentile(95),
      bargeInAverageMs: this.#bargeInMs.average,
      offerMs: this.#offerMs,
      uplinkBufferMs,
      pageBufferMs,
      bufferMs: uplinkBufferMs + pageBufferMs,
      turns: this.#latency.count,
      bargeIns: this.#bargeInMs.count,
      packetsLost: lost,
      packetsRecovered: recovered,
      packetsConcealed: concealed,
    };
  }

  /** Tells the page something on its channel; false where it cannot be told. */
  tellPage(message: Readonly<Record<string, unknown>>): boolean {
    return this.#call?.tell(message) ?? false;
  }

  counters(): Record<string, number> {
    return { ...this.#call?.counters(), ...this.#voice.counters, ...this.#bargeIn.counters };
  }

  get #interrupts(): boolean {
    return this.#settings.bargeIn !== null;
  }

  #heard(frame: Int16Array): void {
    const order = this.#bargeIn.frame(frame, this.#voice.active, performance.now());
    if (this.#link.client.isConnected()) this.#link.client.appendInputAudio(frame);
    if (this.#interrupts && order !== "none") this.#obey(order, false);
  }

  #obey(order: BargeInOrder, byServer: boolean): void {
    const voice = this.#voice;
    switch (order) {
      case "duck":
        voice.duck(DUCK_GAIN);
        this.tellPage({ type: "duck", gain: DUCK_GAIN });
        break;
      case "pause":
        voice.pause();
        this.tellPage({ type: "cut" });
        this.#quietAtMs = performance.now();
        break;
      case "restore":
        voice.duck(1);
        voice.resume();
        this.#quietAtMs = Infinity;
        this.tellPage({ type: "restore" });
        break;
      case "cut": {
        const cut = voice.flush();
        this.tellPage({ type: "cut" });
        const quietAtMs = Math.min(this.#quietAtMs, performance.now());
        this.#measured("barge_in", this.#bargeInMs, quietAtMs - this.#bargeIn.beganAtMs);
        this.#quietAtMs = Infinity;
        if (cut) this.#transcripts.cut(cut.itemId, cut.playedMs, cut.receivedMs);
        this.#link.cut(cut, byServer);
        break;
      }
      case "none":
    }
  }

  #measured(figure: TalkEvents["measured"]["figure"], times: Times, ms: number): void {
    times.add(ms);
    this.#emit("measured", { figure, ms });
  }

  #started(itemId: string): void {
    const nowMs = performance.now();
    const { lastSpeechAtMs } = this.#bargeIn;
    if (lastSpeechAtMs > this.#answeredSpeechAtMs)
      this.#measured("latency", this.#latency, nowMs - lastSpeechAtMs);
    this.#answeredSpeechAtMs = lastSpeechAtMs;
    if (this.#responseAtMs < nowMs)
      this.#measured("first_audio", this.#firstAudio, nowMs - this.#responseAtMs);
    this.#responseAtMs = Infinity;
    this.#emit("audioStart", { itemId });
  }

  #message(text: string): void {
    const message = readPageMessage(text);
    if (message?.type !== "playout") return;
    this.#voice.pageDelayMs = message.delayMs;
    this.#voice.pageCuts = true;
  }

  #enter(page: TalkEvents["connectionChange"]["page"]): void {
    this.#page = page;
    if (page === "closed") this.#voice.flush();
    this.#changed();
  }

  #changed(): void {
    const link = this.#link.client.getState();
    this.#emit("connectionChange", { link, page: this.#page, connected: this.isConnected() });
  }

  #fault(code: MynaError["code"], message: string): void {
    this.#emit("error", { code, message, fatal: false });
  }

  #emit<T extends keyof TalkEvents & string>(type: T, event: TalkEvents[T]): void {
    this.#listeners.emit(type, event);
  }
}
