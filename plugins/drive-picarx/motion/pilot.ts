import type { BodyState, DistanceReading, MotionReport } from "myna";
import { Guard } from "./guard.ts";
import type { Way } from "./guard.ts";
import type { Maneuver, WheelOrder } from "./maneuver.ts";
import type { Odometry } from "./odometry.ts";
import { ReverseClock } from "./reverse-clock.ts";
import type { MotionSettings } from "./settings.ts";

/** The motion under way. */
export interface UnderWay {
  id: number;
  maneuver: Maneuver;
  leaseEndsMs: number;
  /** Where the odometry was at its beginning. */
  startM: number;
  startRad: number;
  /** Set once the wheels need nothing more; it is reported when the car stands. */
  ended: MotionReport["ended"] | undefined;
  obstacleM: number | undefined;
}

/** A motion that has waited so long for its sensors fails. */
const BLIND_MS = 1000;
/** What bars the way counts as the end of it when it has so long, with the car at rest: more than two pings. */
const BARRED_MS = 150;

/** Says what the wheels are to do: the motion under way, as far as the guards let it. */
export class Pilot {
  readonly #guard: Guard;
  readonly #limits: MotionSettings["limits"];
  readonly #car: Odometry;
  readonly #reverse = new ReverseClock();
  readonly #onBlind: (message: string) => void;
  #blindSinceMs: number | undefined;
  #barredSinceMs: number | undefined;
  #held: BodyState["held"];

  constructor(
    { limits, grayscale, ultrasonic }: Pick<MotionSettings, "limits" | "grayscale" | "ultrasonic">,
    car: Odometry,
    onBlind: (message: string) => void,
  ) {
    this.#limits = limits;
    this.#car = car;
    this.#onBlind = onBlind;
    this.#guard = new Guard({ ...limits, cliffBelow: grayscale?.cliffBelow ?? null, ultrasonic });
  }

  sawDistance(reading: DistanceReading, nowMs: number): void {
    this.#guard.sawDistance(reading, nowMs);
  }

  sawGrayscale(values: readonly [number, number, number], nowMs: number): void {
    this.#guard.sawGrayscale(values, nowMs);
  }

  /** What kept the last order's wheels still. */
  get held(): BodyState["held"] {
    return this.#held;
  }

  /** A motion begins. */
  begin(): void {
    this.#reverse.reset();
    this.#blindSinceMs = this.#barredSinceMs = this.#held = undefined;
  }

  /** `steerDeg` is where the steering servo is by now. Sets `ended` of the motion when it needs nothing more. */
  order(motion: UnderWay, steerDeg: number, nowMs: number): WheelOrder {
    const still: WheelOrder = { speedMps: 0, steerDeg };
    this.#held = undefined;
    if (motion.ended !== undefined) return still;
    const order = motion.maneuver.decide(this.#car, steerDeg);
    if (order === "done") {
      motion.ended = "completed";
      return still;
    }
    if (order.speedMps === 0) return order;
    return order.speedMps < 0 ? this.#backward(motion, order, nowMs) : this.#forward(motion, order, nowMs);
  }

  #forward(motion: UnderWay, order: WheelOrder, nowMs: number): WheelOrder {
    this.#reverse.reset();
    const way = this.#guard.ahead(nowMs, this.#car.stoppingM);
    if (way.kind !== "free") this.#held = way.kind;
    if (way.kind === "blind") return this.#blind(motion, order, nowMs, way.sensor);
    this.#blindSinceMs = undefined;
    if (way.kind === "free") {
      this.#barredSinceMs = undefined;
      return { ...order, speedMps: Math.min(order.speedMps, way.mps) };
    }
    return this.#barred(motion, order, nowMs, way);
  }

  #backward(motion: UnderWay, order: WheelOrder, nowMs: number): WheelOrder {
    if (this.#reverse.backward(nowMs) <= this.#limits.maxReverseMs) return order;
    // A turn goes on forward; a move ends, and a stream of intents goes on in another direction.
    const halted = { ...order, speedMps: 0 };
    if (motion.maneuver.kind === "drive") return halted;
    if (!motion.maneuver.detour(this.#car)) motion.ended = "lease";
    return halted;
  }

  #blind(motion: UnderWay, order: WheelOrder, nowMs: number, sensor: string): WheelOrder {
    this.#blindSinceMs ??= nowMs;
    if (nowMs - this.#blindSinceMs > BLIND_MS) {
      this.#onBlind(`the ${sensor} sensor has said nothing for ${BLIND_MS} ms: no way forward`);
      motion.ended = "failed";
    }
    return { ...order, speedMps: 0 };
  }

  #barred(
    motion: UnderWay,
    order: WheelOrder,
    nowMs: number,
    way: Extract<Way, { kind: "obstacle" | "cliff" }>,
  ): WheelOrder {
    this.#barredSinceMs ??= nowMs;
    if (this.#car.atRest && nowMs - this.#barredSinceMs >= BARRED_MS) {
      this.#barredSinceMs = undefined;
      // A stream of intents goes on: the driver may back away.
      if (motion.maneuver.kind !== "drive" && !motion.maneuver.detour(this.#car)) {
        motion.ended = way.kind;
        if (way.kind === "obstacle") motion.obstacleM = way.distanceM;
      }
    }
    return { ...order, speedMps: 0 };
  }
}
