import type { DistanceReading, MotionReport } from "myna";
import { toDeg, wrapDeg } from "./angle.ts";
import type { Controller } from "./controller.ts";
import { maneuverOf } from "./maneuver.ts";
import type { WheelOrder } from "./maneuver.ts";
import type { Intent, Reply, Request } from "./messages.ts";
import { Odometry } from "./odometry.ts";
import { Pilot } from "./pilot.ts";
import type { UnderWay } from "./pilot.ts";
import { ramp } from "./ramp.ts";
import type { Sensors } from "./sensors.ts";
import type { Servos } from "./servos.ts";
import type { MotionSettings } from "./settings.ts";
import { SpeedMap } from "./speed-map.ts";
import type { Wheels } from "./wheels.ts";

type Ended = MotionReport["ended"];

/** What {@link Motion} drives and tells. */
export interface MotionParts {
  wheels: Wheels;
  servos: Servos;
  sensors: Sensors;
  controller: Controller;
  /** Programs the controller after a restart. */
  begin: () => void;
  send: (reply: Reply) => void;
  /** Keeps why nothing may move beyond this process; undefined when it was released. Must not throw. */
  keep: (latched: string | undefined) => void;
}

const POSE_PERIOD_MS = 100;
const STATE_PERIOD_MS = 50;
const STATE_PERIOD_AT_REST_MS = 250;
/** Duties are written again this often while the wheels turn: a lost write does not last. */
const REFRESH_MS = 200;
/** The second stop comes this much later, in case the first was lost (picarx.py writes it twice). */
const SECOND_STOP_MS = 2;
/** Longest lease of one intent of a stream. */
const MOST_DRIVE_LEASE_MS = 1000;
/** A fault that goes on is not told at every tick. */
const FAULT_PERIOD_MS = 1000;

/**
 * The body's control loop: `tick` about 100 times a second. Nothing moves without a lease, a live parent and sensors that
 * see; whatever ends, ends with the motors' registers at zero. Nothing here throws.
 */
export class Motion {
  readonly #settings: MotionSettings;
  readonly #parts: MotionParts;
  readonly #car: Odometry;
  readonly #speeds: SpeedMap;
  readonly #pilot: Pilot;
  /** The last intent that came since the last tick: of a thousand a second only that one reaches the bus. */
  #next: { intent: Intent; leaseEndsMs: number } | undefined;
  #motion: UnderWay | undefined;
  #latched: string | undefined;
  /** Motors' order after the ramp. */
  #orderMps = 0;
  #aliveAtMs: number;
  #tickedMs: number;
  #stopAgainAtMs = Infinity;
  #refreshedMs = 0;
  #posedMs = -Infinity;
  #statedMs = -Infinity;
  #faultedMs = -Infinity;
  #stood = true;
  /** Starts of the controller that found it out of step. */
  #vainStarts = 0;

