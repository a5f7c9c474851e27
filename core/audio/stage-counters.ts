/** What the stages between microphone and loudspeaker count; each has one thread that adds to it. */
const COUNTERS = [
  "played_frames",
  "playback_xruns",
  "playback_underruns",
  "playback_concealed_samples",
  "playback_shortened_samples",
  "playback_lengthened_samples",
  "captured_blocks",
  "capture_xruns",
] as const;

/** Distributions in milliseconds. */
const HISTOGRAMS = [
  /** How late speech arrives, compared with its fastest arrival of the last two seconds; per period of an answer. */
  "speech_late_ms",
  /** How much speech waits before a period of it is taken. */
  "speech_queued_ms",
  /** What the loudspeaker holds when a period is given to it. */
  "playback_delay_ms",
  /** Between two periods that the loudspeaker took. */
  "playback_period_ms",
  /** Between two blocks of the microphone. */
  "capture_period_ms",
  /** From a frame's last sample to its handlers. */
  "capture_wait_ms",
] as const;

/** Upper bounds of the buckets; one more holds the rest. */
const BOUNDS_MS = [1, 2, 5, 10, 15, 20, 25, 30, 40, 60, 80, 100, 150, 200, 500, 1000] as const;
const BUCKETS = BOUNDS_MS.length + 1;

const COUNTER_AT = indices(COUNTERS);
const HISTOGRAM_AT = indices(HISTOGRAMS);

export type StageCounter = (typeof COUNTERS)[number];
export type StageHistogram = (typeof HISTOGRAMS)[number];

/** A distribution as the health report shows it: by bucket, cumulative, with the sum of all values. */
export interface HistogramReport {
  /** Upper bound in ms → how many values were not above it. */
  buckets: Record<string, number>;
  count: number;
  sum: number;
}

/** Counters and distributions of all stages, in memory that the device threads share. Allocates nothing but in `report`. */
export class StageCounters {
  static readonly BYTES: number = (HISTOGRAMS.length + COUNTERS.length + HISTOGRAMS.length * BUCKETS) * 8;
  readonly #counts: Float64Array;

  /** On `StageCounters.BYTES` of `memory`, from `byteOffset` on, a multiple of 8. */
  constructor(memory: SharedArrayBuffer, byteOffset = 0) {
    this.#counts = new Float64Array(memory, byteOffset, StageCounters.BYTES / 8);
  }

  add(name: StageCounter, by = 1): void {
    this.#counts[COUNTER_AT[name]]! += by;
  }

  get(name: StageCounter): number {
    return this.#counts[COUNTER_AT[name]]!;
  }

  observe(name: StageHistogram, ms: number): void {
    const index = HISTOGRAM_AT[name];
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && ms > BOUNDS_MS[bucket]!) bucket++;
    this.#counts[COUNTERS.length + index]! += ms;
    this.#counts[COUNTERS.length + HISTOGRAMS.length + index * BUCKETS + bucket]! += 1;
  }

  /** Every counter by name. */
  counters(): Record<StageCounter, number> {
    return Object.fromEntries(COUNTERS.map((name) => [name, this.get(name)])) as Record<StageCounter, number>;
  }

  /** Every distribution by name. */
  histograms(): Record<StageHistogram, HistogramReport> {
    return Object.fromEntries(HISTOGRAMS.map((name, index) => [name, this.#report(index)])) as Record<
      StageHistogram,
      HistogramReport
    >;
  }

  #report(index: number): HistogramReport {
    const first = COUNTERS.length + HISTOGRAMS.length + index * BUCKETS;
    const buckets: Record<string, number> = {};
    let below = 0;
    BOUNDS_MS.forEach((bound, i) => {
      below += this.#counts[first + i]!;
      buckets[String(bound)] = below;
    });
    const count = below + this.#counts[first + BOUNDS_MS.length]!;
    return { buckets, count, sum: this.#counts[COUNTERS.length + index]! };
  }
}

function indices<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name, index) => [name, index])) as Record<Name, number>;
}
