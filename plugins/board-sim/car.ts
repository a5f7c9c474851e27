import { toRad } from "./geometry.ts";

/** The body counts as a circle around its centre: half of the PiCar-X's length of 254 mm, metres. */
export const BODY_RADIUS_M = 0.13;
/** One step of the simulation, seconds. */
export const STEP_S = 0.01;
/** 60 degrees in 0.14 s at 4.8 V: SunFounder's servo. */
export const SERVO_SLEW_DEG_PER_S = 428;

const WHEELBASE_M = 0.095;
/** Front wheels turn about half as far as the steering servo: 0.35 m turning radius at full lock. */
const STEERING_GAIN = 0.5;
const SPEED_LAG_S = 0.06;
const COAST_S = 0.15;
/** Below this speed the gears hold a car whose motors are off, m/s. */
const STICTION_MPS = 0.03;

/** What the motors and the steering servo do. */
export interface WheelOrder {
  /** Signed; 0 is motors off, and the car coasts. */
  speedMps: number;
  /** Steering servo, degrees, positive steers left. */
  steerDeg: number;
}

/**
 * A PiCar-X on a plane: rear wheels push, front wheels steer, first-order lag of the motors, servo of limited speed.
 * The point between the rear wheels and the centre of the body are taken as one.
 */
export class Car {
  x: number;
  y: number;
  /** Not wrapped, counter-clockwise positive. */
  headingRad: number;
  speedMps = 0;
  steerDeg = 0;
  /** It pushes against something, or hangs on an edge of the floor. */
  blocked = false;

  constructor(start: { x_m: number; y_m: number; heading_deg: number }) {
    this.x = start.x_m;
    this.y = start.y_m;
    this.headingRad = toRad(start.heading_deg);
  }

  get atRest(): boolean {
    return this.speedMps === 0;
  }

  /** Goes on by {@link STEP_S}, unless `isFree` refuses the place where that leads: then it stands. */
  step(order: WheelOrder, isFree: (x: number, y: number) => boolean): void {
    this.steerDeg = slewed(this.steerDeg, order.steerDeg);
    const lagS = order.speedMps === 0 ? COAST_S : SPEED_LAG_S;
    const before = this.speedMps;
    this.speedMps += (order.speedMps - before) * (1 - Math.exp(-STEP_S / lagS));
    if (order.speedMps === 0 && Math.abs(this.speedMps) < STICTION_MPS) this.speedMps = 0;
    const pathM = ((before + this.speedMps) / 2) * STEP_S;
    if (pathM === 0) return;
    const turnRad = (pathM * Math.tan(toRad(this.steerDeg * STEERING_GAIN))) / WHEELBASE_M;
    const midRad = this.headingRad + turnRad / 2;
    const x = this.x + pathM * Math.cos(midRad);
    const y = this.y + pathM * Math.sin(midRad);
    this.blocked = !isFree(x, y);
    if (this.blocked) {
      this.speedMps = 0;
      return;
    }
    this.x = x;
    this.y = y;
    this.headingRad += turnRad;
  }
}

/** Where a servo is one {@link STEP_S} later, degrees. */
export function slewed(nowDeg: number, targetDeg: number): number {
  const most = SERVO_SLEW_DEG_PER_S * STEP_S;
  return nowDeg + Math.min(most, Math.max(-most, targetDeg - nowDeg));
}
