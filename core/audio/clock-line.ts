import { RATE_HZ } from "./port.ts";
import { distance } from "./ring.ts";

const SAMPLES_PER_MS = RATE_HZ / 1000;
/** The most punctual observation of each window counts: a thread is late by milliseconds, never early. */
const WINDOW_MS = 1000;
/** Windows kept for the slope: a minute. */
const WINDOWS = 64;
/** Below so many windows nothing is said of the slope. */
const TRUSTED_WINDOWS = 8;
/** Crystals are off by less than this, mostly. */
const USUAL_DRIFT = 1e-4;
/** Windows that are off the line are so in a row, since a sound server changes its mind slowly: so much less does each say. */
const CORRELATED_WINDOWS = 16;
/** An observation that is so much before the line is proof that the line lies too late. */
const EARLY_MS = 2;
/** Further behind than this is no drift: the device lost samples or began anew, */
const JUMP_MS = 5;
/** which is certain when so many observations in a row say so, for so long: a thread on a busy machine is late now and then. */
const JUMP_OBSERVATIONS = 10;
const JUMP_AFTER_MS = 300;
/**
 * A loudspeaker falls behind by running dry. pipewire-pulse 0.3.65 plays a quantum of silence, 10.7 ms mostly, each time that
 * less than one waits, and libasound does not hear of it. What was written less than this before all else had been let out may
 * have been too late: of 4,591 writes at a load of 4 to 11 it was so of eleven of the thirteen that followed a silence (the other two
 * followed those), and of nine others.
 */
const NEAR_DRY_MS = 3;
/** Then fewer observations will do, */
const DRY_OBSERVATIONS = 3;
const DRY_AFTER_MS = 40;
/** and a smaller distance: the smallest quantum that pipewire-pulse asks for, if nobody tells it to, is 5.3 ms. */
const DRY_JUMP_MS = 2;

/**
 * The clock of a sound card beside the main thread's: from observations "this position was reached at that time", which may
 * come late but not early, the straight line through the most punctual ones. Its slope is the card's drift. Allocates nothing.
 */
export class ClockLine {
  readonly #atMs = new Float64Array(WINDOWS);
  readonly #lateMs = new Float64Array(WINDOWS);
  #windows = 0;
  /** The ring position of the last observation, and how many samples lie between the first one and it. */
  #last = 0;
  #total = 0;
  #originMs = 0;
  #known = false;
  #windowFromMs = 0;
  #windowAtMs = 0;
  #windowLateMs = Infinity;
  /** Since the last observation on the line the loudspeaker may have run dry. */
  #mayBeDry = false;
  /** Since then, or since it may have been dry last: how many there were, from when on, and the most punctual of them. */
  #offCount = 0;
  #offFromMs = 0;
  #offLateMs = Infinity;
  /** lateness(t) = #offsetMs + #slope · (t - #pivotMs), lateness being time less position at the nominal rate. */
  #offsetMs = 0;
  #slope = 0;
  /** The slope before the line began anew; what the windows do not say for sure stays near it. */
  #priorSlope = 0;
  #pivotMs = 0;
  #jumps = 0;

  /** Whether anything was observed since the last `reset`. */
  get known(): boolean {
    return this.#known;
  }

  /** How often the line broke: samples lost, or a clock begun anew. */
  get jumps(): number {
    return this.#jumps;
  }

  /** How much faster than nominal the card's clock runs, in millionths; 0 until it has been observed for 8 s. */
  get driftPpm(): number {
    return 0 - this.#slope * 1e6;
  }

  /** Forgets where the line lies; the slope, which belongs to the card, stays until it is measured again. */
  reset(): void {
    this.#known = false;
    this.#windows = 0;
    this.#windowLateMs = Infinity;
    this.#priorSlope = this.#slope;
  }

  /** A new card: nothing is known of its slope. */
  replace(): void {
    this.#slope = 0;
    this.reset();
  }

