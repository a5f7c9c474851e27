import { MAX_CURVATURE_PER_M, MAX_STEER_DEG } from "./car.ts";
import type { Car, WheelOrder } from "./car.ts";
import type { FloorPlan, Limit, Margins } from "./floor-plan.ts";
import { toDeg, toRad } from "./geometry.ts";

/** The end of a maneuver, or what the wheels do until the next step. */
export type Decision =
  | { kind: "order"; order: WheelOrder }
  | { kind: "done"; ended: "completed" | "obstacle" | "cliff"; obstacleM?: number };

/** Closed loop on the simulated odometry, asked once per step of the simulation. */
export interface Maneuver {
  decide(car: Car, floor: FloorPlan): Decision;
}

/** Approach: speed falls in proportion to what is left, 1/s; with the motors' lag this does not overshoot. */
const APPROACH_PER_S = 4;
const CREEP_MPS = 0.05;
const LOOK_AHEAD_M = 0.4;
const MOVE_TOLERANCE_M = 0.005;
const TURN_TOLERANCE_DEG = 0.5;
/** A turn beside a wall may come nearer to it than a drive: each leg is short and slow. */
const TURN_MARGIN_M = 0.03;
/** A leg of a turn that gains less than this is in vain. */
const USEFUL_LEG_DEG = 1;
const MAX_LEGS = 60;

const MOTORS_OFF = 0;
const STEERING_PLAY_DEG = 1e-6;

/** A straight drive along the present heading. */
export class StraightDrive implements Maneuver {
  readonly #distanceM: number;
  readonly #speedMps: number;
  readonly #margins: Margins;
  #startM: number | undefined;

  constructor(distanceM: number, speedMps: number, margins: Margins) {
    this.#distanceM = distanceM;
    this.#speedMps = speedMps;
    this.#margins = margins;
  }

  decide(car: Car, floor: FloorPlan): Decision {
    this.#startM ??= car.odometerM;
    if (Math.abs(car.steerDeg) > STEERING_PLAY_DEG) return order(MOTORS_OFF, 0);
    const direction = this.#distanceM < 0 ? -1 : 1;
    const leftM = (this.#distanceM - (car.odometerM - this.#startM)) * direction;
    const way = floor.wayAhead(car, 0, direction, LOOK_AHEAD_M, this.#margins);
    const speedMps = approach(car, Math.min(leftM, way.freeM), this.#speedMps);
    if (speedMps === MOTORS_OFF && car.atRest) {
      if (leftM <= MOVE_TOLERANCE_M) return { kind: "done", ended: "completed" };
      if (way.kind !== "none") return blocked(way);
    }
    return order(speedMps * direction, 0);
  }
}

/**
 * A turn on arcs at full lock, as a car must: forward while there is room, then backward with the steering reversed, and
 * so on, until the heading is reached or two legs in a row gained nothing.
 */
export class ArcTurn implements Maneuver {
  readonly #angleRad: number;
  readonly #speedMps: number;
  readonly #margins: Margins;
  #startRad: number | undefined;
  #direction: 1 | -1 = 1;
  #legStartLeftDeg = 0;
  #legs = 0;
  #vainLegs = 0;

  constructor(angleDeg: number, speedMps: number, margins: Margins) {
    this.#angleRad = toRad(angleDeg);
    this.#speedMps = speedMps;
    this.#margins = {
      obstacleM: Math.min(TURN_MARGIN_M, margins.obstacleM),
      cliffM: Math.min(TURN_MARGIN_M, margins.cliffM),
    };
  }

  decide(car: Car, floor: FloorPlan): Decision {
    this.#startRad ??= car.headingRad;
    const side = this.#angleRad < 0 ? -1 : 1;
    const leftRad = (this.#angleRad - (car.headingRad - this.#startRad)) * side;
    const arcM = Math.max(0, leftRad) / MAX_CURVATURE_PER_M;
    if (this.#legs === 0) {
      this.#direction = this.#betterDirection(car, floor, side, arcM);
      this.#beginLeg(leftRad);
    }
    const curvature = side * this.#direction * MAX_CURVATURE_PER_M;
    const steerDeg = side * this.#direction * MAX_STEER_DEG;
    if (Math.abs(car.steerDeg - steerDeg) > STEERING_PLAY_DEG) return order(MOTORS_OFF, steerDeg);
    const way = floor.wayAhead(car, curvature, this.#direction, LOOK_AHEAD_M, this.#margins);
    const speedMps = approach(car, Math.min(arcM, way.freeM), this.#speedMps);
    if (speedMps === MOTORS_OFF && car.atRest) {
      if (toDeg(leftRad) <= TURN_TOLERANCE_DEG) return { kind: "done", ended: "completed" };
      if (way.kind !== "none") {
        const gainedDeg = this.#legStartLeftDeg - toDeg(leftRad);
        this.#vainLegs = gainedDeg < USEFUL_LEG_DEG ? this.#vainLegs + 1 : 0;
        if (this.#vainLegs >= 2 || this.#legs >= MAX_LEGS) return blocked(way);
        this.#direction = this.#direction === 1 ? -1 : 1;
        this.#beginLeg(leftRad);
      }
    }
    return order(speedMps * this.#direction, steerDeg);
  }

  #beginLeg(leftRad: number): void {
    this.#legs++;
    this.#legStartLeftDeg = toDeg(leftRad);
  }

  /** Forward where that is enough, else backward where that is, else where there is more room. */
  #betterDirection(car: Car, floor: FloorPlan, side: 1 | -1, arcM: number): 1 | -1 {
    const ahead = floor.wayAhead(car, side * MAX_CURVATURE_PER_M, 1, arcM, this.#margins).freeM;
    const behind = floor.wayAhead(car, -side * MAX_CURVATURE_PER_M, -1, arcM, this.#margins).freeM;
    return ahead >= arcM || ahead >= behind ? 1 : -1;
  }
}

/** Speed for what is left of a way; 0 when rolling on with the motors off covers it. */
function approach(car: Car, leftM: number, cruiseMps: number): number {
  if (leftM <= car.stoppingM + 0.0005) return MOTORS_OFF;
  return Math.min(cruiseMps, Math.max(CREEP_MPS, leftM * APPROACH_PER_S));
}

function blocked(way: Limit): Decision {
  return way.kind === "cliff"
    ? { kind: "done", ended: "cliff" }
    : { kind: "done", ended: "obstacle", obstacleM: way.contactM };
}

function order(speedMps: number, steerDeg: number): Decision {
  return { kind: "order", order: { speedMps, steerDeg } };
}
