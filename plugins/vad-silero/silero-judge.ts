import { FRAME_SAMPLES, RATE_HZ, Resampler } from "myna";
import { SILERO_HZ, Silero, WINDOW_SAMPLES } from "./silero.ts";
import type { SileroWeights } from "./weights.ts";

/** Speech goes on down to this far below the probability that starts it; Silero's own example does the same. */
const HYSTERESIS = 0.15;

/** Cuts the microphone's frames into Silero's windows; every frame has the verdict of the last whole window. */
export class SileroJudge {
  readonly #silero: Silero;
  readonly #threshold: number;
  readonly #resampler = new Resampler(RATE_HZ, SILERO_HZ);
  readonly #samples: Int16Array;
  readonly #window = new Int16Array(WINDOW_SAMPLES);
  #filled = 0;
  /** Probability of speech in the last window. */
  probability = 0;

  constructor(threshold: number, weights: SileroWeights) {
    this.#threshold = threshold;
    this.#silero = new Silero(weights);
    this.#samples = new Int16Array(this.#resampler.outputLimit(FRAME_SAMPLES));
  }

  /** Takes 20 ms at 24 kHz. */
  judge(frame: Int16Array, speaking: boolean): boolean {
    const samples = this.#samples;
    const window = this.#window;
    const count = this.#resampler.process(frame, samples);
    for (let i = 0; i < count; i++) {
      window[this.#filled++] = samples[i]!;
      if (this.#filled < WINDOW_SAMPLES) continue;
      this.#filled = 0;
      this.probability = this.#silero.probability(window);
    }
    return this.probability > (speaking ? this.#threshold - HYSTERESIS : this.#threshold);
  }
}
