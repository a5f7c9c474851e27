const RAD_PER_DEG = Math.PI / 180;

/** How the car answers to its motors and its steering. */
export interface CarModel {
  wheelbaseM: number;
  /** Degrees of the front wheels for a degree of the steering servo. */
  steeringGain: number;
  lagMs: number;
  coastMs: number;
}

/** Below this the gears hold a car whose motors are off, m/s. */
const STICTION_MPS = 0.03;

/** Dead reckoning: the car has no encoders, so where it is follows from what its motors were told and how it lags. */
export class Odometry {
  readonly #model: CarModel;
  xM = 0;
  yM = 0;
  /** Not wrapped, counter-clockwise positive. */
  headingRad = 0;
  speedMps = 0;
  /** Signed path length since the start. */
  pathM = 0;

  constructor(model: CarModel) {
    this.#model = model;
  }

  get atRest(): boolean {
    return this.speedMps === 0;
  }

  /** How far it rolls on once the motors are off, metres. */
  get stoppingM(): number {
    return (this.#model.coastMs / 1000) * Math.max(0, Math.abs(this.speedMps) - STICTION_MPS);
  }

  /** Curvature of the path at a steering angle, 1/m; positive steers left. */
  curvaturePerM(steerDeg: number): number {
    return Math.tan(steerDeg * this.#model.steeringGain * RAD_PER_DEG) / this.#model.wheelbaseM;
  }

  /** Goes on by `dtMs` with motors for `orderMps` and the servo at `steerDeg` (left positive). */
  step(dtMs: number, orderMps: number, steerDeg: number): void {
    const { lagMs, coastMs } = this.#model;
    const before = this.speedMps;
    this.speedMps += (orderMps - before) * (1 - Math.exp(-dtMs / (orderMps === 0 ? coastMs : lagMs)));
    if (orderMps === 0 && Math.abs(this.speedMps) < STICTION_MPS) this.speedMps = 0;
    const wayM = (((before + this.speedMps) / 2) * dtMs) / 1000;
    if (wayM === 0) return;
    const turnRad = wayM * this.curvaturePerM(steerDeg);
    const midRad = this.headingRad + turnRad / 2;
    this.xM += wayM * Math.cos(midRad);
    this.yM += wayM * Math.sin(midRad);
    this.headingRad += turnRad;
    this.pathM += wayM;
  }
}
