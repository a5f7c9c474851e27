import type { Capture, FrameHandler } from "../audio/port.ts";
import { FRAME_MS } from "../audio/port.ts";
import { IdleAudio } from "./idle-audio.ts";

/**
 * The microphone as a session hears it that is not to hear all of it: what is let through, and what was heard just before, so that
 * the first syllable is whole. Allocates nothing per frame.
 */
export abstract class GatedCapture implements Capture {
  readonly #capture: Capture;
  readonly #before: IdleAudio;
  readonly #undo: () => void;
  #handlers: FrameHandler[] = [];
  #atMs = 0;

  constructor(capture: Capture, preRollMs: number) {
    this.#capture = capture;
    this.#before = new IdleAudio(Math.max(1, Math.round(preRollMs / FRAME_MS)));
    this.#undo = capture.onFrame((frame, atMs) => {
      this.#atMs = atMs;
      if (this.passes()) this.deliver(frame);
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

  close(): void {
    this.#undo();
  }

  /** Whether the frame that is there now goes to the session; asked once for each. */
  protected abstract passes(): boolean;

  /** Borrowed; overridden to count. */
  protected deliver(frame: Int16Array): void {
    for (const handler of this.#handlers) handler(frame, this.#atMs);
  }

  /** Lets through what was kept from before. */
  protected drain(): void {
    this.#before.drain((frame) => this.deliver(frame));
  }
}
