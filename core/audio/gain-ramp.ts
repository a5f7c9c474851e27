/** A gain that goes to its target in even steps, so that no change of it clicks. Allocates nothing. */
export class GainRamp {
  #gain: number;
  #target: number;
  #step = 0;

  constructor(gain: number) {
    this.#gain = this.#target = gain;
  }

  get target(): number {
    return this.#target;
  }

  /** Reaches `target` after `samples`; where it is on its way there, nothing changes. */
  goTo(target: number, samples: number): void {
    if (target === this.#target) return;
    this.#target = target;
    this.#step = (target - this.#gain) / Math.max(1, samples);
  }

  /** Multiplies all samples, clipped to 16 bits. */
  apply(samples: Int16Array): void {
    let gain = this.#gain;
    const target = this.#target;
    if (gain === 1 && target === 1) return;
    const step = this.#step;
    for (let i = 0; i < samples.length; i++) {
      if (gain !== target) {
        gain += step;
        if (step > 0 ? gain > target : gain < target) gain = target;
      }
      const sample = Math.round(samples[i]! * gain);
      samples[i] = sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample;
    }
    this.#gain = gain;
  }
}
