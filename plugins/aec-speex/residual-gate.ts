import { FRAME_MS } from "myna";

/** The room's echo loses 60 dB in 400 ms: 3 dB in a frame. */
const ROOM_DECAY = 0.5;
/** What passed once goes on passing: words have quiet sounds. */
const HOLD_MS = 200;
/** So long after the filter was wrong nothing passes: it needs about as long to find the echo again. */
const DISTRUST_MS = 300;

/**
 * Silences what the canceller left of the echo. Where it took away nearly all of a frame, the frame was echo; where it left a good
 * part, somebody speaks. Allocates nothing per frame.
 */
export class ResidualGate {
  readonly #ratio: number;
  #before = 0;
  #holdMs = 0;
  #distrustMs = 0;
  /** Frames that were silenced. */
  closedFrames = 0;

  /** `gateDb`: the canceller takes so much of a frame that is nothing but echo; 0 for no gate. */
  constructor(gateDb: number) {
    this.#ratio = gateDb === 0 ? Number.POSITIVE_INFINITY : 10 ** (gateDb / 10);
  }

  /**
   * Takes the energy of a frame before and after the canceller; answers whether it passes. Below `noise` nobody speaks; what a
   * canceller left that is `wrong` says nothing.
   */
  passes(before: number, after: number, sounding: boolean, noise: number, wrong: boolean): boolean {
    this.#before = Math.max(before, this.#before * ROOM_DECAY);
    if (!sounding) {
      this.#holdMs = 0;
      return true;
    }
    this.#distrustMs = wrong ? DISTRUST_MS : Math.max(0, this.#distrustMs - FRAME_MS);
    if (this.#distrustMs > 0 && this.#ratio !== Number.POSITIVE_INFINITY) {
      this.#holdMs = 0;
      this.closedFrames++;
      return false;
    }
    const speech = after > noise && after * this.#ratio > this.#before;
    this.#holdMs = speech ? HOLD_MS : Math.max(0, this.#holdMs - FRAME_MS);
    if (this.#holdMs > 0) return true;
    this.closedFrames++;
    return false;
  }
}
