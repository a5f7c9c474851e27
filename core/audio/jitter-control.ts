import { FRAME_SAMPLES, RATE_HZ } from "./port.ts";

const SAMPLES_PER_MS = RATE_HZ / 1000;
/** Lateness is looked at in intervals of 500 ms: */
const INTERVAL_TICKS = 25;
/** the fastest arrival of the last four is the measure, */
const BASE_INTERVALS = 4;
/** and the latest arrivals of the last twenty make the target. */
const PEAK_INTERVALS = 20;
/** Before so many are known, the delay stays at what is aimed at in the beginning. */
const FIRST_INTERVALS = 6;
/** With so many known, the latest of all is taken for an accident. */
const SETTLED_INTERVALS = 10;
/** The part of that lateness which is waited for; the rest is spun out when it comes. */
const PEAK_PART = 0.75;
/** The same for a network that is late to the same length again and again: it is known for how long speech has to be spun out. */
const STEADY_PEAK_PART = 0.5;
/** Such a network has this share of its intervals within this part of the latest. */
const STEADY_SHARE = 0.35;
const STEADY_PART = 0.75;
/** What is late now is late for so many periods more, unless it has been less than half as late since. */
const BURST_TICKS = 4;
/** Spare time beside it. */
const SAFETY_SAMPLES = 5 * SAMPLES_PER_MS;
/** A sender that gets this far ahead of real time is not live: what it has said waits with us and is not late. */
const LEAD_SAMPLES = 150 * SAMPLES_PER_MS;
/** A live sender may speak in pieces of up to this length: with the first one it is ahead by as much. */
const PIECE_SAMPLES = 250 * SAMPLES_PER_MS;
/** A sender that has not got ahead after a second is live. */
const LIVE_TICKS = 50;
/** Ticks of a new sender before its delay is corrected: one that is faster than real time has got ahead by then. */
const WAIT_TICKS = 10;
/** An answer of a live sender starts with this part of its target, and is lengthened to it. */
const START_PART = 0.6;
/** How far from the target the delay may be before it is corrected. */
const ABOVE_SAMPLES = 12 * SAMPLES_PER_MS;
const BELOW_SAMPLES = 8 * SAMPLES_PER_MS;
/** Periods between two corrections: repeated oftener, they can be heard. */
const REST_TICKS = 2;
/** So far above its target the delay is brought down faster. */
const FAR_SAMPLES = 80 * SAMPLES_PER_MS;
/** Later than usual by so much, and with no more than that left, speech is spun out: the next period of it may be missing. */
const OVERDUE_SAMPLES = 18 * SAMPLES_PER_MS;
const SCARCE_SAMPLES = 60 * SAMPLES_PER_MS;
/** The same where a steady network is no later than it uses to be, and what is held beyond that lateness, both at least. */
const DUE_SCARCE_SAMPLES = 30 * SAMPLES_PER_MS;
const DUE_SAMPLES = 10 * SAMPLES_PER_MS;
/** A steady network that is so late is holding speech back, whatever is usual. */
const HELD_SAMPLES = 38 * SAMPLES_PER_MS;
/** What is little for a sender of whom nothing is known yet. */
const LAST_SAMPLES = 30 * SAMPLES_PER_MS;
/** Weight of one period in what is usual, which follows within half a second. */
const USUAL_WEIGHT = 0.04;

/** Limits of the delay that speech waits in the buffer, samples; each counts the 20 ms that are being taken. */
export interface JitterLimits {
  /** The delay before anything is known of a live sender. */
  target: number;
  least: number;
  most: number;
  /** How much must be there before an answer starts that comes faster than it is spoken. */
  start: number;
}

/** What is to be done about the delay in this period; `spin_out` is to lengthen as far as possible, whatever is being said. */
export type Correction = "none" | "shorten" | "lengthen" | "spin_out";

/**
 * Decides when an answer starts and how long its speech waits, from what has arrived at each period of the sound card. A sender
 * that is live (WebRTC, a server that speaks at the speed of speech) has a delay to keep small: as small as the latest of its
 * recent arrivals allow. One that is faster than real time has none: it starts at once and is never hurried.
 * The scale is WebRTC's NetEq (intervals, relative lateness); the rules are ours, see docs/adr/0019. All lengths in samples.
 * Allocates nothing per period.
 */
export class JitterControl {
  /** The delay aimed at for a live sender. */
  target: number;
  readonly #limits: JitterLimits;
  /** Of the current answer: periods since its first sample arrived, and how far ahead its sender may be and still be live. */
  #ticks = -1;
  #leadLimit = 0;
  #ahead = false;
  #inflow = true;
  /** The sender of the answers before was live. */
  #wasLive = false;
  /** By interval; the slot of the next one is their number modulo the length. */
  readonly #lows = new Float64Array(BASE_INTERVALS).fill(Infinity);
  readonly #peaks = new Float64Array(PEAK_INTERVALS);
  #intervals = 0;
  #intervalTicks = 0;
  #low = Infinity;
  #peak = 0;
  #late = 0;
  #usual = 0;
  #resting = 0;
  /** The target while nothing is late, the lateness it is made for, and whether that comes again and again. */
  #calmTarget: number;
  #expected = 0;
  #steady = false;
  /** How late the network is at present, and periods until that is over. */
  #burst = 0;
  #burstTicks = 0;

  constructor(limits: JitterLimits) {
    this.#limits = limits;
    this.target = this.#calmTarget = limits.target;
  }

