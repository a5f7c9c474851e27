import { EnergyDetector, FRAME_MS, RATE_HZ } from "myna";

/** How speech over the robot is told from a cough. */
export interface BargeInSettings {
  /** Speech this far above the noise floor counts, dB. */
  thresholdDb: number;
  /** And only above this level, dB below full scale. */
  minLevelDb: number;
  /** The robot is quiet after so much speech; ducked after a frame of it. */
  pauseMs: number;
  /** So much speech is an interruption, whatever the server says. */
  confirmMs: number;
  /** Silence after which an interruption that nobody confirmed was none. */
  restoreMs: number;
}

/** As good as any for a page that cancels its own echo. */
export const BARGE_IN: Readonly<BargeInSettings> = {
  thresholdDb: 12,
  minLevelDb: -50,
  pauseMs: 40,
  confirmMs: 300,
  restoreMs: 400,
};

/** What is to be done about the robot's voice. */
export type BargeInOrder = "none" | "duck" | "pause" | "cut" | "restore";

/**
 * Speech of the page over the voice of the robot: quieter at the first frame, silent after {@link BargeInSettings.pauseMs}, cut
 * when it lasts or the server hears it as well, and spoken on when neither happens. Allocates nothing per frame.
 */
export class BargeIn {
  readonly #settings: BargeInSettings;
  readonly #detector: EnergyDetector;
  #speechMs = 0;
  #quietMs = 0;
  #state: "quiet" | "ducked" | "paused" = "quiet";
  #beganAtMs = 0;
  /** When the last frame of speech came; for the latency of answers. */
  lastSpeechAtMs = -Infinity;
  readonly counters = { ducked: 0, paused: 0, cut: 0, restored: 0 };

  constructor(settings: BargeInSettings) {
    this.#settings = settings;
    const { thresholdDb, minLevelDb } = settings;
    this.#detector = new EnergyDetector({ thresholdDb, minLevelDb }, RATE_HZ);
  }

  /** When the speech that is going on began to arrive. */
  get beganAtMs(): number {
    return this.#beganAtMs;
  }

  /** A frame of the page's microphone; `speaking` while the robot has something to say. */
  frame(frame: Int16Array, speaking: boolean, nowMs: number): BargeInOrder {
    const speech = this.#detector.judge(frame, FRAME_MS, this.#speechMs > 0);
    if (speech) {
      if (this.#speechMs === 0) this.#beganAtMs = nowMs;
      this.#speechMs += FRAME_MS;
      this.#quietMs = 0;
      this.lastSpeechAtMs = nowMs;
    } else {
      this.#quietMs += FRAME_MS;
      if (this.#quietMs > 2 * FRAME_MS) this.#speechMs = 0;
    }
    if (!speaking && this.#state === "quiet") return "none";
    return this.#judge(speech);
  }

  /** The server heard speech: it is one. */
  confirmed(speaking: boolean): BargeInOrder {
    return speaking || this.#state !== "quiet" ? this.#cut() : "none";
  }

  #judge(speech: boolean): BargeInOrder {
    const { pauseMs, confirmMs, restoreMs } = this.#settings;
    if (speech && this.#state === "quiet" && this.#speechMs < pauseMs) return this.#enter("ducked", "duck");
    if (speech && this.#state !== "paused" && this.#speechMs >= pauseMs)
      return this.#enter("paused", "pause");
    if (speech && this.#state === "paused" && this.#speechMs >= confirmMs) return this.#cut();
    const patienceMs = this.#state === "paused" ? restoreMs : 2 * FRAME_MS;
    if (this.#state !== "quiet" && this.#quietMs > patienceMs) {
      this.counters.restored++;
      this.#state = "quiet";
      return "restore";
    }
    return "none";
  }

  #enter(state: "ducked" | "paused", order: BargeInOrder): BargeInOrder {
    this.#state = state;
    this.counters[state]++;
    return order;
  }

  #cut(): BargeInOrder {
    this.#state = "quiet";
    this.counters.cut++;
    return "cut";
  }
}
