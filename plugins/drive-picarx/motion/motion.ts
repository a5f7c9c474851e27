import type { DistanceReading, MotionReport } from "myna";
import type { Controller } from "./controller.ts";
import { Guard } from "./guard.ts";
import type { Way } from "./guard.ts";
import { ArcTurn, Steered, Straight } from "./maneuver.ts";
import type { Maneuver, WheelOrder } from "./maneuver.ts";
import type { Reply, Request } from "./messages.ts";
import { Odometry } from "./odometry.ts";
import type { Sensors } from "./sensors.ts";
import type { Servos } from "./servos.ts";
import type { MotionSettings } from "./settings.ts";
import { SpeedMap } from "./speed-map.ts";
import type { Wheels } from "./wheels.ts";

type Ended = MotionReport["ended"];

interface Intent {
  id: number;
  maneuver: Maneuver;
  leaseEndsMs: number;
  startM: number;
  startRad: number;
  ended: Ended | undefined;
  obstacleM: number | undefined;
}

/** What {@link Motion} drives and tells. */
export interface MotionParts {
  wheels: Wheels;
  servos: Servos;
  sensors: Sensors;
  controller: Controller;
  /** Programs the controller after a restart. */
  begin: () => void;
  send: (reply: Reply) => void;
}

const POSE_PERIOD_MS = 100;
const STATE_PERIOD_MS = 50;
const STATE_PERIOD_AT_REST_MS = 500;
/** A motion that has waited so long for its sensors fails. */
const BLIND_MS = 1000;
/** Duties are written again this often while the wheels turn: a lost write does not last. */
const REFRESH_MS = 200;
/** The second stop comes this much later, in case the first was lost (picarx.py writes it twice). */
const SECOND_STOP_MS = 2;

/**
 * The body's control loop: `tick` about 100 times a second. Nothing moves without a lease, a live parent and sensors that
 * see; whatever ends, ends with the motors' registers at zero.
 */
export class Motion {
  readonly #settings: MotionSettings;
  readonly #parts: MotionParts;
  readonly #car: Odometry;
  readonly #speeds: SpeedMap;
  readonly #guard: Guard;
  #intent: Intent | undefined;
  #latched: string | undefined;
  /** Motors' order after the ramp. */
  #orderMps = 0;
  #aliveAtMs: number;
  #tickedMs: number;
  #blindSinceMs: number | undefined;
  #reverseSinceMs: number | undefined;
  #stopAgainAtMs = Infinity;
  #refreshedMs = 0;
  #posedMs = -Infinity;
  #statedMs = -Infinity;
  #stood = true;