  constructor(settings: MotionSettings, parts: MotionParts, nowMs: number) {
    const { motors, steering } = settings;
    this.#settings = settings;
    this.#parts = parts;
    this.#latched = settings.latched;
    this.#aliveAtMs = this.#tickedMs = nowMs;
    this.#speeds = new SpeedMap(motors.speedMap);
    const { wheelbaseM, gain: steeringGain } = steering;
    this.#car = new Odometry({ wheelbaseM, steeringGain, lagMs: motors.lagMs, coastMs: motors.coastMs });
    this.#pilot = new Pilot(settings, this.#car, (message) =>
      parts.send({ type: "fault", code: "DEVICE_FAILED", message }),
    );
    parts.controller.restart(nowMs);
  }

  sawDistance(reading: DistanceReading, nowMs: number): void {
    this.#pilot.sawDistance(reading, nowMs);
    this.#parts.sensors.distance = reading;
  }

  /** `delayMs` is how long it was on its way. Any request is a sign of life as of when it was sent. */
  request(request: Request, nowMs: number, delayMs = 0): void {
    this.#aliveAtMs = Math.max(this.#aliveAtMs, nowMs - delayMs);
    switch (request.type) {
      case "alive":
        return;
      case "stop":
        return this.#stop(request, nowMs);
      case "latch":
        return this.latch(request.reason, nowMs);
      case "release":
        return this.release();
      case "servo":
        return this.#servo(request);
      default:
        this.#take(request, nowMs, delayMs);
    }
  }

  /** Emergency stop: nothing moves until it is released. */
  latch(reason: string, nowMs: number): void {
    const first = this.#latched === undefined;
    this.#latched ??= reason;
    this.#stop({ ended: "stopped" }, nowMs);
    this.#parts.servos.hold();
    this.#parts.keep(this.#latched);
    // It may be released before the next tick, and whoever holds on through it is to let go.
    if (first) this.#tellState();
    this.#statedMs = -Infinity;
  }

  /** Nothing moves by it. */
  release(): void {
    this.#latched = undefined;
    this.#parts.keep(undefined);
    this.#statedMs = -Infinity;
  }

  get latched(): string | undefined {
    return this.#latched;
  }

  /**
   * Motors to zero now, by the bus, or by the reset line where the bus fails or the controller is out of step. Never throws.
   */
  stopNow(nowMs: number): void {
    const { controller, sensors, wheels } = this.#parts;
    this.#orderMps = 0;
    // In a reset the motors are off, and the controller does not answer.
    if (controller.restarting && controller.pulled) return;
    try {
      wheels.stop();
      sensors.checkStep();
      this.#stopAgainAtMs = nowMs + SECOND_STOP_MS;
    } catch (error) {
      this.#busFailed(error, nowMs);
    }
  }

  /** The process ends: motors to zero, and what is under way is reported as far as it came. */
  leave(ended: Ended, nowMs: number): void {
    this.#latched ??= "the motion process ends";
    this.#stop({ ended }, nowMs);
    this.stopNow(nowMs);
    this.stopNow(nowMs);
    if (this.#motion) this.#finish(this.#motion);
  }

  tick(nowMs: number): void {
    const dtMs = Math.max(0, nowMs - this.#tickedMs);
    this.#tickedMs = nowMs;
    const steering = this.#parts.servos.track(this.#settings.steering.channel);
    this.#car.step(dtMs, this.#orderMps, steering?.nowDeg ?? 0);
    this.#begin(nowMs);
    const motion = this.#motion;
    const silent = nowMs - this.#aliveAtMs > this.#settings.limits.aliveMs;
    if (motion && (silent || nowMs >= motion.leaseEndsMs)) this.#end(motion, "lease", nowMs);
    try {
      this.#drive(nowMs, dtMs);
    } catch (error) {
      this.#busFailed(error, nowMs);
    }
    this.#report(nowMs, silent);
  }

  /** True while the wheels turn, or a motion is under way. */
  get moving(): boolean {
    return this.#motion !== undefined || !this.#car.atRest;
  }

  /** When the motion under way ends at the latest: a tick is due then. */
  get leaseEndsMs(): number {
    return this.#motion && this.#motion.ended === undefined ? this.#motion.leaseEndsMs : Infinity;
  }

  /** True when a tick now and then is enough. */
  get idle(): boolean {
    const { controller, servos } = this.#parts;
    const waits = this.#next !== undefined || this.#stopAgainAtMs !== Infinity;
    return !waits && !this.moving && !controller.restarting && servos.settled;
  }

  #take(intent: Intent, nowMs: number, delayMs: number): void {
    const { send } = this.#parts;
    const { motors, limits } = this.#settings;
    const stream = intent.type === "drive";
    const most = motors.maxSpeedMps;
    const leaseMs = Math.min(intent.lease_ms, stream ? MOST_DRIVE_LEASE_MS : limits.maxMotionMs);
    const refuse = (message: string) =>
      send({ type: "refused", id: intent.id, code: "MOTION_REFUSED", message });
    if (this.#latched !== undefined) return refuse(`emergency stop (${this.#latched}): release it first`);
    if (Math.abs(intent.speed_mps) > most || (!stream && intent.speed_mps <= 0))
      return refuse(`the speed must be above 0 and at most ${most} m/s`);
    if (delayMs >= leaseMs)
      return refuse(`it came ${Math.round(delayMs)} ms after it was sent: its lease is over`);
    // Of a stream only the newest counts: nobody waits for an answer to the others.
    if (!stream || this.#next?.intent.type !== "drive") this.#dropNext("superseded");
    this.#next = { intent, leaseEndsMs: nowMs - delayMs + leaseMs };
  }

  /** What waits is answered as having done nothing; of a stream under way its motion answers. */
  #dropNext(ended: Ended): void {
    const { intent } = this.#next ?? {};
    this.#next = undefined;
    if (intent && intent.id !== this.#motion?.id)
      this.#parts.send({ type: "ended", id: intent.id, movedM: 0, turnedDeg: 0, ended });
  }

  /** Without an id all that is under way ends, and the wheels are stopped whatever they do. */
  #stop({ ended, id }: { ended: Ended; id?: number }, nowMs: number): void {
    if (id === undefined || this.#next?.intent.id === id) this.#dropNext(ended);
    if (id === undefined) {
      if (this.#motion) this.#motion.ended ??= ended;
      this.stopNow(nowMs);
    } else if (this.#motion?.id === id) this.#end(this.#motion, ended, nowMs);
  }

  #servo({ channel, angle_deg, layer }: Extract<Request, { type: "servo" }>): void {
    if (this.#latched !== undefined) return;
    // The steering is the motion's; at rest it can be set, to calibrate it.
    if (channel === this.#settings.steering.channel && (this.moving || layer === "add")) return;
    this.#parts.servos.track(channel)?.set(angle_deg, layer);
  }

  /** Takes up the intent that waits. */
  #begin(nowMs: number): void {
    const { send, controller } = this.#parts;
    const waiting = this.#next;
    if (!waiting) return;
    const { intent, leaseEndsMs } = waiting;
    this.#next = undefined;
    if (controller.restarting) {
      const message = "the motor controller is starting";
      return send({ type: "refused", id: intent.id, code: "DEVICE_FAILED", message });
    }
    const maneuver = maneuverOf(intent, this.#settings.steering.maxDeg);
    const before = this.#motion;
    if (before?.maneuver.kind === "drive" && intent.type === "drive" && before.ended === undefined) {
      // The next one of a stream of intents: the same motion goes on.
      before.maneuver = maneuver;
      before.leaseEndsMs = leaseEndsMs;
      return;
    }
    if (before) {
      this.#end(before, "superseded", nowMs);
      this.#finish(before);
    }
    this.#motion = {
      id: intent.id,
      maneuver,
      leaseEndsMs,
      startM: this.#car.pathM,
      startRad: this.#car.headingRad,
      ended: undefined,
      obstacleM: undefined,
    };
    this.#pilot.begin();
    // A motion that ends within a tick is told as a pose at rest all the same.
    this.#stood = false;
    send({ type: "started", id: intent.id });
  }

  #drive(nowMs: number, dtMs: number): void {
    const { controller, sensors, servos, wheels } = this.#parts;
    if (controller.tick(nowMs)) this.#comeUp(nowMs);
    if (!controller.pulled) wheels.stop();
    if (controller.restarting) return;
    if (nowMs >= this.#stopAgainAtMs) {
      this.#stopAgainAtMs = Infinity;
      wheels.stop();
    }
    const grayscale = sensors.read(nowMs, this.moving);
    if (grayscale) this.#pilot.sawGrayscale(grayscale, nowMs);
    const verdict = sensors.verdict();
    if (verdict !== undefined && this.#latched === undefined) this.latch(verdict, nowMs);
    if (controller.restarting) return;
    this.#obey(this.#order(nowMs), nowMs, dtMs);
    servos.step(nowMs, dtMs);
  }

  /** The controller has started. */
  #comeUp(nowMs: number): void {
    const { controller, sensors, servos, wheels, begin, send } = this.#parts;
    begin();
    servos.begin(nowMs);
    wheels.forget();
    try {
      sensors.checkStep();
      this.#vainStarts = 0;
    } catch (error) {
      if (++this.#vainStarts < 2) throw error;
      sensors.batteryIsUnreadable();
    }
    controller.works();
    send({ type: "ready" });
  }

  #order(nowMs: number): WheelOrder | undefined {
    if (!this.#motion) return undefined;
    const steerDeg = this.#parts.servos.track(this.#settings.steering.channel)?.nowDeg ?? 0;
    return this.#pilot.order(this.#motion, steerDeg, nowMs);
  }

  #obey(order: WheelOrder | undefined, nowMs: number, dtMs: number): void {
    const { servos, wheels } = this.#parts;
    const { accelerationMps2 } = this.#settings.motors;
    const { slowestMps } = this.#speeds;
    if (order) servos.track(this.#settings.steering.channel)?.set(order.steerDeg, "base");
    const now = { nowMps: this.#orderMps, wantedMps: order?.speedMps ?? 0, carMps: this.#car.speedMps, dtMs };
    this.#orderMps = ramp(now, { accelerationMps2, slowestMps });
    if (this.#orderMps === 0) {
      const { left, right } = wheels.duty;
      if (left !== 0 || right !== 0) this.stopNow(nowMs);
      return;
    }
    const duty = this.#speeds.duty(this.#orderMps);
    const refresh = nowMs - this.#refreshedMs > REFRESH_MS;
    if (refresh) this.#refreshedMs = nowMs;
    wheels.set(duty, duty, refresh);
  }

  #end(motion: UnderWay, ended: Ended, nowMs: number): void {
    motion.ended ??= ended;
    if (this.#orderMps !== 0) this.stopNow(nowMs);
  }

  #finish(motion: UnderWay): void {
    const { movedM, turnedDeg } = this.#progress(motion);
    const { id, ended = "stopped", obstacleM } = motion;
    const obstacle = obstacleM !== undefined && { obstacleM: round(obstacleM, 3) };
    this.#parts.send({ type: "ended", id, movedM, turnedDeg, ended, ...obstacle });
    if (this.#motion === motion) this.#motion = undefined;
  }

  #progress(motion: UnderWay): { movedM: number; turnedDeg: number } {
    const turnedRad = this.#car.headingRad - motion.startRad;
    return { movedM: round(this.#car.pathM - motion.startM, 4), turnedDeg: round(toDeg(turnedRad), 2) };
  }

  #busFailed(error: unknown, nowMs: number): void {
    const { controller, send, wheels } = this.#parts;
    this.#orderMps = 0;
    this.#stopAgainAtMs = Infinity;
    wheels.forget();
    controller.restart(nowMs);
    if (this.#motion) this.#motion.ended ??= "failed";
    if (nowMs - this.#faultedMs < FAULT_PERIOD_MS) return;
    this.#faultedMs = nowMs;
    const what = controller.pulled ? "the motor controller is reset" : "and its reset line does not obey";
    const message = `${Error.isError(error) ? error.message : String(error)}: ${what}`;
    send({ type: "fault", code: "DEVICE_FAILED", message });
  }

  /** To a parent that is `silent` no state is sent: it would wait in memory. */
  #report(nowMs: number, silent: boolean): void {
    const { send } = this.#parts;
    const motion = this.#motion;
    const done = motion?.ended !== undefined && this.#car.atRest;
    if (done) this.#motion = undefined;
    const moving = this.moving;
    const came = !moving && !this.#stood;
    this.#stood = !moving;
    if (came || (moving && nowMs - this.#posedMs >= POSE_PERIOD_MS)) {
      this.#posedMs = nowMs;
      send({
        type: "pose",
        x_m: round(this.#car.xM, 4),
        y_m: round(this.#car.yM, 4),
        heading_deg: round(wrapDeg(toDeg(this.#car.headingRad)), 2),
        moving,
        ...(motion && { motion: { id: motion.id, ...this.#progress(motion) } }),
      });
    }
    if (done) this.#finish(motion);
    if (silent || nowMs - this.#statedMs < (moving ? STATE_PERIOD_MS : STATE_PERIOD_AT_REST_MS)) return;
    this.#statedMs = nowMs;
    this.#tellState();
  }

  #tellState(): void {
    const { wheels, sensors, controller, send } = this.#parts;
    const held = controller.restarting ? "starting" : this.#motion && this.#pilot.held;
    const state = { moving: this.moving, duty: wheels.duty, latched: this.#latched, ...(held && { held }) };
    send({ type: "state", ...state, ...sensors.state() });
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) || 0;
}
