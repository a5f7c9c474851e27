import { Car, STEP_S, slewed } from "./car.ts";
import type { FloorPlan } from "./floor-plan.ts";
import { toDeg, toRad, wrapDeg } from "./geometry.ts";
import type { HatMemory } from "./hat-memory.ts";
import { Noise } from "./noise.ts";
import { servoAngleDeg } from "./pwm.ts";
import { motorDuties } from "./wiring.ts";
import type { SimulatedRevision } from "./wiring.ts";

/** Servo channels of the PiCar-X (picarx.py). */
const PAN = 0;
const TILT = 1;
const STEERING = 2;

/** Registers of servos, motors and their timers. */
const OUTPUTS = [0x20, 0x21, 0x22, 0x2c, 0x2d, 0x2e, 0x2f, 0x44, 0x47] as const;

/** Speed for a duty: 0.525 m/s at 0.9 is measured, the rest of the line an estimate (docs/simulator.md). */
const MPS_PER_DUTY = 0.75;
const DEAD_DUTY = 0.2;
/** Both cells at 3.7 V: the voltage that the speeds are for. */
const NOMINAL_V = 7.4;
/** What both motors' load takes off the pack at full duty, volts. */
const SAG_V = 0.35;
const BATTERY_INPUT = 4;
/** Counts of the battery's input for a volt: 4,095 for 3.3 V behind a divider by 3. */
const COUNTS_PER_V = 4095 / 9.9;
/** Odd, so that one ray runs straight ahead. */
const PING_RAYS = 9;
const ECHO_LEAST_M = 0.02;
/** Metres of an echo for its length in microseconds: 343.3 m/s, there and back. */
const ECHO_US_PER_M = 2e6 / 343.3;

/** Raw grayscale values of what lies under a sensor, in full light. */
const WHITE_FLOOR = 1400;
const LINE = 300;
const VOID = 80;
/** The sensors have lamps of their own: a dark room takes only this share off what they see. */
const SHARE_OF_DAYLIGHT = 0.2;
const GRAYSCALE_NOISE = 25;
/** Sideways between the three sensors, metres. */
const GRAYSCALE_GAP_M = 0.015;

/** What the simulated car is like. Metres, degrees, volts. */
export interface PhysicsOptions {
  revision: SimulatedRevision;
  start: { x_m: number; y_m: number; heading_deg: number };
  /** From the body's centre to the ultrasonic and the grayscale sensors. */
  frontM: number;
  /** Half angle of the ultrasonic cone. */
  coneDeg: number;
  rangeSigmaM: number;
  rangeMaxM: number;
  /** Share of pings without an echo although something is there. */
  lossRate: number;
  batteryV: number;
  seed: number;
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
  /** What the outputs were at the last step; nothing moves while they stay at rest. */
  readonly #outputs: Uint16Array = new Uint16Array(OUTPUTS.length);
  #settled = false;
  #panDeg = 0;
  #tiltDeg = 0;
  /** Both motors' mean duty, 0 to 1, of the last step. */
  #load = 0;

  constructor(hat: HatMemory, floor: FloorPlan, options: PhysicsOptions) {
    this.#hat = hat;
    this.#floor = floor;
    this.#options = options;
    this.#car = new Car(options.start);
    this.#noise = new Noise(options.seed);
    this.sense();
  }

