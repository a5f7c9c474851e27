import { Car, SERVO_SLEW_DEG_PER_S, STEP_S } from "./car.ts";
import type { FloorPlan } from "./floor-plan.ts";
import { toDeg, toRad, wrapDeg } from "./geometry.ts";
import type { HatMemory } from "./hat-memory.ts";
import { Noise } from "./noise.ts";

/** Registers of pulse widths. */
const PAN = 0x20;
const TILT = 0x21;
const STEERING = 0x22;
const RIGHT_MOTOR = 0x2c;
const LEFT_MOTOR = 0x2d;
const PERIOD_TICKS = 4095;

/** Speed for a duty, from the only measured point, 0.525 m/s at 0.9, and the others of the same line (see docs/simulator.md). */
const MPS_PER_DUTY = 0.75;
const DEAD_DUTY = 0.2;
/** Both cells at 3.7 V: the voltage that the speeds are for. */
const NOMINAL_V = 7.4;
/** What the motors' load takes off the pack at full duty, volts. */
const SAG_V = 0.35;
/** Counts of the battery's input for a volt: 4,095 for 3.3 V behind a divider by 3. */
const COUNTS_PER_V = 4095 / 9.9;
const CURVE_PING_RAYS = 9;

/** Raw grayscale values of what lies under a sensor. */
const WHITE_FLOOR = 1400;
const LINE = 300;
const VOID = 80;
const GRAYSCALE_NOISE = 25;
/** Sideways between the three sensors, metres. */
const GRAYSCALE_GAP_M = 0.015;

/** What the simulated car is like. Metres, degrees, volts. */
export interface PhysicsOptions {
  start: { x_m: number; y_m: number; heading_deg: number };
  /** From the body's centre to the ultrasonic and the grayscale sensors. */
  frontM: number;
  coneDeg: number;
  rangeSigmaM: number;
  rangeMaxM: number;
  /** Share of pings without an echo although something is there. */
  lossRate: number;
  batteryV: number;
  /** Right and left motor differ by this much, as share: a car that does not drive quite straight. */
  motorBias: number;
  seed: number;
  lines: { leftDirection: number; rightDirection: number };
}

/**
 * The car as its HAT drives it: what the registers say becomes motion, and where it is becomes what the sensors would give.
 * It knows nothing of intents; a register that nobody clears drives on.
 */
export class Physics {
  readonly #hat: HatMemory;
  readonly #floor: FloorPlan;
  readonly #options: PhysicsOptions;
  readonly #car: Car;
  readonly #noise: Noise;
  #leftoverS = 0;
  #panDeg = 0;
  #tiltDeg = 0;
  #batteryV: number;

  constructor(hat: HatMemory, floor: FloorPlan, options: PhysicsOptions) {
    this.#hat = hat;
    this.#floor = floor;
    this.#options = options;
    this.#car = new Car(options.start);
    this.#noise = new Noise(options.seed);
    this.#batteryV = options.batteryV;
    this.#sense();
  }

  /** Goes on by `dtS` seconds. */
  step(dtS: number): void {
    this.#leftoverS += dtS;
    while (this.#leftoverS >= STEP_S) {
      this.#leftoverS -= STEP_S;
      this.#stepOnce();
    }
    this.#sense();
  }

