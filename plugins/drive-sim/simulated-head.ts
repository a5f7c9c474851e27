import { MynaError } from "myna";
import type { Head } from "myna";
import { SERVO_SLEW_DEG_PER_S } from "./car.ts";

/** Where the camera points: degrees; pan counter-clockwise, tilt upward. */
export interface HeadAngles {
  panDeg: number;
  tiltDeg: number;
}

/** Limits of the PiCar-X's camera servos, degrees. */
export const PAN_LIMIT_DEG = { min: -90, max: 90 };
export const TILT_LIMIT_DEG = { min: -35, max: 65 };

/** The camera's two servos: they take their time, and a new target takes over at once. */
export class SimulatedHead implements Head {
  readonly #nowMs: () => number;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #onTarget: (target: HeadAngles) => void;
  #from: HeadAngles;
  #target: HeadAngles;
  #leftMs = 0;

  constructor(parts: {
    start: HeadAngles;
    nowMs: () => number;
    wait: (ms: number) => Promise<void>;
    onTarget: (target: HeadAngles) => void;
  }) {
    this.#nowMs = parts.nowMs;
    this.#wait = parts.wait;
    this.#onTarget = parts.onTarget;
    this.#from = parts.start;
    this.#target = parts.start;
  }

  async look(target: { panDeg?: number; tiltDeg?: number }): Promise<HeadAngles> {
    const from = this.angles();
    const wanted = {
      panDeg: clamp(target.panDeg ?? this.#target.panDeg, PAN_LIMIT_DEG, "panDeg"),
      tiltDeg: clamp(target.tiltDeg ?? this.#target.tiltDeg, TILT_LIMIT_DEG, "tiltDeg"),
    };
    this.#from = from;
    this.#target = wanted;
    this.#leftMs = this.#nowMs();
    this.#onTarget(wanted);
    const wayDeg = Math.max(Math.abs(wanted.panDeg - from.panDeg), Math.abs(wanted.tiltDeg - from.tiltDeg));
    if (wayDeg > 0) await this.#wait(Math.ceil((wayDeg / SERVO_SLEW_DEG_PER_S) * 1000));
    return this.angles();
  }

  angles(): HeadAngles {
    const turnedDeg = ((this.#nowMs() - this.#leftMs) / 1000) * SERVO_SLEW_DEG_PER_S;
    return {
      panDeg: toward(this.#from.panDeg, this.#target.panDeg, turnedDeg),
      tiltDeg: toward(this.#from.tiltDeg, this.#target.tiltDeg, turnedDeg),
    };
  }
}

function toward(from: number, target: number, byDeg: number): number {
  return from + Math.min(byDeg, Math.max(-byDeg, target - from));
}

function clamp(deg: number, limit: { min: number; max: number }, name: string): number {
  if (!Number.isFinite(deg)) throw new MynaError("MOTION_REFUSED", `${name} must be a number, not ${deg}`);
  return Math.min(limit.max, Math.max(limit.min, deg));
}
