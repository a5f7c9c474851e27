import { FRAME_MS, FRAME_SAMPLES, RATE_HZ } from "myna";
import { DelayEstimator, MOST_AHEAD_MS, MOST_BEHIND_MS } from "./delay-estimator.ts";
import { DelayLine } from "./delay-line.ts";
import { EchoFilter } from "./echo-filter.ts";
import type { EchoFilterOptions } from "./echo-filter.ts";
import { EchoProof } from "./echo-proof.ts";
import { ResidualGate } from "./residual-gate.ts";
import type { Residual } from "./residual-gate.ts";

const PER_MS = RATE_HZ / 1000;
/** The filter is given the reference so much before its echo; it cannot cancel what comes before the reference. */
const LEAD_MS = 5;
const LEAST_LEAD_MS = 2;
/** What is assumed until it is measured: a microphone that is ahead would be heard before it can be muted. */
const ASSUMED_DELAY_MS = -50;
/** The first part of the tail may pass unused; the rest is for the room. */
const UNUSED_TAIL = 0.25;
/** A frame that ends later than this after the one before it follows a gap: samples were lost. */
const GAP_MS = 60;

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
  readonly #reference = new Int16Array(FRAME_SAMPLES);
  /** Filled anew for each frame. */
  readonly #residual: Residual;
  #lastAtMs = Number.NaN;
  /** Echo behind the reference, as measured; undefined while unknown. */
  delayMs: number | undefined;
  /** How often the canceller began anew: another delay, or samples that were lost. */
  resets = 0;
  mutedFrames = 0;

  constructor(options: CancellerOptions) {
    this.#options = options;
    this.gate = new ResidualGate(options.gateDb);
    this.#filter = new EchoFilter(options);
    const { left } = this.#filter;
    const reference = this.#reference;
    this.#residual = { before: 0, after: 0, left, reference, sounding: false, noise: 0, wrong: false };
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
    this.#filter.process(frame, this.#reference);
    const after = energy(frame);
    // The one before it is delayed as well: where the delay was measured wrongly, the echo is there already.
    this.proof.push(before, after, Math.max(energy(reference), energy(this.#reference)));
    const { sounding, proven, noise } = this.proof;
    const residual = this.#residual;
    residual.before = before;
    residual.after = after;
    residual.sounding = sounding;
    residual.noise = noise;
    residual.wrong = this.#filter.wrong;
    const passes = this.gate.passes(residual);
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

  #follow(delayMs: number): void {
    this.delayMs = delayMs;
    const lead = delayMs + (this.#microphone.delay - this.#loudspeaker.delay) / PER_MS;
    const late = this.#microphone.delay > 0 && lead > 2 * LEAD_MS;
    if (lead >= LEAST_LEAD_MS && lead <= this.#options.tailMs * UNUSED_TAIL && !late) return;
    this.#align(delayMs);
    this.#filter.reset();
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

/** Mean square of a frame. */
function energy(frame: Int16Array): number {
  let sum = 0;
  for (let i = 0; i < FRAME_SAMPLES; i++) sum += frame[i]! * frame[i]!;
  return sum / FRAME_SAMPLES;
}
