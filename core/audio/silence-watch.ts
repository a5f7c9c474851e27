import { deviceError } from "./device-error.ts";

/**
 * Notices a microphone that gives nothing but zeros, as no real one does that is alive and not muted. In the device thread;
 * allocates nothing.
 */
export class SilenceWatch {
  readonly #limit: number;
  readonly #limitS: number;
  #zeros = 0;

  /** `samplesPerS` counts those of all channels; a limit of 0 is none. */
  constructor(samplesPerS: number, limitS: number) {
    this.#limitS = limitS;
    this.#limit = limitS > 0 ? limitS * samplesPerS : Infinity;
  }

  /** The first `count` samples of a block. Throws DEVICE_SILENT at the limit. */
  observe(samples: Int16Array | Float32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      if (samples[i] === 0) continue;
      this.#zeros = 0;
      return;
    }
    this.#zeros += count;
    if (this.#zeros < this.#limit) return;
    throw deviceError(
      "DEVICE_SILENT",
      `the microphone has given nothing but zeros for ${this.#limitS} s; is it muted?`,
    );
  }
}
