import type { DistanceReading } from "myna";

/** How many of the last samples must say "no floor" for a cliff. */
const CLIFF_VOTES = 2;
const CLIFF_SAMPLES = 3;
/** Speed falls in proportion to the way that is left, 1/s: with the motors' lag it does not overshoot. */
const APPROACH_PER_S = 4;

/** What {@link Guard} is set to. */
export interface GuardOptions {
  /** A reading older than this guards nothing. */
  freshMs: number;
  obstacleMarginM: number;
  noEchoMps: number;
  /** Null where the robot has no such sensor: then it does not guard. */
  cliffBelow: readonly [number, number, number] | null;
  ultrasonic: boolean;
}

/** What a guard says of driving forward. */
export type Way =
  | { kind: "free"; mps: number }
  | { kind: "obstacle"; distanceM: number }
  | { kind: "cliff" }
  /** A sensor that should guard has said nothing lately. */
  | { kind: "blind"; sensor: string };

/**
 * Says how fast the robot may go forward by what its sensors saw last. "No echo" is neither near nor free: it is slow. It
 * says nothing of driving backward: nothing looks there, and a veto would trap the robot before a wall.
 */
export class Guard {
  readonly #options: GuardOptions;
  /** The last two readings that were one: single echoes go astray, so the nearer counts. */
  #last: DistanceReading | undefined;
  #before: DistanceReading | undefined;
  #distanceAtMs = -Infinity;
  #beforeAtMs = -Infinity;
  #grayscaleAtMs = -Infinity;
  readonly #votes: boolean[] = [];

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  sawDistance(reading: DistanceReading, nowMs: number): void {
    // A reading that failed is no sign of life of what it measures.
    if (reading.kind === "failed") return;
    this.#before = this.#last;
    this.#beforeAtMs = this.#distanceAtMs;
    this.#last = reading;
    this.#distanceAtMs = nowMs;
  }

  sawGrayscale(values: readonly [number, number, number], nowMs: number): void {
    const { cliffBelow } = this.#options;
    if (!cliffBelow) return;
    this.#grayscaleAtMs = nowMs;
    this.#votes.push(values.some((value, at) => value <= cliffBelow[at]!));
    if (this.#votes.length > CLIFF_SAMPLES) this.#votes.shift();
  }

  /** `stoppingM` is how far the car rolls on once its motors are off. */
  ahead(nowMs: number, stoppingM: number): Way {
    const { freshMs, obstacleMarginM, noEchoMps, cliffBelow, ultrasonic } = this.#options;
    if (cliffBelow) {
      if (nowMs - this.#grayscaleAtMs > freshMs) return { kind: "blind", sensor: "grayscale" };
      if (this.#votes.filter(Boolean).length >= CLIFF_VOTES) return { kind: "cliff" };
    }
    if (!ultrasonic) return { kind: "free", mps: Infinity };
    if (nowMs - this.#distanceAtMs > freshMs) return { kind: "blind", sensor: "distance" };
    const distanceM = this.#nearestM(nowMs);
    const slowMps = this.#last?.kind === "no_echo" ? noEchoMps : Infinity;
    if (distanceM === undefined) return { kind: "free", mps: slowMps };
    const leftM = distanceM - obstacleMarginM - stoppingM;
    if (leftM <= 0) return { kind: "obstacle", distanceM };
    return { kind: "free", mps: Math.min(slowMps, leftM * APPROACH_PER_S) };
  }

  /** Of the last two readings; undefined where neither had an echo. */
  #nearestM(nowMs: number): number | undefined {
    const before = nowMs - this.#beforeAtMs <= this.#options.freshMs ? this.#before : undefined;
    let nearestM: number | undefined;
    for (const reading of [this.#last, before]) {
      if (reading?.kind === "distance") nearestM = Math.min(nearestM ?? Infinity, reading.distanceM);
    }
    return nearestM;
  }
}
