import { MynaError } from "myna";
import type { Drive, MotionReport, Pose, Topics, Undo } from "myna";
import { BODY_RADIUS_M, Car, STEP_S } from "./car.ts";
import type { WheelOrder } from "./car.ts";
import type { FloorPlan, Margins } from "./floor-plan.ts";
import { toDeg, wrapDeg } from "./geometry.ts";
import { ArcTurn, StraightDrive } from "./maneuver.ts";
import type { Maneuver } from "./maneuver.ts";

/** Why a motion ended. */
export type Ended = MotionReport["ended"];

/** What the drive needs of its surroundings; times in milliseconds on a monotonic clock. */
export interface DriveParts {
  floor: FloorPlan;
  start: Pose;
  limits: { maxSpeedMps: number; defaultSpeedMps: number; leaseMs: number; margins: Margins };
  nowMs(): number;
  /** A repeating timer. */
  every(periodMs: number, run: () => void): Undo;
  onPose(pose: Topics["body.pose"]): void;
  onStarted(event: Topics["motion.started"]): void;
  onStopped(event: Topics["motion.stopped"]): void;
  nextMotionId(): number;
}

interface Motion {
  id: number;
  kind: "move" | "turn";
  maneuver: Maneuver;
  startM: number;
  startRad: number;
  leaseEndsMs: number;
  /** False while the car still rolls from the motion before. */
  begun: boolean;
  /** Set when the wheels were told to stop; the report follows when the car stands. */
  ended: Ended | undefined;
  obstacleM: number | undefined;
  resolve(report: MotionReport): void;
  unlisten(): void;
}

const TICK_MS = 20;
const POSE_PERIOD_MS = 100;
/** A stalled event loop slows the simulation instead of letting it leap, milliseconds. */
const MAX_CATCH_UP_MS = 250;
const MAX_DISTANCE_M = 20;
const MAX_ANGLE_DEG = 1080;

/** The wheels of the simulated car. Its clock runs only while it moves. */
export class SimulatedDrive implements Drive {
  readonly #parts: DriveParts;
  readonly #car: Car;
  #motion: Motion | undefined;
  #order: WheelOrder = { speedMps: 0, steerDeg: 0 };
  #stopTimer: Undo | undefined;
  #tickedMs = 0;
  #posedMs = -Infinity;

  constructor(parts: DriveParts) {
    this.#parts = parts;
    this.#car = new Car(parts.start);
  }

