import { FRAME_MS, FRAME_SAMPLES, RATE_HZ } from "myna";
import { DelayEstimator, MOST_AHEAD_MS, MOST_BEHIND_MS } from "./delay-estimator.ts";
import { DelayLine } from "./delay-line.ts";
import { EchoFilter } from "./echo-filter.ts";
import type { EchoFilterOptions } from "./echo-filter.ts";
import { EchoProof } from "./echo-proof.ts";
import { energy } from "./energy.ts";
import { JumpSearch } from "./jump-search.ts";
import { ResidualGate } from "./residual-gate.ts";
import type { Residual } from "./residual-gate.ts";
import { Trust } from "./trust.ts";
import type { Behind } from "./trust.ts";

const PER_MS = RATE_HZ / 1000;
/** The filter is given the reference so much before its echo; it cannot cancel what comes before the reference. */
const LEAD_MS = 5;
const LEAST_LEAD_MS = 2;
/** What is assumed until it is measured: a microphone that is ahead would be heard before it can be muted. */
const ASSUMED_DELAY_MS = -50;
/** The first part of the tail may pass unused; the rest is for the room. */
const UNUSED_TAIL = 0.25;
/** The slow measurement may differ by so much without the echo having moved. */
const LEAST_JUMP_MS = 1.5;
/** So many frames in a row are searched for where the echo went. */
const SEARCHED_FRAMES = 25;
/**
 * A frame that ends later than this after the one before it follows a device that began anew. Less is a busy machine's lateness, or
 * lost samples, which are a jump as any other.
 */
const GAP_MS = 400;

/** What a canceller is made of; `delayMs` is what an earlier one measured. */
export interface CancellerOptions extends EchoFilterOptions {
  delayMs?: number | undefined;
  /** A frame of which so much is taken away was nothing but echo, and becomes silence; 0 never. */
  gateDb: number;
  /** The microphone is silenced while the loudspeaker sounds, until the echo is seen to go away. */
  muteUntilProven: boolean;
}

/** Takes the robot's own voice out of what its microphone hears. Allocates nothing per frame. */
export class Canceller {
  readonly proof = new EchoProof();
  readonly gate: ResidualGate;
  readonly #options: CancellerOptions;
  readonly #filter: EchoFilter;
  readonly #estimator = new DelayEstimator();
  readonly #microphone = new DelayLine((MOST_AHEAD_MS + LEAD_MS) * PER_MS, FRAME_SAMPLES);
  readonly #loudspeaker = new DelayLine(MOST_BEHIND_MS * PER_MS, FRAME_SAMPLES);
  readonly #heard = new Int16Array(FRAME_SAMPLES);
  readonly #reference = new Int16Array(FRAME_SAMPLES);
  readonly #trust = new Trust();
  readonly #search = new JumpSearch();
  /** Filled anew for each frame. */
  readonly #residual: Residual & Behind;
  #lastAtMs = Number.NaN;
  /** Echo behind the reference, as measured; undefined while unknown. */
  delayMs: number | undefined;
  /** How often the canceller began anew: another delay, or samples that were lost. */
  resets = 0;
  mutedFrames = 0;
  /** How often the echo was found elsewhere, and the reference moved there. */
  moves = 0;

  constructor(options: CancellerOptions) {
    this.#options = options;
    this.gate = new ResidualGate(options.gateDb);
    this.#filter = new EchoFilter(options);
    const { left, taken } = this.#filter;
    const reference = this.#reference;
    const heard = this.#heard;
    const trust = this.#trust;
    this.#residual = { before: 0, after: 0, noise: 0, sounding: false, heard, left, taken, reference, trust };
    this.#align(options.delayMs);
  }

  /** As a stage of the listening chain: 20 ms of both at 24 kHz, `frame` in place. */
  process(frame: Int16Array, reference: Int16Array, atMs: number): void {
    if (atMs - this.#lastAtMs > GAP_MS) this.#begin();
    this.#lastAtMs = atMs;
    if (this.#estimator.push(frame, reference)) this.#follow(this.#estimator.delayMs!);
    this.#loudspeaker.process(reference, this.#reference);
    this.#microphone.process(frame, frame);
    const before = energy(frame);
    this.#heard.set(frame);
    this.#filter.process(frame, this.#reference);
    const after = energy(frame);
    this.#search.push(this.#heard, this.#filter.taken);
    // The one before it is delayed as well: where the delay was measured wrongly, the echo is there already.
    this.proof.push(before, after, Math.max(energy(reference), energy(this.#reference)));
    const { sounding, proven, noise } = this.proof;
    const residual = this.#residual;
    residual.before = before;
    residual.after = after;
    residual.sounding = sounding;
    residual.noise = noise;
    this.#trust.push(residual);
    const passes = this.gate.passes(residual);
    if (sounding && this.#trust.knowing) this.#chase();
    if (sounding && !proven && this.#options.muteUntilProven) this.mutedFrames++;
    else if (passes) return;
    frame.fill(0);
  }

  /** By how much the microphone's frames come later, because it was ahead of the reference. */
  get addedMs(): number {
    return this.#microphone.delay / PER_MS;
  }

  get mutedMs(): number {
    return this.mutedFrames * FRAME_MS;
  }

  close(): void {
    this.#filter.close();
  }

  /** Moves the reference to where the echo went all at once; what is known of the room stays true. */
  #chase(): void {
    const { misplaced, misplacedFrames } = this.#trust;
    if (!misplaced || misplacedFrames < 2 || misplacedFrames > SEARCHED_FRAMES) return;
    const jump = this.#search.find(misplacedFrames);
    if (jump !== 0 && this.#move(jump)) this.#trust.found();
  }

  /** The echo comes so much later than before; false where the lines are too short. */
  #move(samples: number): boolean {
    const wanted = this.#loudspeaker.delay - this.#microphone.delay + samples;
    if (wanted > MOST_BEHIND_MS * PER_MS || -wanted > (MOST_AHEAD_MS + LEAD_MS) * PER_MS) return false;
    this.#loudspeaker.delay = Math.max(0, wanted);
    this.#microphone.delay = Math.max(0, -wanted);
    if (this.delayMs !== undefined) this.delayMs += samples / PER_MS;
    this.#estimator.forget();
    this.moves++;
    return true;
  }

  #follow(delayMs: number): void {
    const movedMs = delayMs - (this.delayMs ?? delayMs);
    if (this.#trust.knowing && Math.abs(movedMs) > LEAST_JUMP_MS) {
      if (this.#trust.lost) this.#move(Math.round(movedMs * PER_MS));
      return;
    }
    this.delayMs = delayMs;
    const lead = delayMs + (this.#microphone.delay - this.#loudspeaker.delay) / PER_MS;
    const late = this.#microphone.delay > 0 && lead > 2 * LEAD_MS;
    if (lead >= LEAST_LEAD_MS && lead <= this.#options.tailMs * UNUSED_TAIL && !late) return;
    this.#align(delayMs);
    this.#filter.reset();
    this.#trust.reset();
    this.#begin();
  }

  #align(delayMs: number | undefined): void {
    this.delayMs = delayMs;
    const wanted = Math.round(((delayMs ?? ASSUMED_DELAY_MS) - LEAD_MS) * PER_MS);
    this.#loudspeaker.delay = Math.max(0, wanted);
    this.#microphone.delay = Math.max(0, -wanted);
  }

  #begin(): void {
    this.resets++;
    this.#estimator.reset();
    this.proof.reset();
    this.gate.reset();
  }
}
