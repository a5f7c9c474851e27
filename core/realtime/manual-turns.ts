import type { Capture, FrameHandler } from "../audio/port.ts";
import { FRAME_MS } from "../audio/port.ts";
import { IdleAudio } from "./idle-audio.ts";

/** Less than this is refused by the server (input_audio_buffer_commit_empty). */
const LEAST_MS = 100;

/**
 * The microphone as a session hears it that marks turns itself: only what belongs to a turn, with what was heard just
 * before it, so that the first syllable is whole. Allocates nothing per frame.
 */
export class ManualTurns implements Capture {
  readonly #capture: Capture;
  readonly #before: IdleAudio;
  readonly #undo: () => void;
  #handlers: FrameHandler[] = [];
  #open = false;
  /** Heard since the last commit. */
  #heardMs = 0;
  #atMs = 0;

  constructor(capture: Capture, preRollMs: number) {
    this.#capture = capture;
    this.#before = new IdleAudio(Math.max(1, Math.round(preRollMs / FRAME_MS)));
    this.#undo = capture.onFrame((frame, atMs) => {
      this.#atMs = atMs;
      if (this.#open) this.#deliver(frame);
      else this.#before.push(frame);
    });
  }

  onFrame(handler: FrameHandler): () => void {
    const own: FrameHandler = (frame, atMs) => handler(frame, atMs);
    this.#handlers = [...this.#handlers, own];
    return () => void (this.#handlers = this.#handlers.filter((other) => other !== own));
  }

  feed(pcm: Int16Array, signal?: AbortSignal): Promise<void> {
    return this.#capture.feed(pcm, signal);
  }

  begin(): void {
    if (this.#open) return;
    this.#open = true;
    this.#before.drain((frame) => this.#deliver(frame));
  }

  /** True where there is something to commit; what is too short for that goes with the next turn. */
  end(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    if (this.#heardMs < LEAST_MS) return false;
    this.#heardMs = 0;
    return true;
  }

  close(): void {
    this.#undo();
  }

  #deliver(frame: Int16Array): void {
    this.#heardMs += FRAME_MS;
    for (const handler of this.#handlers) handler(frame, this.#atMs);
  }
}
