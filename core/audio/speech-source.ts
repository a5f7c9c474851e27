import { CONCEALMENT_HISTORY, Concealment } from "./concealment.ts";
import { JitterControl } from "./jitter-control.ts";
import { MAX_LAG, MIN_LAG, OVERLAP, PitchSearch } from "./pitch.ts";
import { FRAME_SAMPLES, RATE_HZ } from "./port.ts";
import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";

const SAMPLES_PER_MS = RATE_HZ / 1000;
/** A rest of speech too short to start with, and not marked as the end, plays after so many periods all the same. */
const REST_PERIODS = 10;
const HISTORY = CONCEALMENT_HISTORY + MAX_LAG;
const AHEAD = FRAME_SAMPLES + MAX_LAG;
/** By so much a period is spun out at most: something of it is always new. */
const MOST_SPUN = FRAME_SAMPLES - MIN_LAG;
/** Speech that comes back after a gap is faded in over 5 ms. */
const MERGE_SAMPLES = FRAME_SAMPLES / 4;
/** How alike two pieces must be to be spliced, and how alike where the delay is far off. */
const ALIKE = 0.85;

/**
 * Takes speech out of its ring, a period at a time: waits for the start of an answer, keeps the delay of a live one near its
 * target by leaving out or repeating pitch periods, and bridges what is missing. Allocates nothing per period.
 */
export class SpeechSource {
  /** Ring position of the next sample. */
  at: number;
  /** Of the last period: ring samples taken, and over how many of its samples they are spread, from its start. */
  count = 0;
  span = 0;
  /** Whether the last period holds a sound, or speech that is silent. */
  audible = false;
  readonly control: JitterControl;
  readonly #ring: Ring;
  readonly #shared: SharedState;
  readonly #pitch = new PitchSearch();
  readonly #concealment = new Concealment();
  /** The last samples taken, then the next. */
  readonly #window = new Int16Array(HISTORY + AHEAD);
  readonly #ahead = this.#window.subarray(HISTORY);
  readonly #next = this.#ahead.subarray(0, FRAME_SAMPLES);
  #known = 0;
  #running = false;
  /** Speech ran dry within an answer; samples since then. */
  #gap = false;
  #gapSamples = 0;
  #waited = 0;
  /** Where the current answer began in the ring. */
  #answerAt: number;
  #inAnswer = false;

  constructor(ring: Ring, shared: SharedState) {
    this.#ring = ring;
    this.#shared = shared;
    this.at = this.#answerAt = ring.tail;
    this.control = new JitterControl(shared.jitterLimits);
  }

  /** Goes on at `position`; what was played before has nothing to do with it. */
  jump(position: number): void {
    this.at = position;
    this.#stop();
    this.#known = 0;
    this.#concealment.reset();
  }

