import type { Intent } from "./messages.ts";
import type { Odometry } from "./odometry.ts";

/** What the wheels do until the next tick; steering in degrees of the servo, left positive. */
export interface WheelOrder {
  speedMps: number;
  steerDeg: number;
}

/** A motion in steps of the control loop. */
export interface Maneuver {
  readonly kind: "move" | "turn" | "drive";
  /** "done" once the wheels need nothing more. `steerDeg` is where the steering servo is by now. */
  decide(car: Odometry, steerDeg: number): WheelOrder | "done";
  /** The way of the last order is barred: another way round, or false where there is none. */
  detour(car: Odometry): boolean;
}

const APPROACH_PER_S = 4;
const MOVE_TOLERANCE_M = 0.005;
const TURN_TOLERANCE_RAD = 0.5 * (Math.PI / 180);
/** The servo is where it was told to be. */
const STEERING_PLAY_DEG = 1;
const MOST_LEGS = 12;
/** A leg of a turn that gains less is in vain. */
const USEFUL_LEG_RAD = 1 * (Math.PI / 180);

/** Straight along the present heading. */
export class Straight implements Maneuver {
  readonly kind = "move";
  readonly #distanceM: number;
  readonly #speedMps: number;
  #startM: number | undefined;

  constructor(distanceM: number, speedMps: number) {
    this.#distanceM = distanceM;
    this.#speedMps = speedMps;
  }

  decide(car: Odometry, steerDeg: number): WheelOrder | "done" {
    this.#startM ??= car.pathM;
    const direction = this.#distanceM < 0 ? -1 : 1;
    const leftM = (this.#distanceM - (car.pathM - this.#startM)) * direction;
    if (leftM <= MOVE_TOLERANCE_M && car.atRest) return "done";
    if (Math.abs(steerDeg) > STEERING_PLAY_DEG) return { speedMps: 0, steerDeg: 0 };
    return { speedMps: direction * approach(car, leftM, this.#speedMps), steerDeg: 0 };
  }

  detour(): boolean {
    return false;
  }
}

/** On arcs at full lock, as a car must: forward, and backward with the steering reversed where forward is barred. */
export class ArcTurn implements Maneuver {
  readonly kind = "turn";
  readonly #angleRad: number;
  readonly #speedMps: number;
  readonly #lockDeg: number;
  #startRad: number | undefined;
  #direction: 1 | -1 = 1;
  #legs = 1;
  #legStartRad = 0;
  #vain = 0;

  constructor(angleDeg: number, speedMps: number, lockDeg: number) {
    this.#angleRad = angleDeg * (Math.PI / 180);
    this.#speedMps = speedMps;
    this.#lockDeg = lockDeg;
  }

  decide(car: Odometry, steerDeg: number): WheelOrder | "done" {
    this.#startRad ??= this.#legStartRad = car.headingRad;
    const leftRad = this.#leftRad(car);
    if (leftRad <= TURN_TOLERANCE_RAD && car.atRest) return "done";
    const lockDeg = Math.sign(this.#angleRad) * this.#direction * this.#lockDeg;
    if (Math.abs(steerDeg - lockDeg) > STEERING_PLAY_DEG) return { speedMps: 0, steerDeg: lockDeg };
    const leftM = Math.max(0, leftRad) / Math.abs(car.curvaturePerM(this.#lockDeg));
    return { speedMps: this.#direction * approach(car, leftM, this.#speedMps), steerDeg: lockDeg };
  }

  detour(car: Odometry): boolean {
    this.#vain = Math.abs(car.headingRad - this.#legStartRad) < USEFUL_LEG_RAD ? this.#vain + 1 : 0;
    this.#legStartRad = car.headingRad;
    if (this.#vain >= 2 || ++this.#legs > MOST_LEGS) return false;
    this.#direction = this.#direction === 1 ? -1 : 1;
    return true;
  }

  #leftRad(car: Odometry): number {
    return (this.#angleRad - (car.headingRad - this.#startRad!)) * Math.sign(this.#angleRad);
  }
}

/** What a gamepad or a line follower says many times a second; each intent replaces the one before. */
export class Steered implements Maneuver {
  readonly kind = "drive";
  readonly #order: WheelOrder;

  constructor(order: WheelOrder) {
    this.#order = order;
  }

  decide(): WheelOrder {
    return this.#order;
  }

  detour(): boolean {
    return false;
  }
}

/** Speed for what is left of a way; 0 once rolling on with the motors off covers it. */
function approach(car: Odometry, leftM: number, cruiseMps: number): number {
  if (leftM <= car.stoppingM + 0.0005) return 0;
  return Math.min(cruiseMps, leftM * APPROACH_PER_S);
}

/** What an intent asks for; steering is kept within `lockDeg`. */
export function maneuverOf(intent: Intent, lockDeg: number): Maneuver {
  if (intent.type === "move") return new Straight(intent.distance_m, intent.speed_mps);
  if (intent.type === "turn") return new ArcTurn(intent.angle_deg, intent.speed_mps, lockDeg);
  const steerDeg = Math.min(lockDeg, Math.max(-lockDeg, intent.steer_deg));
  return new Steered({ speedMps: intent.speed_mps, steerDeg });
}
