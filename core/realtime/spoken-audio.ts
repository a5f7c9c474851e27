import type { Capture } from "../audio/port.ts";
import { FRAME_MS } from "../audio/port.ts";
import type { Bus } from "../bus.ts";
import type { SessionConfig } from "./config.ts";
import { GatedCapture } from "./gated-capture.ts";

/** How long semantic_vad may wait for more words, by eagerness (developers.openai.com, guide "Voice activity detection"). */
const SEMANTIC_WAIT_MS = { low: 8000, auto: 4000, medium: 4000, high: 2000 } as const;
/** The server hears so much more silence than it needs. */
const SPARE_MS = 300;

/**
 * The microphone as a session hears it that pays for speech only: what the robot's own ears take for speech, or what is said
 * while the talk key is held, what was just before it, and enough silence behind it for the server to notice the end.
 */
export class SpokenAudio extends GatedCapture {
  readonly #afterMs: number;
  readonly #undos: (() => void)[];
  #speaking = false;
  #talking = false;
  /** What is still streamed after the end of speech. */
  #leftMs = 0;
  #heardFrames = 0;
  #streamedFrames = 0;

  constructor(capture: Capture, bus: Bus, { turn_detection }: SessionConfig) {
    const { type, eagerness, prefix_padding_ms, silence_duration_ms } = turn_detection;
    super(capture, prefix_padding_ms);
    this.#afterMs = SPARE_MS + (type === "semantic_vad" ? SEMANTIC_WAIT_MS[eagerness] : silence_duration_ms);
    this.#undos = [
      bus.on("user.speech_started", ({ source }) => source === "local" && this.#turn(true, this.#talking)),
      bus.on("user.speech_stopped", ({ source }) => source === "local" && this.#turn(false, this.#talking)),
      bus.on("user.talk_changed", ({ talking }) => this.#turn(this.#speaking, talking)),
    ];
  }

  counters(): Record<string, number> {
    const streamed_frames = this.#streamedFrames;
    return { streamed_frames, withheld_frames: this.#heardFrames - streamed_frames };
  }

  override close(): void {
    super.close();
    for (const undo of this.#undos) undo();
  }

  protected passes(): boolean {
    this.#heardFrames++;
    if (this.#leftMs <= 0) return false;
    if (!this.#speaking && !this.#talking) this.#leftMs -= FRAME_MS;
    return true;
  }

  protected override deliver(frame: Int16Array): void {
    this.#streamedFrames++;
    super.deliver(frame);
  }

  #turn(speaking: boolean, talking: boolean): void {
    this.#speaking = speaking;
    this.#talking = talking;
    if (!speaking && !talking) return;
    this.#leftMs = this.#afterMs;
    this.drain();
  }
}