  /** Goes on by `dtS` seconds. */
  step(dtS: number): void {
    if (this.#isQuiet()) {
      this.#leftoverS = 0;
      return;
    }
    this.#leftoverS += dtS;
    for (; this.#leftoverS >= STEP_S; this.#leftoverS -= STEP_S) this.#stepOnce();
  }

  pose(): { x_m: number; y_m: number; heading_deg: number; moving: boolean } {
    return {
      x_m: round(this.#car.x, 4),
      y_m: round(this.#car.y, 4),
      heading_deg: round(wrapDeg(toDeg(this.#car.headingRad)), 2),
      moving: !this.#car.atRest,
    };
  }

  /** Where the camera points: degrees, pan left and tilt up positive. */
  head(): { panDeg: number; tiltDeg: number } {
    return { panDeg: round(this.#panDeg, 2), tiltDeg: round(this.#tiltDeg, 2) };
  }

  /** Metres from the body's centre to the first wall or obstacle on a ray `bearingDeg` from the heading. */
  rangeM(bearingDeg: number, limitM: number): { rangeM: number; hit: string } | null {
    return this.#floor.ray(this.#car.x, this.#car.y, toDeg(this.#car.headingRad) + bearingDeg, limitM);
  }

  /** True while the car pushes against something or hangs on an edge of the floor. */
  get blocked(): boolean {
    return this.#car.blocked;
  }

  /** True while a motor has current or the car rolls: then its sensors change. */
  get active(): boolean {
    return this.#load > 0 || !this.#car.atRest;
  }

  /** Puts what the sensors would give into the HAT's inputs. */
  sense(): void {
    const { analog } = this.#hat;
    analog[BATTERY_INPUT] = Math.round(this.#volts() * COUNTS_PER_V);
    for (let sensor = 0; sensor < 3; sensor++) {
      const value =
        this.#reflected((1 - sensor) * GRAYSCALE_GAP_M) + GRAYSCALE_NOISE * this.#noise.gaussian();
      analog[sensor] = Math.max(0, Math.round(value));
    }
    this.#hat.echoUs = this.#echoUs();
  }

  /** True while neither wheels nor servos move, and no output was written since. */
  #isQuiet(): boolean {
    const { registers } = this.#hat;
    let same = true;
    for (let i = 0; i < OUTPUTS.length; i++) {
      const value = registers[OUTPUTS[i]!]!;
      if (value !== this.#outputs[i]) same = false;
      this.#outputs[i] = value;
    }
    return same && this.#settled;
  }

  #stepOnce(): void {
    const [panDeg, tiltDeg, steeredDeg] = [this.#panDeg, this.#tiltDeg, this.#car.steerDeg];
    const { left, right } = motorDuties(this.#hat, this.#options.revision);
    this.#load = (Math.abs(left) + Math.abs(right)) / 2;
    const speedMps = (this.#speedMps(left) + this.#speedMps(right)) / 2;
    // picarx.py: steering is positive to the right, tilt is written negated; pan is written as it is here, left positive.
    const steering = servoAngleDeg(this.#hat, STEERING);
    const steerDeg = steering === undefined ? this.#car.steerDeg : -steering;
    this.#car.step({ speedMps, steerDeg }, (x, y) => this.#floor.isPassable(x, y));
    this.#panDeg = slewed(this.#panDeg, servoAngleDeg(this.#hat, PAN) ?? this.#panDeg);
    this.#tiltDeg = slewed(this.#tiltDeg, -(servoAngleDeg(this.#hat, TILT) ?? -this.#tiltDeg));
    const still = panDeg === this.#panDeg && tiltDeg === this.#tiltDeg && steeredDeg === this.#car.steerDeg;
    this.#settled = still && this.#car.atRest && this.#load === 0;
  }

  #speedMps(duty: number): number {
    const pushed = Math.max(0, Math.abs(duty) - DEAD_DUTY);
    return Math.sign(duty) * pushed * MPS_PER_DUTY * (this.#volts() / NOMINAL_V);
  }

  #volts(): number {
    return this.#options.batteryV - SAG_V * this.#load;
  }

  #reflected(asideM: number): number {
    const { x, y, headingRad } = this.#car;
    const { frontM } = this.#options;
    const atX = x + frontM * Math.cos(headingRad) - asideM * Math.sin(headingRad);
    const atY = y + frontM * Math.sin(headingRad) + asideM * Math.cos(headingRad);
    if (this.#floor.isVoid(atX, atY)) return VOID;
    const seen = this.#floor.isLine(atX, atY) ? LINE : WHITE_FLOOR;
    return seen * (1 - SHARE_OF_DAYLIGHT * (1 - this.#floor.light(atX, atY)));
  }

  #echoUs(): number {
    const { frontM, coneDeg, rangeMaxM, rangeSigmaM, lossRate } = this.#options;
    let nearestM = Infinity;
    for (let ray = 0; ray < PING_RAYS; ray++) {
      const bearingDeg = coneDeg * ((2 * ray) / (PING_RAYS - 1) - 1);
      const found = this.rangeM(bearingDeg, rangeMaxM + 2 * frontM);
      if (!found) continue;
      const aheadM = found.rangeM * Math.cos(toRad(bearingDeg)) - frontM;
      nearestM = Math.min(nearestM, Math.hypot(aheadM, found.rangeM * Math.sin(toRad(bearingDeg))));
    }
    const lost = this.#noise.uniform() < lossRate;
    const measuredM = nearestM + rangeSigmaM * this.#noise.gaussian();
    if (lost || nearestM > rangeMaxM) return -1;
    return Math.max(ECHO_LEAST_M, measuredM) * ECHO_US_PER_M;
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) || 0;
}
