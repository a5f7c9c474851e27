import { MAX_LAG, OVERLAP, PitchSearch } from "./pitch.ts";
import { RATE_HZ } from "./port.ts";

/** Speech before the gap that is needed to make up more of it. */
export const CONCEALMENT_HISTORY: number = OVERLAP + MAX_LAG;
/** The made-up sound keeps its level for 10 ms and is gone after 60: longer, it sounds like a machine. */
const FULL_SAMPLES = RATE_HZ / 100;
const FADE_SAMPLES = RATE_HZ / 20;
/** A gap's start is bent over so many samples to meet the last one that was played. */
const BEND_SAMPLES = 48;

/** What is played where speech is missing: its last pitch period again and again, fading out. Allocates nothing per period. */
export class Concealment {
  readonly #pitch = new PitchSearch();
  readonly #period = new Float64Array(MAX_LAG);
  #length = 0;
  /** Samples made since the gap began. */
  #made = 0;
  #step = 0;

  /** Whether anything of it can still be heard. */
  get audible(): boolean {
    return this.#length > 0 && this.#made < FULL_SAMPLES + FADE_SAMPLES;
  }

  /** No gap. */
  reset(): void {
    this.#length = 0;
  }

  /** A gap begins behind `end` in `samples`, of which the last `known` were played. */
  begin(samples: Int16Array, end: number, known: number): void {
    this.#made = 0;
    this.#step = 0;
    const last = known > 0 ? samples[end - 1]! : 0;
    if (known < CONCEALMENT_HISTORY) {
      // Too little to repeat: the last sample fades out.
      this.#length = 1;
      this.#period[0] = 0;
      this.#step = last;
      return;
    }
    this.#pitch.before(samples, end - OVERLAP);
    // What is no voice must not be made one: noise repeats over the longest period.
    const length = this.#pitch.likeness > 0.5 ? this.#pitch.lag : MAX_LAG;
    const start = end - length;
    const blend = length >> 2;
    for (let i = 0; i < length; i++) this.#period[i] = samples[start + i]!;
    // The end of the period leads into its beginning: it becomes what stood before the beginning.
    for (let i = 0; i < blend; i++) {
      const part = (i + 1) / (blend + 1);
      const at = length - blend + i;
      this.#period[at] = this.#period[at]! * (1 - part) + samples[start - blend + i]! * part;
    }
    this.#length = length;
    // samples[start - 1] is what would come before the period's first sample.
    this.#step = last - samples[start - 1]!;
  }

  /** The next sample. */
  next(): number {
    const made = this.#made++;
    if (made >= FULL_SAMPLES + FADE_SAMPLES || this.#length === 0) return 0;
    let sample = this.#period[made % this.#length]!;
    if (made < BEND_SAMPLES) sample += this.#step * (1 - (made + 1) / (BEND_SAMPLES + 1));
    const gain = made < FULL_SAMPLES ? 1 : 1 - (made - FULL_SAMPLES) / FADE_SAMPLES;
    return sample * gain;
  }
}
