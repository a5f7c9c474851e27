/** How {@link TalkSession.start} is to talk. */
export interface TalkStart {
  /** `robot`: through the robot's own ears and mouth, one talker at a time; `own`: a conversation of the page's own. */
  mode: "robot" | "own";
  /** Begins without a microphone: the page listens, and {@link TalkSession.setMicrophone} asks for one. */
  muted?: boolean;
  /** Of the answers, in mode `own`. */
  voice?: string;
}

/** Where a session stands. */
export type TalkState = "connecting" | "connected" | "closed" | "failed";

const PLAYOUT_PERIOD_MS = 500;
/** So much longer than the measured delay is what has been received kept quiet. */
const SPARE_MS = 60;

const NO_MICROPHONE =
  "The browser lends its microphone to https pages and to this computer's own only: open the https address.";

/**
 * The browser's side of a talk. Events (`CustomEvent`): `state` ({ state }), `transcript` ({ text, final }: what the robot says),
 * `heard` ({ text, final }: what was understood), `microphone` ({ open }), `error` ({ code, message }).
 */
export class TalkSession extends EventTarget {
  readonly #connection = new RTCPeerConnection();
  readonly #channel = this.#connection.createDataChannel("myna");
  readonly #player = new Audio();
  readonly #sender = this.#connection.addTransceiver("audio", { direction: "sendrecv" }).sender;
  readonly #context: AudioContext;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  #microphone: MediaStreamTrack | undefined;
  #asking: Promise<void> | undefined;
  #open = false;
  #id = "";
  #closed = false;
  #delayMs = 60;
  #quiet = 0;
  #timer = 0;
  #last = { delay: 0, count: 0 };

  private constructor() {
    super();
    this.#context = new AudioContext();
    this.#analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#connection.ontrack = ({ track }) => {
      this.#player.srcObject = new MediaStream([track]);
      this.#player.play().catch((error: unknown) => this.#fail("PLAYBACK_REFUSED", String(error)));
    };
    this.#connection.onconnectionstatechange = () => this.#connectionChanged();
    this.#channel.onmessage = ({ data }) => this.#message(String(data));
    this.#channel.onclose = () => this.close();
    addEventListener("pagehide", this.#leave);
  }

  /** Asks for the microphone, unless `muted`, and connects; rejects with the reason where either is refused. */
  static async start({ mode, muted = false, voice }: TalkStart): Promise<TalkSession> {
    const session = new TalkSession();
    try {
      session.#open = !muted;
      if (!muted) await session.#ask();
      await session.#offer({ mode, muted, voice });
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /**
   * Opens or closes the page's microphone; in mode `robot` that takes and gives back the robot's ears. Asks for it at the first
   * time; a refusal is told by the events `error` and `microphone`.
   */
  setMicrophone(open: boolean): void {
    this.#open = open;
    if (!this.#microphone) {
      if (open)
        this.#ask().then(
          () => this.#tell({ type: "microphone", open: this.#open }),
          (error: unknown) => {
            this.#fail("MICROPHONE_REFUSED", (error as Error).message);
            this.#say("microphone", { open: false });
          },
        );
      return;
    }
    this.#microphone.enabled = open;
    this.#tell({ type: "microphone", open });
  }

  /** How loud the microphone is, 0 to 1. */
  level(): number {
    if (!this.#microphone?.enabled || this.#closed) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    return Math.min(1, Math.sqrt(power) * 4);
  }

  /** The browser's own figures, for measurements. */
  stats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  /** What is said, for measurements; undefined before it was asked for. */
  get microphone(): MediaStreamTrack | undefined {
    return this.#microphone;
  }

  /** What is heard, for measurements. */
  get player(): HTMLAudioElement {
    return this.#player;
  }

  /** Hangs up; idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#quiet);
    removeEventListener("pagehide", this.#leave);
    this.#microphone?.stop();
    this.#connection.close();
    this.#player.srcObject = null;
    void this.#context.close();
    if (this.#id !== "")
      void fetch(`/talk/${this.#id}`, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#say("state", { state: "closed" satisfies TalkState });
  }

  /** Asks for the microphone, once at a time. */
  #ask(): Promise<void> {
    if (!navigator.mediaDevices) return Promise.reject(new Error(NO_MICROPHONE));
    // The browser takes its own loudspeaker out of the microphone.
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    return (this.#asking ??= navigator.mediaDevices
      .getUserMedia({ audio })
      .then((stream) => this.#use(stream))
      .finally(() => (this.#asking = undefined)));
  }

  async #use(stream: MediaStream): Promise<void> {
    const microphone = stream.getAudioTracks()[0]!;
    if (this.#closed) return microphone.stop();
    this.#microphone = microphone;
    microphone.enabled = this.#open;
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    await this.#sender.replaceTrack(microphone);
  }

  readonly #leave = (): void => this.close();

  async #offer(wanted: Record<string, unknown>): Promise<void> {
    await this.#connection.setLocalDescription();
    // Without waiting for candidates: the answer names the way, and the robot takes what comes on it.
    const sdp = this.#connection.localDescription!.sdp;
    const response = await fetch("/talk/offer", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...wanted, sdp }),
    });
    const answer = (await response.json().catch(() => ({}))) as {
      id?: string;
      sdp?: string;
      error?: { message?: string };
    };
    if (!response.ok || answer.sdp === undefined)
      throw new Error(answer.error?.message ?? `the robot does not answer (${response.status})`);
    this.#id = answer.id ?? "";
    await this.#connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.#timer = window.setInterval(() => void this.#measure(), PLAYOUT_PERIOD_MS);
  }

  #connectionChanged(): void {
    const { connectionState } = this.#connection;
    if (connectionState === "connecting" || connectionState === "connected")
      this.#say("state", { state: connectionState satisfies TalkState });
    if (connectionState === "connected") void this.#measure();
    if (connectionState !== "failed" && connectionState !== "closed") return;
    this.#say("state", { state: "failed" satisfies TalkState });
    this.close();
  }

