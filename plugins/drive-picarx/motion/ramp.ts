/** What {@link ramp} keeps to. */
export interface RampLimits {
  accelerationMps2: number;
  /** Below this the gears stand still. */
  slowestMps: number;
}

/** A tick that came late does not make the wheels leap. */
const MOST_STEP_MS = 50;

/**
 * The motors' next order, m/s: speeds up gently, brakes at once, and turns round only when the car stands. `nowMps` is the
 * last order, `carMps` how fast the car is by dead reckoning.
 */
export function ramp(
  { nowMps, wantedMps, carMps, dtMs }: { nowMps: number; wantedMps: number; carMps: number; dtMs: number },
  { accelerationMps2, slowestMps }: RampLimits,
): number {
  const direction = Math.sign(wantedMps);
  if (direction === 0) return 0;
  if (carMps !== 0 && Math.sign(carMps) !== direction) return 0;
  const fromMps = Math.sign(nowMps) === direction ? Math.abs(nowMps) : 0;
  const gainedMps = (accelerationMps2 * Math.min(dtMs, MOST_STEP_MS)) / 1000;
  return direction * Math.max(slowestMps, Math.min(Math.abs(wantedMps), fromMps + gainedMps));
}
