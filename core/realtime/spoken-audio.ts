import type { Capture, FrameHandler } from "../audio/port.ts";
import { FRAME_MS } from "../audio/port.ts";
import type { Bus } from "../bus.ts";
import type { SessionConfig } from "./config.ts";
import { IdleAudio } from "./idle-audio.ts";

/** How long semantic_vad may wait for more words, by eagerness (developers.openai.com, guide "Voice activity detection"). */
const SEMANTIC_WAIT_MS = { low: 8000, auto: 4000, medium: 4000, high: 2000 } as const;
/** The server hears so much more silence than it needs. */
const SPARE_MS = 300;

/**
 * The microphone as a session hears it that pays for speech only: what the robot's own ears take for speech, or what is said
 * while the talk key is held, with what was heard just before it, so that the first syllable is whole, and enough silence behind it
 * for the server to notice the end. Allocates nothing per frame.
 */
export class SpokenAudio implements Capture {
  readonly #capture: Capture;
  readonly #before: IdleAudio;
  readonly #afterMs: number;
  readonly #undos: (() => void)[];
  #handlers: FrameHandler[] = [];
  #speaking = false;
  #talking = false;
  /** What is still streamed after the end of speech. */
  #leftMs = 0;
  #atMs = 0;
  #streamedFrames = 0;
  #withheldFrames = 0;

  constructor(capture: Capture, bus: Bus, { turn_detection }: SessionConfig) {
    const { type, eagerness, prefix_padding_ms, silence_duration_ms } = turn_detection;
    this.#capture = capture;
    this.#before = new IdleAudio(Math.max(1, Math.round(prefix_padding_ms / FRAME_MS)));
    this.#afterMs = SPARE_MS + (type === "semantic_vad" ? SEMANTIC_WAIT_MS[eagerness] : silence_duration_ms);
    this.#undos = [
      capture.onFrame((frame, atMs) => this.#take(frame, atMs)),
      bus.on("user.speech_started", ({ source }) => source === "local" && this.#turn(true, this.#talking)),
      bus.on("user.speech_stopped", ({ source }) => source === "local" && this.#turn(false, this.#talking)),
      bus.on("user.talk_changed", ({ talking }) => this.#turn(this.#speaking, talking)),
    ];
  }

  onFrame(handler: FrameHandler): () => void {
    const own: FrameHandler = (frame, atMs) => handler(frame, atMs);
    this.#handlers = [...this.#handlers, own];
    return () => void (this.#handlers = this.#handlers.filter((other) => other !== own));
  }

  feed(pcm: Int16Array, signal?: AbortSignal): Promise<void> {
    return this.#capture.feed(pcm, signal);
  }

  counters(): Record<string, number> {
    return { streamed_frames: this.#streamedFrames, withheld_frames: this.#withheldFrames };
  }

  close(): void {
    for (const undo of this.#undos) undo();
  }

  #turn(speaking: boolean, talking: boolean): void {
    this.#speaking = speaking;
    this.#talking = talking;
    if (!speaking && !talking) return;
    this.#leftMs = this.#afterMs;
    this.#before.drain((frame) => {
      this.#withheldFrames--;
      this.#deliver(frame);
    });
  }

  #take(frame: Int16Array, atMs: number): void {
    this.#atMs = atMs;
    if (this.#leftMs <= 0) {
      this.#withheldFrames++;
      this.#before.push(frame);
      return;
    }
    if (!this.#speaking && !this.#talking) this.#leftMs -= FRAME_MS;
    this.#deliver(frame);
  }

  #deliver(frame: Int16Array): void {
    this.#streamedFrames++;
    for (const handler of this.#handlers) handler(frame, this.#atMs);
  }
}