  #message(text: string): void {
    const message = JSON.parse(text) as { type: string; gain?: number; open?: boolean } & Record<
      string,
      unknown
    >;
    switch (message.type) {
      case "duck":
        this.#quieten(message.gain ?? 0.1);
        break;
      case "cut":
        this.#quieten(0);
        break;
      case "restore":
        this.#loud();
        break;
      case "microphone":
        if (message.open === false && this.#microphone) this.#microphone.enabled = false;
        this.#say("microphone", message);
        break;
      case "transcript":
      case "heard":
      case "error":
        this.#say(message.type, message);
    }
  }

  /** What was received before this moment is quiet; what comes later already is. */
  #quieten(gain: number): void {
    this.#player.volume = gain;
    this.#player.muted = gain === 0;
    clearTimeout(this.#quiet);
    this.#quiet = window.setTimeout(() => this.#loud(), this.#delayMs + SPARE_MS);
  }

  #loud(): void {
    clearTimeout(this.#quiet);
    this.#player.muted = false;
    this.#player.volume = 1;
  }

  /** How long sound waits here before it is heard: what the robot says to have been heard depends on it. */
  async #measure(): Promise<void> {
    if (this.#closed) return;
    for (const report of (await this.#connection.getStats()).values() as Iterable<Record<string, unknown>>) {
      if (report["type"] !== "inbound-rtp") continue;
      const delay = Number(report["jitterBufferDelay"] ?? 0);
      const count = Number(report["jitterBufferEmittedCount"] ?? 0);
      const emitted = count - this.#last.count;
      if (emitted > 0)
        this.#delayMs = Math.min(1000, ((delay - this.#last.delay) / emitted) * 1000 + OUTPUT_MS);
      this.#last = { delay, count };
    }
    this.#tell({ type: "playout", delay_ms: Math.round(this.#delayMs) });
  }

  #tell(message: Record<string, unknown>): void {
    if (this.#channel.readyState === "open") this.#channel.send(JSON.stringify(message));
    else this.#channel.addEventListener("open", () => this.#tell(message), { once: true });
  }

  #fail(code: string, message: string): void {
    this.#say("error", { code, message });
  }

  #say(type: string, detail: Record<string, unknown>): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** From the jitter buffer to the ear: the browser's mixer and the sound card, some 20 ms on most machines. */
const OUTPUT_MS = 20;
