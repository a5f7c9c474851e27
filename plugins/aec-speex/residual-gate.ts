import { FRAME_MS } from "myna";
import { Leak } from "./leak.ts";
import type { Trust } from "./trust.ts";

/** The room's echo loses 60 dB in 400 ms: 3 dB in a frame. */
const ROOM_DECAY = 0.5;
/** What passed once goes on passing: words have quiet sounds. */
const HOLD_MS = 200;
/** While the canceller is distrusted, a frame of which so much was taken away was echo. */
const TAKEN_RATIO = 4;

/** What the gate is told of a frame. Energies are mean squares. */
export interface Residual {
  /** Of the frame before and after the canceller. */
  before: number;
  after: number;
  /** The frame after the canceller, and its reference; borrowed. */
  left: Int16Array;
  reference: Int16Array;
  /** The loudspeaker sounds, or did a moment ago. */
  sounding: boolean;
  /** Below this nobody speaks. */
  noise: number;
  /** Whether what is left may be a person. */
  trust: Trust;
}

/**
 * Silences what the canceller left of the echo. Somebody speaks where it left a good part of a frame, and more than it is known
 * to leave of what is played. Allocates nothing per frame.
 */
export class ResidualGate {
  readonly #ratio: number;
  readonly #leak = new Leak();
  #before = 0;
  #holdMs = 0;
  /** Frames that were silenced. */
  closedFrames = 0;

  /** `gateDb`: the canceller takes so much of a frame that is nothing but echo; 0 for no gate. */
  constructor(gateDb: number) {
    this.#ratio = gateDb === 0 ? Number.POSITIVE_INFINITY : 10 ** (gateDb / 10);
  }

  /** Answers whether a frame passes. */
  passes({ before, after, left, reference, sounding, noise, trust }: Residual): boolean {
    this.#before = Math.max(before, this.#before * ROOM_DECAY);
    const open = this.#ratio === Number.POSITIVE_INFINITY;
    const exceeds = this.#leak.exceeds(left, reference);
    if (!sounding) {
      this.#holdMs = 0;
      return true;
    }
    const candidate = after > noise && after * this.#ratio > this.#before && (open || exceeds);
    trust.weigh(candidate);
    const trusted = open || trust.trusted;
    const speech = trusted && candidate && (open || this.#holdMs > 0 || trust.convinced);
    this.#holdMs = speech ? HOLD_MS : trusted ? Math.max(0, this.#holdMs - FRAME_MS) : 0;
    // Of a person nothing is learnt.
    if (
      trust.louder ||
      (trusted ? this.#holdMs === 0 && !candidate : !trust.misplaced && after * TAKEN_RATIO < before)
    )
      this.#leak.learn(true);
    else if (trusted) this.#leak.learn(false);
    if (this.#holdMs > 0) return true;
    this.closedFrames++;
    return false;
  }

  /** The canceller begins anew: what it leaves is not known. */
  reset(): void {
    this.#leak.reset();
    this.#holdMs = 0;
  }
}