  /**
   * `position` of the card's ring was reached at `atMs` or a little before. A loudspeaker had not been given more than `given`
   * until then.
   */
  observe(position: number, atMs: number, given?: number): void {
    if (!this.#known) {
      this.#begin(position, atMs);
      return;
    }
    if (position === this.#last) return;
    this.#total += distance(this.#last, position);
    this.#last = position;
    const lateMs = atMs - this.#originMs - this.#total / SAMPLES_PER_MS;
    const expectedMs = this.#lateAt(atMs);
    if (given !== undefined)
      this.#lookForDry(lateMs - distance(position, given) / SAMPLES_PER_MS, expectedMs);
    if (lateMs < expectedMs - EARLY_MS || this.#leftLine(lateMs, expectedMs, atMs)) {
      this.#jumps++;
      this.#begin(position, atMs, Math.min(lateMs, this.#offLateMs) - lateMs);
      return;
    }
    if (lateMs < this.#windowLateMs) {
      this.#windowLateMs = lateMs;
      this.#windowAtMs = atMs;
    }
    // Until the first windows are through, the most punctual observation so far is the line.
    if (this.#windows < 2 && lateMs < expectedMs) {
      this.#offsetMs = lateMs;
      this.#pivotMs = atMs;
    }
    if (atMs - this.#windowFromMs >= WINDOW_MS) this.#closeWindow(atMs);
  }

  /** With `dryMs` of lateness all that the loudspeaker was given would have been let out. */
  #lookForDry(dryMs: number, expectedMs: number): void {
    if (dryMs < (this.#mayBeDry ? this.#offLateMs : expectedMs) - NEAR_DRY_MS) return;
    this.#mayBeDry = true;
    // What was observed before says nothing of how far it is behind now.
    this.#offCount = 0;
    this.#offLateMs = Infinity;
  }

  /** Whether the observations of the last moments all lie so far behind the line that it must have moved. */
  #leftLine(lateMs: number, expectedMs: number, atMs: number): boolean {
    const dry = this.#mayBeDry;
    if (lateMs <= expectedMs + (dry ? DRY_JUMP_MS : JUMP_MS)) {
      this.#onLine();
      return false;
    }
    if (this.#offCount++ === 0) this.#offFromMs = atMs;
    this.#offLateMs = Math.min(this.#offLateMs, lateMs);
    return (
      this.#offCount >= (dry ? DRY_OBSERVATIONS : JUMP_OBSERVATIONS) &&
      atMs - this.#offFromMs >= (dry ? DRY_AFTER_MS : JUMP_AFTER_MS)
    );
  }

  #onLine(): void {
    this.#mayBeDry = false;
    this.#offCount = 0;
    this.#offLateMs = Infinity;
  }

  /** When the sample before `position` was or will be at the card, main thread's clock. */
  timeOf(position: number): number {
    const total = this.#total + distance(this.#last, position);
    const nominalMs = this.#originMs + total / SAMPLES_PER_MS;
    return nominalMs + this.#lateAt(nominalMs);
  }

  /** Samples, with their fraction, from `position` to where the card stands at `atMs`; negative before it. */
  samplesSince(position: number, atMs: number): number {
    const total = (atMs - this.#lateAt(atMs) - this.#originMs) * SAMPLES_PER_MS;
    return total - this.#total - distance(this.#last, position);
  }

  /** `aheadMs`, not positive: the line lies so much before this observation. */
  #begin(position: number, atMs: number, aheadMs = 0): void {
    this.#known = true;
    this.#last = position;
    this.#total = 0;
    this.#originMs = atMs;
    this.#offsetMs = aheadMs;
    this.#pivotMs = atMs;
    this.#windows = 0;
    this.#onLine();
    this.#priorSlope = this.#slope;
    this.#windowFromMs = atMs;
    this.#windowAtMs = atMs;
    this.#windowLateMs = aheadMs;
  }

  #lateAt(atMs: number): number {
    return this.#offsetMs + this.#slope * (atMs - this.#pivotMs);
  }

  #closeWindow(atMs: number): void {
    const slot = this.#windows++ % WINDOWS;
    this.#atMs[slot] = this.#windowAtMs;
    this.#lateMs[slot] = this.#windowLateMs;
    this.#windowFromMs = atMs;
    this.#windowLateMs = Infinity;
    this.#fit();
  }

  /**
   * Least squares through the windows' most punctual observations. The slope is drawn to the one that was known as far as the
   * windows lie off the line: a delay that wanders by 5 ms within ten seconds would be 500 millionths else.
   */
  #fit(): void {
    const count = Math.min(this.#windows, WINDOWS);
    let sumAt = 0;
    let sumLate = 0;
    for (let i = 0; i < count; i++) {
      sumAt += this.#atMs[i]!;
      sumLate += this.#lateMs[i]!;
    }
    const meanAt = sumAt / count;
    const meanLate = sumLate / count;
    if (count >= TRUSTED_WINDOWS) {
      let covariance = 0;
      let variance = 0;
      let square = 0;
      for (let i = 0; i < count; i++) {
        const dAt = this.#atMs[i]! - meanAt;
        const dLate = this.#lateMs[i]! - meanLate;
        covariance += dAt * dLate;
        variance += dAt * dAt;
        square += dLate * dLate;
      }
      const noise = Math.max(0, square - covariance ** 2 / variance) / (count - 2);
      const doubt = (CORRELATED_WINDOWS * noise) / USUAL_DRIFT ** 2;
      this.#slope = (covariance + this.#priorSlope * doubt) / (variance + doubt);
    }
    this.#pivotMs = meanAt;
    this.#offsetMs = meanLate;
  }
}
