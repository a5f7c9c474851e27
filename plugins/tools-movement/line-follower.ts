import type { LineReading } from "myna";
import type { Decision, Way } from "./stream.ts";

/** Steering for a line at the outer sensor, degrees of the servo. */
const GAIN_DEG = 28;
const LOCK_DEG = 30;
/** Off the line it looks for it slowly, to the side where it was last. */
const SEARCH_SHARE = 0.7;
/** The line is lost when it has not been seen for this long a way. */
const LOST_M = 0.12;

/** Keeps the middle sensor over the line. */
export class LineFollower {
  readonly #speedMps: number;
  readonly #distanceM: number;
  #offset = 0;
  #seenAtM = 0;

  constructor(options: { speedMps: number; distanceM: number }) {
    this.#speedMps = options.speedMps;
    this.#distanceM = options.distanceM;
  }

  decide(reading: LineReading, { movedM }: Way): Decision<"completed" | "line_lost"> {
    if (movedM >= this.#distanceM) return { ended: "completed" };
    if (reading.offset !== undefined) {
      this.#offset = reading.offset;
      this.#seenAtM = movedM;
      return { speedMps: this.#speedMps, steerDeg: GAIN_DEG * reading.offset };
    }
    if (movedM - this.#seenAtM > LOST_M) return { ended: "line_lost" };
    return { speedMps: this.#speedMps * SEARCH_SHARE, steerDeg: LOCK_DEG * Math.sign(this.#offset) };
  }
}
