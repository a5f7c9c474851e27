import type { I2cBus } from "../../core/board.ts";
import type { DistanceReading } from "../../core/services.ts";
import { openI2c } from "../../plugins/board-sim/i2c.ts";
import { Controller } from "../../plugins/drive-picarx/motion/controller.ts";
import type { Reply, Request } from "../../plugins/drive-picarx/motion/messages.ts";
import { Motion } from "../../plugins/drive-picarx/motion/motion.ts";
import { RobotHat } from "../../plugins/drive-picarx/motion/robot-hat.ts";
import { Sensors } from "../../plugins/drive-picarx/motion/sensors.ts";
import { Servos } from "../../plugins/drive-picarx/motion/servos.ts";
import type { MotionSettings } from "../../plugins/drive-picarx/motion/settings.ts";
import { Wheels } from "../../plugins/drive-picarx/motion/wheels.ts";
import { Bench } from "./body-kit.ts";

const TICK_MS = 10;
const PING_MS = 60;
const ALIVE_MS = 50;
/** Reset, start and the servos one after the other. */
const UP_MS = 600;

/** What a test changes of a {@link VirtualBody}. */
export interface VirtualBodyOptions {
  settings?: Partial<MotionSettings>;
  limits?: Partial<MotionSettings["limits"]>;
  /** Between the motion and the simulated bus. */
  wire?: (bus: I2cBus, bench: Bench) => I2cBus;
  /** The reset line does not obey while this says so. */
  resetFails?: () => boolean;
}

/** The motion process's control loop on a simulated HAT, with a clock that the test moves. */
export class VirtualBody implements Disposable {
  readonly bench = new Bench();
  readonly motion: Motion;
  readonly said: Reply[] = [];
  nowMs = 0;
  /** What the next ping brings; undefined: the sensor says nothing. */
  sees: DistanceReading | undefined = { kind: "distance", distanceM: 2 };
  /** The parent gives no sign of life. */
  parentHangs = false;
  #ids = 0;

  constructor({ settings, limits, wire, resetFails }: VirtualBodyOptions = {}) {
    const { hat } = this.bench;
    const real = openI2c({ hat: hat.path });
    const robotHat = new RobotHat(wire?.(real, this.bench) ?? real, { v5: false });
    const all: MotionSettings = { ...this.bench.settings(limits), ...settings };
    const line = () => ({ set: () => {}, close: () => {} });
    const reset = {
      set(high: boolean) {
        if (resetFails?.()) throw new Error("the line does not obey");
        if (!high) hat.reset();
      },
      close() {},
    };
    this.motion = new Motion(
      all,
      {
        wheels: new Wheels(
          robotHat,
          { kind: "direction", left: { pwm: 13, line: line() }, right: { pwm: 12, line: line() } },
          { left: 1, right: 1 },
        ),
        servos: new Servos(robotHat, all.servos),
        sensors: new Sensors(robotHat, all),
        controller: new Controller(reset),
        keep: () => {},
        begin: () => robotHat.begin(),
        send: (reply) => this.said.push(reply),
      },
      this.nowMs,
    );
  }

  /** Up and ready to drive. */
  static ready(options: VirtualBodyOptions = {}): VirtualBody {
    const body = new VirtualBody(options);
    body.run(UP_MS);
    return body;
  }

  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) this.tick();
  }

  /** Ticks until it holds; answers how long that took, at most `limitMs`. */
  until(holds: () => boolean, limitMs = 10_000): number {
    const startMs = this.nowMs;
    while (!holds()) {
      if (this.nowMs - startMs >= limitMs) throw new Error(`not within ${limitMs} ms`);
      this.tick();
    }
    return this.nowMs - startMs;
  }

  tick(): void {
    this.nowMs += TICK_MS;
    if (this.sees && this.nowMs % PING_MS === 0) this.motion.sawDistance(this.sees, this.nowMs);
    if (!this.parentHangs && this.nowMs % ALIVE_MS === 0) this.ask({ type: "alive" });
    this.motion.tick(this.nowMs);
  }

  ask(request: Request, delayMs = 0): void {
    this.motion.request(request, this.nowMs, delayMs);
  }

  move(distanceM: number, { speedMps = 0.3, leaseMs = 30_000, delayMs = 0 } = {}): number {
    const id = ++this.#ids;
    this.ask({ type: "move", id, distance_m: distanceM, speed_mps: speedMps, lease_ms: leaseMs }, delayMs);
    return id;
  }

  turn(angleDeg: number, speedMps = 0.3): number {
    const id = ++this.#ids;
    this.ask({ type: "turn", id, angle_deg: angleDeg, speed_mps: speedMps, lease_ms: 30_000 });
    return id;
  }

  steer(speedMps: number, steerDeg: number, leaseMs = 250): number {
    const id = ++this.#ids;
    this.ask({ type: "drive", id, speed_mps: speedMps, steer_deg: steerDeg, lease_ms: leaseMs });
    return id;
  }

  /** A motion that is under way at full speed. */
  driving(distanceM = 5): number {
    const id = this.move(distanceM);
    this.run(600);
    if (!this.turning) throw new Error("it does not drive");
    return id;
  }

  get turning(): boolean {
    return this.bench.turning;
  }

  /** How a motion ended, once it has. */
  ended(id: number): Extract<Reply, { type: "ended" }> {
    this.until(() => this.said.some((reply) => reply.type === "ended" && reply.id === id), 40_000);
    return this.said.find((reply) => reply.type === "ended" && reply.id === id) as never;
  }

  refusal(id: number): string | undefined {
    const reply = this.said.find((one) => one.type === "refused" && one.id === id);
    return reply?.type === "refused" ? reply.message : undefined;
  }

  faults(): string[] {
    return this.said.flatMap((reply) => (reply.type === "fault" ? [reply.message] : []));
  }

  [Symbol.dispose](): void {
    this.bench[Symbol.dispose]();
  }
}
