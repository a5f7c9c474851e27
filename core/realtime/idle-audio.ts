import { FRAME_SAMPLES } from "../audio/port.ts";

/** The last second of the microphone while nobody is connected, so that speech that opens the link is whole. Allocates once. */
export class IdleAudio {
  readonly #samples: Int16Array;
  readonly #frames: number;
  #next = 0;
  #held = 0;

  /** `frames`: how many frames of 20 ms are kept. */
  constructor(frames = 50) {
    this.#frames = frames;
    this.#samples = new Int16Array(frames * FRAME_SAMPLES);
  }

  /** Keeps a copy of the frame; the oldest gives way. */
  push(frame: Int16Array): void {
    this.#samples.set(frame.subarray(0, FRAME_SAMPLES), this.#next * FRAME_SAMPLES);
    this.#next = (this.#next + 1) % this.#frames;
    if (this.#held < this.#frames) this.#held++;
  }

  /** Hands out what is kept, oldest first, and forgets it. A frame is valid only while `take` runs. */
  drain(take: (frame: Int16Array) => void): void {
    const first = this.#next - this.#held + this.#frames;
    for (let i = 0; i < this.#held; i++) {
      const at = ((first + i) % this.#frames) * FRAME_SAMPLES;
      take(this.#samples.subarray(at, at + FRAME_SAMPLES));
    }
    this.#held = 0;
  }
}
