import { FRAME_MS } from "myna";
import { Leak } from "./leak.ts";

/** The room's echo loses 60 dB in 400 ms: 3 dB in a frame. */
const ROOM_DECAY = 0.5;
/** What passed once goes on passing: words have quiet sounds. */
const HOLD_MS = 200;
/** So long after the filter was wrong nothing passes: it needs about as long to find the echo again. */
const DISTRUST_MS = 300;
/** A frame that is hardly louder than the noise of the room says nothing of the filter. */
const ABOVE_NOISE = 4;

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
  /** What the canceller left says nothing. */
  wrong: boolean;
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
  #distrustMs = 0;
  /** Frames that were silenced. */
  closedFrames = 0;

  /** `gateDb`: the canceller takes so much of a frame that is nothing but echo; 0 for no gate. */
  constructor(gateDb: number) {
    this.#ratio = gateDb === 0 ? Number.POSITIVE_INFINITY : 10 ** (gateDb / 10);
  }

  /** Answers whether a frame passes. */
  passes(frame: Residual): boolean {
    const { before, after, sounding, noise, wrong } = frame;
    this.#before = Math.max(before, this.#before * ROOM_DECAY);
    const open = this.#ratio === Number.POSITIVE_INFINITY;
    const exceeds = this.#leak.exceeds(frame.left, frame.reference);
    if (!sounding) {
      this.#holdMs = 0;
      return true;
    }
    this.#distrustMs =
      wrong && Math.max(before, after) > ABOVE_NOISE * noise
        ? DISTRUST_MS
        : Math.max(0, this.#distrustMs - FRAME_MS);
    const trusted = open || this.#distrustMs === 0;
    const speech = trusted && after > noise && after * this.#ratio > this.#before && (open || exceeds);
    this.#holdMs = speech ? HOLD_MS : trusted ? Math.max(0, this.#holdMs - FRAME_MS) : 0;
    this.#leak.learn(this.#holdMs === 0);
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
