import { ElasticBuffer, MynaError } from "myna";
import type { PluginContext } from "myna";
import { Call } from "./call.ts";
import type { CallSettings } from "./call.ts";
import type { Metronome } from "./metronome.ts";
import { readPageMessage } from "./page-message.ts";

/** A talker of whom nothing is heard for so long has gone: the robot's own microphone is back. */
const GONE_MS = 2000;
/** Before its first sound it may take so long: it has to connect. */
const FIRST_MS = 15_000;
/** Frames of the loudspeaker that wait for the page's beat. */
const START_FRAMES = 2;

/** The parts of the robot that a call needs. */
export type RobotParts = Pick<PluginContext, "audio" | "on" | "session">;

/** What a {@link RobotCall} works with. */
export interface RobotCallSettings {
  call: CallSettings;
  /** False: the robot's own loudspeaker is silent while somebody talks through a page. */
  loudspeaker: boolean;
  /** The page has gone; once. */
  ended: (reason: string) => void;
}

/**
 * A page in the robot's own conversation: it hears what the robot's loudspeaker lets out, and while it holds the microphone the
 * robot hears it in place of its own.
 */
export class RobotCall {
  readonly #robot: RobotParts;
  readonly #settings: RobotCallSettings;
  readonly #call: Call;
  readonly #played = new ElasticBuffer(START_FRAMES);
  readonly #undos: (() => void)[];
  #taken: ReturnType<PluginContext["audio"]["takeMicrophone"]> | undefined;
  #takenAtMs = 0;
  #closed = false;

  constructor(robot: RobotParts, settings: RobotCallSettings, metronome: Metronome) {
    this.#robot = robot;
    this.#settings = settings;
    this.#call = new Call(settings.call, metronome, {
      heard: (frame) => this.#taken?.write(frame),
      ready: () => this.#played.ready,
      waitingMs: () => this.#played.waitingMs,
      expects: () => true,
      say: (frame) => this.#say(frame),
      message: (text) => this.#message(text),
      connected: () => {},
      reachable: () => this.#tellMicrophone(),
      ended: (reason) => {
        void this.close();
        settings.ended(reason);
      },
      beat: (nowMs) => this.#watch(nowMs),
    });
    this.#undos = [
      robot.audio.onPlayed((frame) => {
        this.#played.write(frame);
        this.#call.pump();
      }),
      robot.on("user.transcript", ({ text, final }) => this.#call.tell({ type: "heard", text, final })),
      robot.on("assistant.transcript", ({ text, final, interrupted }) =>
        this.#call.tell({ type: "transcript", text, final, interrupted }),
      ),
      robot.on("playback.stopped", ({ reason }) => {
        if (reason === "flushed") this.#call.tell({ type: "cut" });
      }),
    ];
  }

  get connected(): boolean {
    return this.#call.connected;
  }

  /** The robot hears this page. */
  get talking(): boolean {
    return this.#taken !== undefined;
  }

  /** Takes the microphone unless `muted`; DEVICE_BUSY while somebody else has it. Is closed where it rejects. */
  async answer(sdp: unknown, muted: boolean): Promise<string> {
    try {
      if (!muted) this.#take();
      return await this.#call.answer(sdp);
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  /** Hangs up and gives the microphone back. Idempotent; resolves when nothing of the call is left. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#release();
      for (const undo of this.#undos) undo();
    }
    return this.#call.close();
  }

  counters(): Record<string, number> {
    return {
      ...this.#call.counters(),
      talking: this.talking ? 1 : 0,
      microphone_waiting_ms: this.#taken?.waitingMs ?? 0,
      loudspeaker_gaps: this.#played.gaps,
    };
  }

  #take(): void {
    if (this.#taken) return;
    this.#taken = this.#robot.audio.takeMicrophone({ loudspeaker: this.#settings.loudspeaker });
    this.#takenAtMs = performance.now();
  }

  #release(): void {
    this.#taken?.release();
    this.#taken = undefined;
  }

  #say(frame: Int16Array): boolean {
    frame.fill(0);
    if (!this.#played.mixInto(frame)) return false;
    for (let i = 0; i < frame.length; i++) if (frame[i] !== 0) return true;
    return false;
  }

  #message(text: string): void {
    const message = readPageMessage(text);
    if (message?.type !== "microphone") return;
    try {
      if (message.open) this.#take();
      else this.#release();
    } catch (error) {
      const { code, message } = MynaError.from(error, "DEVICE_FAILED");
      this.#call.tell({ type: "error", code, message });
    }
    this.#tellMicrophone();
  }

  #tellMicrophone(): void {
    this.#call.tell({ type: "microphone", open: this.talking });
  }

  #watch(nowMs: number): void {
    if (!this.#taken) return;
    const { lastPacketAtMs } = this.#call;
    const patienceMs = lastPacketAtMs > 0 ? GONE_MS : FIRST_MS;
    if (nowMs - Math.max(this.#takenAtMs, lastPacketAtMs) < patienceMs) return;
    this.#release();
    this.#tellMicrophone();
  }
}
