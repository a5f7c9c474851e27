/** Samples kept of each figure, the newest. */
const KEPT = 256;

/** Figures of a talk client; null where nothing was measured yet. All in milliseconds. */
export interface PerformanceMetrics {
  /** From the last sound of the person's speech to the first sound of the answer on its way to the page. */
  latencyP50Ms: number | null;
  latencyP95Ms: number | null;
  /** From the beginning of an answer at the server to its first sound on its way to the page. */
  firstAudioP50Ms: number | null;
  firstAudioP95Ms: number | null;
  /** From the arrival of the first speech over the robot to the order to be silent. */
  bargeInAverageMs: number | null;
  /** From the offer to the answer. */
  offerMs: number | null;
  /** Sound of the page held back for late packets, now. */
  uplinkBufferMs: number;
  /** Sound in the page that was not heard yet, as the page last told. */
  pageBufferMs: number;
  /** Both together. */
  bufferMs: number;
  turns: number;
  bargeIns: number;
  packetsLost: number;
  packetsRecovered: number;
  packetsConcealed: number;
}

/** Collects times; the newest {@link KEPT} of them count. */
export class Times {
  readonly #values = new Float64Array(KEPT);
  count = 0;
  #sum = 0;

  add(ms: number): void {
    this.#values[this.count++ % KEPT] = ms;
    this.#sum += ms;
  }

  /** Of all, also those that are forgotten. */
  get average(): number | null {
    return this.count === 0 ? null : this.#sum / this.count;
  }

  /** Nearest rank; null without values. */
  percentile(percent: number): number | null {
    const known = Math.min(this.count, KEPT);
    if (known === 0) return null;
    const sorted = this.#values.slice(0, known).sort();
    return sorted[Math.max(0, Math.ceil((percent / 100) * known) - 1)]!;
  }
}
