import { FRAME_SAMPLES, RATE_HZ } from "../audio/port.ts";
import type { AudioPort } from "../audio/port.ts";

/** What the microphone heard, what the loudspeaker let out meanwhile, and what the listening chain made of it. */
export class Recording {
  /** PCM16 24 kHz mono, all of the same length. */
  readonly heard: Int16Array;
  readonly played: Int16Array;
  readonly cleaned: Int16Array;
  readonly #undos: (() => void)[];
  #samples = 0;
  #cleaned = 0;

  /** Records from now on, `limitS` seconds at most. Close it when done. */
  constructor(port: AudioPort, limitS = 30) {
    const limit = limitS * RATE_HZ;
    this.heard = new Int16Array(limit);
    this.played = new Int16Array(limit);
    this.cleaned = new Int16Array(limit);
    this.#undos = [
      port.onRawFrame((frame, reference) => {
        if (this.#samples + FRAME_SAMPLES > limit) return;
        this.heard.set(frame, this.#samples);
        this.played.set(reference, this.#samples);
        this.#samples += FRAME_SAMPLES;
      }),
      port.onFrame((frame) => {
        if (this.#cleaned + FRAME_SAMPLES > limit || this.#cleaned >= this.#samples) return;
        this.cleaned.set(frame, this.#cleaned);
        this.#cleaned += FRAME_SAMPLES;
      }),
    ];
  }

  /** How much there is, samples. */
  get length(): number {
    return Math.min(this.#samples, this.#cleaned);
  }

  close(): void {
    for (const undo of this.#undos) undo();
  }
}