  /** Fills `period` with speech and silence. Speech before the ring position `completeTo` belongs to answers that have ended. */
  take(period: Int16Array, completeTo: number): void {
    const available = Math.max(0, distance(this.at, this.#ring.head));
    const whole = distance(this.at, completeTo);
    if (this.#inAnswer && whole === 0 && this.at !== this.#answerAt) this.#stop();
    if (!this.#inAnswer && available > 0) {
      this.#inAnswer = true;
      this.#answerAt = this.at;
      this.control.begin();
    }
    const last = whole > 0;
    if (this.#inAnswer) this.#observe(available, last);
    this.count = this.span = 0;
    if (!this.#running) {
      const rest = available > 0 && ++this.#waited > REST_PERIODS;
      if (available === 0 || !(last || rest || this.control.starts(available, this.#gap))) {
        this.#fillGap(period, 0);
        return;
      }
      this.#running = true;
    }
    this.#load(available);
    if (available >= FRAME_SAMPLES) this.#takePeriod(period, available, last);
    else if (last && whole <= available) this.#takeRest(period, whole);
    else if (!this.#stretchOver(period, available)) this.#runDry(period, available);
    if (whole > 0 && whole <= this.count) {
      // What follows belongs to another answer, which waits for its own start unless a part of it was taken.
      this.#inAnswer = false;
      if (whole === this.count) this.#running = false;
    }
  }

  #observe(available: number, last: boolean): void {
    const { control } = this;
    const { counters } = this.#shared;
    control.tick(distance(this.#answerAt, this.#ring.head), last);
    this.#shared.publishJitter(control.target, control.live);
    if (last) return;
    counters.observe("speech_late_ms", control.late / SAMPLES_PER_MS);
    counters.observe("speech_queued_ms", available / SAMPLES_PER_MS);
  }

  #takePeriod(period: Int16Array, available: number, last: boolean): void {
    const correction = last ? "none" : this.control.correction(available);
    if (correction === "shorten" && !this.#gap && this.#shorten(period, available)) return;
    const urgent = correction === "spin_out";
    if ((urgent || correction === "lengthen") && !this.#gap && this.#lengthen(period, available, urgent))
      return;
    this.#play(period, FRAME_SAMPLES);
  }

  /** The end of an answer: what is left, then silence. */
  #takeRest(period: Int16Array, count: number): void {
    this.#play(period, count);
    period.fill(0, count);
    this.#stop();
  }

  #stretchOver(period: Int16Array, available: number): boolean {
    return available >= OVERLAP && !this.#gap && this.#lengthen(period, available, true);
  }

  /** Speech is missing: what is there, then what could have followed. */
  #runDry(period: Int16Array, available: number): void {
    this.#play(period, available);
    this.#shared.counters.add("playback_underruns");
    this.#running = false;
    this.#waited = 0;
    this.#concealment.begin(this.#window, HISTORY, this.#known);
    this.#gap = true;
    this.#gapSamples = 0;
    this.#fillGap(period, available);
  }

  /** The first `count` samples as they are; after a gap they are faded into what bridged it. */
  #play(period: Int16Array, count: number): void {
    if (count === FRAME_SAMPLES) period.set(this.#next);
    else for (let i = 0; i < count; i++) period[i] = this.#ahead[i]!;
    if (this.#gap) {
      const ahead = this.#ahead;
      const merged = Math.min(count, MERGE_SAMPLES);
      for (let i = 0; i < merged; i++) {
        const part = (i + 1) / (merged + 1);
        period[i] = ahead[i]! * part + this.#concealment.next() * (1 - part);
      }
      this.#gap = false;
      this.#shared.counters.add("playback_concealed_samples", this.#gapSamples);
      this.#concealment.reset();
    }
    this.#consume(count, count);
  }

  #shorten(period: Int16Array, available: number): boolean {
    if (available < FRAME_SAMPLES + MAX_LAG) return false;
    this.#pitch.after(this.#window, HISTORY);
    if (this.#pitch.likeness < ALIKE) return false;
    this.#pitch.extend(this.#window, HISTORY, this.control.excess(available), ALIKE);
    const { lag } = this.#pitch;
    this.#splice(period, lag);
    this.#shared.counters.add("playback_shortened_samples", lag);
    this.control.corrected(available);
    return true;
  }

  /** `urgent` where speech would soon be missing: then as much as possible, and whatever it is. */
  #lengthen(period: Int16Array, available: number, urgent: boolean): boolean {
    if (this.#known < MOST_SPUN || available < OVERLAP) return false;
    this.#pitch.before(this.#window, HISTORY);
    if (this.#pitch.likeness < (urgent ? 0 : ALIKE)) return false;
    let { lag } = this.#pitch;
    if (urgent) lag *= Math.floor(MOST_SPUN / lag);
    if (available < FRAME_SAMPLES - lag) return false;
    this.#splice(period, -lag);
    this.#shared.counters.add("playback_lengthened_samples", lag);
    this.control.corrected(available);
    return true;
  }

  /** Goes over from the next samples to those `shift` further on, within {@link OVERLAP}. */
  #splice(period: Int16Array, shift: number): void {
    const window = this.#window;
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      const to = window[HISTORY + i + shift]!;
      if (i >= OVERLAP) period[i] = to;
      else {
        const part = (i + 1) / (OVERLAP + 1);
        period[i] = Math.round(window[HISTORY + i]! * (1 - part) + to * part);
      }
    }
    this.#consume(FRAME_SAMPLES + shift, FRAME_SAMPLES);
  }

  #fillGap(period: Int16Array, from: number): void {
    if (!this.#concealment.audible) {
      period.fill(0, from);
      this.audible = from > 0;
    } else {
      for (let i = from; i < FRAME_SAMPLES; i++) period[i] = this.#concealment.next();
      this.audible = true;
    }
    if (this.#gap) this.#gapSamples += FRAME_SAMPLES - from;
  }

  #consume(count: number, span: number): void {
    this.count = count;
    this.span = span;
    this.audible = count > 0;
    this.at = (this.at + count) >>> 0;
    this.#window.copyWithin(0, count, count + HISTORY);
    this.#known = Math.min(HISTORY, this.#known + count);
  }

  #load(available: number): void {
    this.#ring.copy(this.at, this.#ahead, Math.min(available, AHEAD));
  }

  #stop(): void {
    this.#running = false;
    this.#gap = false;
    this.#waited = 0;
    this.#inAnswer = false;
  }
}