  pose(): { x_m: number; y_m: number; heading_deg: number; moving: boolean } {
    return {
      x_m: round(this.#car.x, 4),
      y_m: round(this.#car.y, 4),
      heading_deg: round(wrapDeg(toDeg(this.#car.headingRad)), 2),
      moving: !this.#car.atRest,
    };
  }

  head(): { panDeg: number; tiltDeg: number } {
    return { panDeg: round(this.#panDeg, 2), tiltDeg: round(this.#tiltDeg, 2) };
  }

  /** Metres from the body's centre to the first wall or obstacle on a ray `bearingDeg` from the heading. */
  rangeM(bearingDeg: number, limitM: number): { rangeM: number; hit: string } | null {
    return this.#floor.ray(this.#car.x, this.#car.y, toDeg(this.#car.headingRad) + bearingDeg, limitM);
  }

  get batteryV(): number {
    return this.#batteryV;
  }
  set batteryV(volts: number) {
    this.#batteryV = volts;
  }

  #stepOnce(): void {
    const { registers } = this.#hat;
    const left = this.#duty(LEFT_MOTOR, this.#options.lines.leftDirection, 0);
    const right = this.#duty(RIGHT_MOTOR, this.#options.lines.rightDirection, 1);
    const speedMps = (this.#speedMps(left) + this.#speedMps(right)) / 2;
    const steerDeg = registers[STEERING] === 0 ? this.#car.steerDeg : -angleDeg(registers[STEERING]!);
    this.#car.step({ speedMps, steerDeg }, (x, y) => this.#floor.obstacleDistanceM(x, y) > BODY_CLEARANCE_M);
    this.#panDeg = slewed(this.#panDeg, registers[PAN]!, 1);
    this.#tiltDeg = slewed(this.#tiltDeg, registers[TILT]!, -1);
  }

  /** Forward positive. The direction line is low for forward at the left motor, high at the right one. */
  #duty(register: number, line: number, forwardLevel: 0 | 1): number {
    const duty = this.#hat.registers[register]! / PERIOD_TICKS;
    return this.#hat.levels[line] === forwardLevel ? duty : -duty;
  }

  #speedMps(duty: number): number {
    const pushed = Math.abs(duty) - DEAD_DUTY;
    if (pushed <= 0) return 0;
    return Math.sign(duty) * pushed * MPS_PER_DUTY * (this.#volts() / NOMINAL_V);
  }

  #volts(): number {
    const duty = this.#hat.registers[LEFT_MOTOR]! / PERIOD_TICKS;
    return this.#batteryV - SAG_V * duty;
  }

  #sense(): void {
    const { analog } = this.#hat;
    analog[4] = Math.round(this.#volts() * COUNTS_PER_V);
    for (let sensor = 0; sensor < 3; sensor++) {
      const value = this.#brightness((1 - sensor) * GRAYSCALE_GAP_M);
      analog[sensor] = Math.max(0, Math.round(value + GRAYSCALE_NOISE * this.#noise.gaussian()));
    }
    this.#hat.echoUs = this.#echoUs();
  }

  #brightness(asideM: number): number {
    const { x, y, headingRad } = this.#car;
    const { frontM } = this.#options;
    const sensorX = x + frontM * Math.cos(headingRad) - asideM * Math.sin(headingRad);
    const sensorY = y + frontM * Math.sin(headingRad) + asideM * Math.cos(headingRad);
    if (this.#floor.cliffDistanceM(sensorX, sensorY) === 0) return VOID;
    return this.#floor.isOnLine(sensorX, sensorY) ? LINE : WHITE_FLOOR;
  }

  #echoUs(): number {
    const { frontM, coneDeg, rangeMaxM, rangeSigmaM, lossRate } = this.#options;
    let nearestM = Infinity;
    for (let ray = 0; ray < CURVE_PING_RAYS; ray++) {
      const bearingDeg = coneDeg * ((2 * ray) / (CURVE_PING_RAYS - 1) - 1);
      const found = this.rangeM(bearingDeg, rangeMaxM + frontM);
      if (!found) continue;
      const aheadM = found.rangeM * Math.cos(toRad(bearingDeg)) - frontM;
      nearestM = Math.min(nearestM, Math.hypot(aheadM, found.rangeM * Math.sin(toRad(bearingDeg))));
    }
    const lost = this.#noise.uniform() < lossRate;
    if (lost || nearestM > rangeMaxM) return -1;
    const measuredM = Math.max(0.02, nearestM + rangeSigmaM * this.#noise.gaussian());
    return (measuredM / 343.3) * 2e6;
  }
}

/** Half of the car's width and some: what touches a wall, metres. */
const BODY_CLEARANCE_M = 0.11;

function angleDeg(ticks: number): number {
  return (((ticks / PERIOD_TICKS) * 20_000 - 500) * 180) / 2000 - 90;
}

/** A servo without pulses stays where it is. */
function slewed(nowDeg: number, ticks: number, sign: 1 | -1): number {
  if (ticks === 0) return nowDeg;
  const most = SERVO_SLEW_DEG_PER_S * STEP_S;
  return nowDeg + Math.min(most, Math.max(-most, sign * angleDeg(ticks) - nowDeg));
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) || 0;
}