  /** How late the newest sample is, compared with the fastest of the last two seconds. */
  get late(): number {
    return this.#late;
  }

  /** Whether the sender speaks at the speed of speech, as far as is known. */
  get live(): boolean {
    return !this.#ahead && (this.#wasLive || this.#ticks >= LIVE_TICKS);
  }

  /** A new answer; what was learnt of the sender stays. */
  begin(): void {
    if (this.#ticks >= LIVE_TICKS || this.#ahead) this.#wasLive = !this.#ahead;
    this.#ticks = -1;
    this.#ahead = false;
    this.#inflow = true;
    this.#late = 0;
    this.#usual = 0;
    this.#low = Infinity;
    this.#lows.fill(Infinity);
    this.#resting = 0;
  }

  /** A period passes; `arrived` samples of the answer have come so far, `whole` when no more will. */
  tick(arrived: number, whole: boolean): void {
    if (this.#ticks < 0 && arrived <= 0) return;
    this.#ticks++;
    this.#resting--;
    const elapsed = this.#ticks * FRAME_SAMPLES;
    if (this.#ticks === 0) this.#leadLimit = LEAD_SAMPLES + Math.min(arrived, PIECE_SAMPLES);
    if (arrived - elapsed > this.#leadLimit) this.#ahead = true;
    if (whole) this.#inflow = false;
    if (this.#inflow) this.#observe(elapsed - arrived);
  }

  /** Whether an answer, or the rest of one after a gap, of which `available` samples are there may start. */
  starts(available: number, afterGap: boolean): boolean {
    if (!this.#inflow) return available > 0;
    if (afterGap) return available >= (this.#ahead ? this.#limits.target : FRAME_SAMPLES);
    return available >= (this.live ? this.target * START_PART : this.#limits.start);
  }

  /** What to do about a delay of which `available` samples are there, before the period is taken. */
  correction(available: number): Correction {
    if (!this.#inflow || this.#ahead) return "none";
    const known = this.#wasLive || this.#ticks >= WAIT_TICKS;
    const due = this.#isDue(available);
    const overdue =
      this.#late > this.#usual + OVERDUE_SAMPLES || (this.#steady && !due && this.#late > HELD_SAMPLES);
    const scarce = due ? DUE_SCARCE_SAMPLES : known ? SCARCE_SAMPLES : LAST_SAMPLES;
    if (overdue && available < scarce) return "spin_out";
    if (this.#resting > 0) return "none";
    const excess = this.excess(available);
    if (this.live && !overdue && excess > ABOVE_SAMPLES) return "shorten";
    return known && excess < -BELOW_SAMPLES ? "lengthen" : "none";
  }

  /** How far the delay is above its target. */
  excess(available: number): number {
    return available + this.#late - this.target;
  }

  /** A correction was made; the next one rests. */
  corrected(available: number): void {
    this.#resting = this.excess(available) > FAR_SAMPLES ? 1 : REST_TICKS;
  }

  /** What is late was to be expected, and the delay is enough for it. */
  #isDue(available: number): boolean {
    const most = this.#expected + DUE_SAMPLES;
    return this.#steady && this.#late <= most && available + this.#late >= most;
  }

  #observe(lateness: number): void {
    this.#low = Math.min(this.#low, lateness);
    let base = this.#low;
    for (let i = 0; i < BASE_INTERVALS; i++) base = Math.min(base, this.#lows[i]!);
    this.#late = lateness - base;
    this.#usual += (this.#late - this.#usual) * USUAL_WEIGHT;
    // What the longest delay allowed could not have bridged says nothing about the next interval.
    if (this.#late <= this.#limits.most) {
      if (this.#late >= this.#burst / 2) this.#burstTicks = BURST_TICKS;
      this.#burst = Math.max(this.#burst, this.#late);
      if (this.#late > this.#peak) {
        this.#peak = this.#late;
        this.#expect();
      }
    }
    if (--this.#burstTicks <= 0) this.#burst = 0;
    this.#aim();
    if (++this.#intervalTicks < INTERVAL_TICKS) return;
    this.#lows[this.#intervals % BASE_INTERVALS] = this.#low;
    this.#peaks[this.#intervals % PEAK_INTERVALS] = this.#peak;
    this.#intervals++;
    this.#intervalTicks = 0;
    this.#low = Infinity;
    this.#peak = 0;
    this.#expect();
    this.#aim();
  }

  #aim(): void {
    const burst = this.#burst + FRAME_SAMPLES + SAFETY_SAMPLES;
    this.target = Math.max(this.#calmTarget, Math.min(this.#limits.most, burst));
  }

  #expect(): void {
    const known = Math.min(this.#intervals, PEAK_INTERVALS);
    let first = this.#peak;
    let second = 0;
    for (let i = 0; i < known; i++) {
      const peak = this.#peaks[i]!;
      second = Math.max(second, Math.min(first, peak));
      first = Math.max(first, peak);
    }
    const settled = known >= SETTLED_INTERVALS;
    this.#expected = settled ? second : first;
    let alike = 0;
    for (let i = 0; i < known; i++) if (this.#peaks[i]! >= this.#expected * STEADY_PART) alike++;
    this.#steady = settled && alike >= known * STEADY_SHARE;
    const { least, most, target } = this.#limits;
    const part = this.#steady ? STEADY_PEAK_PART : PEAK_PART;
    const wanted = this.#expected * part + FRAME_SAMPLES + SAFETY_SAMPLES;
    this.#calmTarget = Math.max(known < FIRST_INTERVALS ? target : least, Math.min(most, wanted));
  }
}
