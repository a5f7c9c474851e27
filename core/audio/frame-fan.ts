import { FRAME_SAMPLES } from "./port.ts";
import type { AudioFault, FrameHandler } from "./port.ts";
import type { Ring } from "./ring.ts";

/** Changes a frame in place before the handlers get it; `end` is the ring position after its last sample. */
export type FramePreparation = (frame: Int16Array, atMs: number, end: number) => void;

/** Cuts what comes out of a ring into frames of 20 ms and calls every handler with each. Allocates nothing per frame. */
export class FrameFan {
  readonly #ring: Ring;
  readonly #timeOf: (position: number) => number;
  readonly #onFault: AudioFault;
  readonly #prepare: FramePreparation | undefined;
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  /** Replaced, never changed in place: a handler may be removed while frames are delivered. */
  #handlers: FrameHandler[] = [];
  frames = 0;
  faults = 0;

  /** `timeOf` says when the sample before a ring position was taken or heard. */
  constructor(
    ring: Ring,
    timeOf: (position: number) => number,
    onFault: AudioFault,
    prepare?: FramePreparation,
  ) {
    this.#prepare = prepare;
    this.#ring = ring;
    this.#timeOf = timeOf;
    this.#onFault = onFault;
  }

  /** Everything before this ring position has been delivered. */
  get position(): number {
    return this.#ring.tail;
  }

  add(handler: FrameHandler): () => void {
    const own: FrameHandler = (frame, atMs) => handler(frame, atMs);
    this.#handlers = [...this.#handlers, own];
    return () => {
      this.#handlers = this.#handlers.filter((other) => other !== own);
    };
  }

  /** Delivers the whole frames that are there. */
  deliver(): void {
    for (let left = this.#ring.available; left >= FRAME_SAMPLES; left -= FRAME_SAMPLES) {
      this.#ring.read(this.#frame);
      this.#handOut();
    }
  }

  /** Delivers the rest as well, silence after it: no more comes for now. */
  flush(): void {
    this.deliver();
    if (this.#ring.available === 0) return;
    this.#frame.fill(0);
    this.#ring.read(this.#frame);
    this.#handOut();
  }

  #handOut(): void {
    this.frames++;
    const handlers = this.#handlers;
    if (handlers.length === 0 && !this.#prepare) return;
    const end = this.#ring.tail;
    const atMs = this.#timeOf(end);
    this.#prepare?.(this.#frame, atMs, end);
    for (let i = 0; i < handlers.length; i++) {
      try {
        handlers[i]!(this.#frame, atMs);
      } catch (error) {
        this.faults++;
        this.#onFault(error);
      }
    }
  }
}