  move(intent: { distanceM: number; speedMps?: number }, signal?: AbortSignal): Promise<MotionReport> {
    const { limits } = this.#parts;
    return this.#begin(
      "move",
      intent.distanceM,
      MAX_DISTANCE_M,
      "distanceM",
      intent.speedMps,
      signal,
      (speedMps) => new StraightDrive(intent.distanceM, speedMps, limits.margins),
    );
  }

  turn(intent: { angleDeg: number; speedMps?: number }, signal?: AbortSignal): Promise<MotionReport> {
    const { limits } = this.#parts;
    return this.#begin(
      "turn",
      intent.angleDeg,
      MAX_ANGLE_DEG,
      "angleDeg",
      intent.speedMps,
      signal,
      (speedMps) => new ArcTurn(intent.angleDeg, speedMps, limits.margins),
    );
  }

  stop(_reason: string): void {
    this.end("stopped");
  }

  /** Wheels to zero now; the motion under way, if any, is reported with `why`. */
  end(why: Ended): void {
    this.#order = { speedMps: 0, steerDeg: this.#car.steerDeg };
    if (this.#motion) this.#motion.ended ??= why;
  }

  /** Stands still at once and answers what is under way: nothing will tick any more. */
  halt(why: Ended): void {
    this.end(why);
    this.#car.halt();
    if (this.#motion) this.#finish(this.#motion);
    this.#rest();
  }

  get moving(): boolean {
    return this.#motion !== undefined || !this.#car.atRest;
  }

  pose(): Pose & { moving: boolean } {
    return {
      x_m: round(this.#car.x, 4),
      y_m: round(this.#car.y, 4),
      heading_deg: round(wrapDeg(toDeg(this.#car.headingRad)), 2),
      moving: this.moving,
    };
  }

  /** Clearance of the body, metres; for the health report. */
  clearanceM(): number {
    return this.#parts.floor.obstacleDistanceM(this.#car.x, this.#car.y) - BODY_RADIUS_M;
  }

  async #begin(
    kind: "move" | "turn",
    asked: number,
    limit: number,
    name: string,
    speedMps: number | undefined,
    signal: AbortSignal | undefined,
    plan: (speedMps: number) => Maneuver,
  ): Promise<MotionReport> {
    const { limits, nowMs, nextMotionId, onStarted } = this.#parts;
    const speed = speedMps ?? limits.defaultSpeedMps;
    if (!(Math.abs(asked) <= limit))
      throw new MynaError("MOTION_REFUSED", `${name} must be between -${limit} and ${limit}, not ${asked}`);
    if (!(speed > 0 && speed <= limits.maxSpeedMps)) {
      throw new MynaError(
        "MOTION_REFUSED",
        `speedMps must be above 0 and at most ${limits.maxSpeedMps}, not ${speed}`,
      );
    }
    if (signal?.aborted) return { movedM: 0, turnedDeg: 0, ended: "stopped" };
    if (this.#motion) {
      this.end("superseded");
      this.#finish(this.#motion);
    }
    const report = Promise.withResolvers<MotionReport>();
    const motion: Motion = {
      id: nextMotionId(),
      kind,
      maneuver: plan(speed),
      startM: this.#car.odometerM,
      startRad: this.#car.headingRad,
      leaseEndsMs: nowMs() + limits.leaseMs,
      begun: false,
      ended: undefined,
      obstacleM: undefined,
      resolve: report.resolve,
      unlisten: () => signal?.removeEventListener("abort", onAbort),
    };
    const onAbort = () => {
      if (this.#motion === motion) this.end("stopped");
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#motion = motion;
    onStarted({ motion_id: motion.id, kind, asked });
    this.#wake();
    return await report.promise;
  }

  #wake(): void {
    if (this.#stopTimer) return;
    this.#tickedMs = this.#parts.nowMs();
    this.#stopTimer = this.#parts.every(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#parts.nowMs();
    if (this.#motion && nowMs >= this.#motion.leaseEndsMs) this.end("lease");
    const stepMs = STEP_S * 1000;
    this.#tickedMs = Math.max(this.#tickedMs, nowMs - MAX_CATCH_UP_MS);
    while (this.moving && nowMs - this.#tickedMs >= stepMs) {
      this.#tickedMs += stepMs;
      this.#step();
    }
    if (!this.moving) this.#rest();
    else if (nowMs - this.#posedMs >= POSE_PERIOD_MS) this.#publishPose(nowMs);
  }

  #step(): void {
    const { floor } = this.#parts;
    const motion = this.#motion;
    if (motion && motion.ended === undefined) {
      motion.begun ||= this.#car.atRest;
      if (motion.begun) this.#follow(motion);
    }
    this.#car.step(this.#order, (x, y) => floor.isFree(x, y));
    if (motion?.ended !== undefined && this.#car.atRest) this.#finish(motion);
  }

  #follow(motion: Motion): void {
    const decision = motion.maneuver.decide(this.#car, this.#parts.floor);
    if (decision.kind === "order") {
      this.#order = decision.order;
    } else {
      this.end(decision.ended);
      motion.obstacleM = decision.obstacleM;
    }
  }

  /** Reports the motion; the car may still roll when another motion took over. */
  #finish(motion: Motion): void {
    this.#motion = undefined;
    motion.unlisten();
    const ended = motion.ended ?? "stopped";
    const movedM = round(this.#car.odometerM - motion.startM, 4);
    const turnedDeg = round(toDeg(this.#car.headingRad - motion.startRad), 2);
    if (this.#car.atRest) this.#publishPose(this.#parts.nowMs());
    this.#parts.onStopped({
      motion_id: motion.id,
      kind: motion.kind,
      ended,
      moved_m: movedM,
      turned_deg: turnedDeg,
    });
    const { obstacleM } = motion;
    motion.resolve({
      movedM,
      turnedDeg,
      ended,
      ...(obstacleM !== undefined && { obstacleM: round(obstacleM, 4) }),
    });
  }

  #rest(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #publishPose(nowMs: number): void {
    this.#posedMs = nowMs;
    this.#parts.onPose(this.pose());
  }
}

function round(value: number, digits: number): number {
  const rounded = Number(value.toFixed(digits));
  return rounded === 0 ? 0 : rounded;
}
