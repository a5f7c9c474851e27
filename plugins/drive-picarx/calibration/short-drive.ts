import { MynaError } from "myna";
import type { CalibrationVisit } from "myna";

/** Of a person's stream of intents: how often one is sent, and how long it holds where the next one does not come. */
const PERIOD_MS = 50;
const LEASE_MS = 250;
const START_LIMIT_MS = 5000;
/** The car rolls out within this. */
const REST_LIMIT_MS = 1500;

/** What a short drive came to. */
export interface ShortDrive {
  /** By dead reckoning with the present speed map, signed, roll-out included. */
  reckonedM: number;
  /** Of the left motor while it drove, 0 to 1: the middle one. 0 where a guard barred the way. */
  duty: number;
}

/** Drives straight for `seconds`, with all guards, and stops. Negative speeds are backward. */
export async function driveShortly(
  { use, signal }: Pick<CalibrationVisit, "use" | "signal">,
  speedMps: number,
  seconds: number,
): Promise<ShortDrive> {
  const [drive, body] = [use("drive"), use("body")];
  const from = drive.pose();
  const duties: number[] = [];
  try {
    const endMs = performance.now() + seconds * 1000;
    while (performance.now() < endMs) {
      if (signal.aborted) throw new MynaError("SHUTTING_DOWN", "interrupted");
      const { latched, duty } = body.state() ?? {};
      if (latched !== undefined)
        throw new MynaError("MOTION_REFUSED", `the robot was stopped (${latched}): begin again`);
      if (duty) duties.push(Math.abs(duty.left));
      drive.steer({ speedMps, steerDeg: 0, leaseMs: LEASE_MS, by: "person" });
      await Bun.sleep(Math.min(PERIOD_MS, Math.max(1, endMs - performance.now())));
    }
  } finally {
    drive.stop("the calibration's drive has ended");
  }
  const limitMs = performance.now() + REST_LIMIT_MS;
  do await Bun.sleep(PERIOD_MS);
  while ((drive.pose().moving || body.state()?.moving) && performance.now() < limitMs);
  const to = drive.pose();
  const rad = (from.heading_deg * Math.PI) / 180;
  const reckonedM = (to.x_m - from.x_m) * Math.cos(rad) + (to.y_m - from.y_m) * Math.sin(rad);
  return { reckonedM, duty: duties.toSorted((a, b) => a - b)[Math.floor(duties.length / 2)] ?? 0 };
}

/** Resolves when the motor controller has started and the steering is straight. */
export async function bodyReady(
  { use }: Pick<CalibrationVisit, "use">,
  steeringChannel: number,
): Promise<void> {
  const body = use("body");
  await body.servo(steeringChannel, 0);
  const limitMs = performance.now() + START_LIMIT_MS;
  while (!body.state()?.grayscale && !body.state()?.latched) {
    if (performance.now() > limitMs) return;
    await Bun.sleep(PERIOD_MS);
  }
  const latched = body.state()?.latched;
  if (latched !== undefined) throw new MynaError("MOTION_REFUSED", `nothing may move: ${latched}`);
}