  constructor(settings: MotionSettings, parts: MotionParts, nowMs: number) {
    const { motors, steering, limits, grayscale, ultrasonic } = settings;
    this.#settings = settings;
    this.#parts = parts;
    this.#aliveAtMs = this.#tickedMs = nowMs;
    this.#speeds = new SpeedMap(motors.speedMap);
    this.#car = new Odometry({
      wheelbaseM: steering.wheelbaseM,
      steeringGain: steering.gain,
      lagMs: motors.lagMs,
      coastMs: motors.coastMs,
    });
    this.#guard = new Guard({ ...limits, cliffBelow: grayscale?.cliffBelow ?? null, ultrasonic });
    parts.controller.restart(nowMs);
  }

  sawDistance(reading: DistanceReading, nowMs: number): void {
    this.#guard.sawDistance(reading, nowMs);
    this.#parts.sensors.distance = reading;
  }

  /** Any request is a sign of life. */
  request(request: Request, nowMs: number): void {
    this.#aliveAtMs = nowMs;
    switch (request.type) {
      case "alive":
        return;
      case "stop":
        return this.#end(request.ended, nowMs);
      case "latch":
        return this.latch(request.reason, nowMs);
      case "release":
        this.#latched = undefined;
        this.#statedMs = -Infinity;
        return;
      case "servo":
        this.#parts.servos.track(request.channel)?.set(request.angle_deg, request.layer);
        return;
      default:
        this.#begin(request, nowMs);
    }
  }

  /** Emergency stop: nothing moves until it is released. */
  latch(reason: string, nowMs: number): void {
    this.#latched ??= reason;
    this.#end("stopped", nowMs);
    this.#statedMs = -Infinity;
  }

  /** Motors to zero now, by the bus, or by the reset line where the bus fails. Never throws. */
  stopNow(nowMs: number): void {
    this.#orderMps = 0;
    try {
      this.#parts.wheels.stop();
      this.#stopAgainAtMs = nowMs + SECOND_STOP_MS;
    } catch (error) {
      this.#busFailed(error, nowMs);
    }
  }

  tick(nowMs: number): void {
    const dtMs = Math.max(0, nowMs - this.#tickedMs);
    this.#tickedMs = nowMs;
    const intent = this.#intent;
    const { limits } = this.#settings;
    if (intent && nowMs >= intent.leaseEndsMs) this.#end("lease", nowMs);
    if (intent && nowMs - this.#aliveAtMs > limits.aliveMs) this.#end("lease", nowMs);
    try {
      this.#drive(nowMs, dtMs);
    } catch (error) {
      this.#busFailed(error, nowMs);
    }
    const { servos } = this.#parts;
    const steering = servos.track(this.#settings.steering.channel);
    this.#car.step(dtMs, this.#orderMps, steering?.nowDeg ?? 0);
    this.#report(nowMs);
  }

  /** True while the wheels turn, or an intent is under way. */
  get moving(): boolean {
    return this.#intent !== undefined || !this.#car.atRest;
  }

  #begin(request: Extract<Request, { id: number }>, nowMs: number): void {
    const { send, controller } = this.#parts;
    const { motors, steering, limits } = this.#settings;
    const refuse = (code: string, message: string) =>
      send({ type: "refused", id: request.id, code, message });
    if (this.#latched !== undefined)
      return refuse("MOTION_REFUSED", `emergency stop (${this.#latched}): release it first`);
    if (controller.restarting) return refuse("DEVICE_FAILED", "the motor controller is starting");
    const most = motors.maxSpeedMps;
    const steered = request.type === "drive";
    if (Math.abs(request.speed_mps) > most || (!steered && request.speed_mps <= 0))
      return refuse("MOTION_REFUSED", `the speed must be above 0 and at most ${most} m/s`);
    const before = this.#intent;
    if (before && before.maneuver.kind === "drive" && steered && before.ended === undefined) {
      // The next one of a stream of intents: the same motion goes on.
      before.maneuver = maneuverOf(request, steering.maxDeg);
      before.leaseEndsMs = nowMs + Math.min(request.lease_ms, limits.maxMotionMs);
      return;
    }
    if (before) {
      this.#end("superseded", nowMs);
      this.#finish(before);
    }
    this.#intent = {
      id: request.id,
      maneuver: maneuverOf(request, steering.maxDeg),
      leaseEndsMs: nowMs + Math.min(request.lease_ms, limits.maxMotionMs),
      startM: this.#car.pathM,
      startRad: this.#car.headingRad,
      ended: undefined,
      obstacleM: undefined,
    };
    this.#blindSinceMs = this.#reverseSinceMs = undefined;
    // A motion that ends within a tick is told as a pose at rest all the same.
    this.#stood = false;
    send({ type: "started", id: request.id });
  }

  #drive(nowMs: number, dtMs: number): void {
    const { controller, sensors, servos, wheels, begin, send } = this.#parts;
    if (controller.tick(nowMs)) {
      begin();
      servos.begin(nowMs);
      wheels.forget();
      controller.works();
      send({ type: "ready" });
    }
    if (controller.restarting) return;
    if (nowMs >= this.#stopAgainAtMs) {
      this.#stopAgainAtMs = Infinity;
      wheels.stop();
    }
    const grayscale = sensors.read(nowMs, this.moving);
    if (grayscale) this.#guard.sawGrayscale(grayscale, nowMs);
    const flat = sensors.criticalBattery();
    if (flat !== undefined && this.#latched === undefined) this.latch(flat, nowMs);
    const order = this.#order(nowMs);
    this.#ramp(order.speedMps, dtMs);
    const { steering } = this.#settings;
    servos.track(steering.channel)?.set(order.steerDeg, "base");
    servos.step(nowMs, dtMs);
    const duty = this.#speeds.duty(this.#orderMps);
    const refresh = duty !== 0 && nowMs - this.#refreshedMs > REFRESH_MS;
    if (refresh) this.#refreshedMs = nowMs;
    wheels.set(duty, duty, refresh);
  }

  /** What the wheels are to do, after the guards. */
  #order(nowMs: number): WheelOrder {
    const intent = this.#intent;
    const steerDeg = this.#parts.servos.track(this.#settings.steering.channel)?.nowDeg ?? 0;
    const still: WheelOrder = { speedMps: 0, steerDeg };
    if (!intent || intent.ended !== undefined) return still;
    const order = intent.maneuver.decide(this.#car, steerDeg);
    if (order === "done") {
      intent.ended = "completed";
      return still;
    }
    if (order.speedMps < 0) return this.#backward(order, nowMs);
    this.#reverseSinceMs = undefined;
    if (order.speedMps === 0) return order;
    const way = this.#guard.ahead(nowMs, this.#car.stoppingM);
    if (way.kind === "blind") return this.#blind(intent, order, nowMs, way.sensor);
    this.#blindSinceMs = undefined;
    if (way.kind === "free") return { ...order, speedMps: Math.min(order.speedMps, way.mps) };
    return this.#barred(intent, order, way);
  }

  #backward(order: WheelOrder, nowMs: number): WheelOrder {
    this.#reverseSinceMs ??= nowMs;
    if (nowMs - this.#reverseSinceMs <= this.#settings.limits.maxReverseMs) return order;
    this.#end("lease", nowMs);
    return { ...order, speedMps: 0 };
  }

  #blind(intent: Intent, order: WheelOrder, nowMs: number, sensor: string): WheelOrder {
    this.#blindSinceMs ??= nowMs;
    if (nowMs - this.#blindSinceMs > BLIND_MS) {
      const message = `the ${sensor} sensor has said nothing for ${BLIND_MS} ms: no way forward`;
      this.#parts.send({ type: "fault", code: "DEVICE_FAILED", message });
      intent.ended = "failed";
    }
    return { ...order, speedMps: 0 };
  }

  #barred(intent: Intent, order: WheelOrder, way: Extract<Way, { kind: "obstacle" | "cliff" }>): WheelOrder {
    if (this.#car.atRest && !intent.maneuver.detour(this.#car)) {
      // A stream of intents goes on: the driver may back away.
      if (intent.maneuver.kind !== "drive") intent.ended = way.kind;
      if (way.kind === "obstacle") intent.obstacleM = way.distanceM;
    }
    return { ...order, speedMps: 0 };
  }

  /** Speeds up gently, brakes at once; turns round only through standstill. */
  #ramp(orderMps: number, dtMs: number): void {
    if (orderMps === 0 || Math.sign(orderMps) === -Math.sign(this.#orderMps)) {
      this.#orderMps = 0;
      return;
    }
    const most = (this.#settings.motors.accelerationMps2 * dtMs) / 1000;
    const from = this.#orderMps === 0 ? Math.min(Math.abs(orderMps), this.#speeds.slowestMps) : 0;
    const rampedMps = Math.max(from, Math.min(Math.abs(orderMps), Math.abs(this.#orderMps) + most));
    this.#orderMps = Math.sign(orderMps) * Math.max(rampedMps, this.#speeds.slowestMps);
  }

  #end(ended: Ended, nowMs: number): void {
    const moved = this.#orderMps !== 0;
    if (this.#intent) this.#intent.ended ??= ended;
    if (moved || ended === "stopped") this.stopNow(nowMs);
  }

  #finish(intent: Intent): void {
    const degrees = ((this.#car.headingRad - intent.startRad) * 180) / Math.PI;
    this.#parts.send({
      type: "ended",
      id: intent.id,
      movedM: round(this.#car.pathM - intent.startM, 4),
      turnedDeg: round(degrees, 2),
      ended: intent.ended ?? "stopped",
      ...(intent.obstacleM !== undefined && { obstacleM: round(intent.obstacleM, 3) }),
    });
    if (this.#intent === intent) this.#intent = undefined;
  }

  #busFailed(error: unknown, nowMs: number): void {
    const { controller, send, wheels } = this.#parts;
    this.#orderMps = 0;
    this.#stopAgainAtMs = Infinity;
    wheels.forget();
    if (!controller.restarting || nowMs - this.#statedMs > STATE_PERIOD_AT_REST_MS) {
      const message = Error.isError(error) ? error.message : String(error);
      send({ type: "fault", code: "DEVICE_FAILED", message: `${message}: the motor controller is reset` });
    }
    controller.restart(nowMs);
    if (this.#intent) this.#intent.ended ??= "failed";
  }

  #report(nowMs: number): void {
    const { send, sensors, wheels } = this.#parts;
    if (this.#intent?.ended !== undefined && this.#car.atRest) this.#finish(this.#intent);
    const moving = this.moving;
    const came = !moving && !this.#stood;
    this.#stood = !moving;
    if (came || (moving && nowMs - this.#posedMs >= POSE_PERIOD_MS)) {
      this.#posedMs = nowMs;
      send({
        type: "pose",
        x_m: round(this.#car.xM, 4),
        y_m: round(this.#car.yM, 4),
        heading_deg: round(wrapDeg((this.#car.headingRad * 180) / Math.PI), 2),
        moving,
      });
    }
    if (nowMs - this.#statedMs < (moving ? STATE_PERIOD_MS : STATE_PERIOD_AT_REST_MS)) return;
    // To a parent that hangs nothing is sent: it would wait in memory.
    if (nowMs - this.#aliveAtMs > this.#settings.limits.aliveMs) return;
    this.#statedMs = nowMs;
    send({ type: "state", moving, duty: wheels.duty, latched: this.#latched, ...sensors.state() });
  }
}

function maneuverOf(request: Extract<Request, { id: number }>, lockDeg: number): Maneuver {
  if (request.type === "move") return new Straight(request.distance_m, request.speed_mps);
  if (request.type === "turn") return new ArcTurn(request.angle_deg, request.speed_mps, lockDeg);
  const steerDeg = Math.min(lockDeg, Math.max(-lockDeg, request.steer_deg));
  return new Steered({ speedMps: request.speed_mps, steerDeg });
}

function wrapDeg(degrees: number): number {
  return degrees - 360 * Math.round(degrees / 360);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) || 0;
}
