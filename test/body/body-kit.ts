import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BOARD_LINES } from "../../core/board.ts";
import { HatMemory, sharedNowMs } from "../../plugins/board-sim/hat-memory.ts";
import type { RegisterWrite } from "../../plugins/board-sim/hat-memory.ts";
import type { MotionSettings } from "../../plugins/drive-picarx/motion/settings.ts";

const PLUGINS = join(import.meta.dir, "../../plugins");
/** Registers of the two motors' pulse widths. */
export const MOTORS = [0x2c, 0x2d] as const;

/** Lines of a V4 board. */
export const LINES = BOARD_LINES.v4;

/** A simulated HAT in a file of its own, as a robot with a full battery on a white floor two metres before a wall. */
export class Bench implements Disposable {
  readonly folder: string = mkdtempSync("/dev/shm/myna-body-");
  readonly hat: HatMemory = HatMemory.open(join(this.folder, "hat"));

  /** For processes on it: what they leave of themselves goes with the bench. */
  get env(): Record<string, string | undefined> {
    return { ...process.env, MYNA_RUN_FOLDER: join(this.folder, "run") };
  }

  constructor() {
    this.hat.analog.fill(1400);
    this.hat.analog[4] = 3144;
    this.seeM(2);
  }

  /** What stands ahead; null for nothing. */
  seeM(distanceM: number | null): void {
    this.hat.echoUs = distanceM === null ? -1 : (distanceM / 343.3) * 2e6;
  }

  settings(limits: Partial<MotionSettings["limits"]> = {}): MotionSettings {
    const { path } = this.hat;
    return {
      revision: "v4",
      lines: LINES,
      i2c: { module: join(PLUGINS, "board-sim/i2c.ts"), options: { hat: path } },
      lineChip: { module: join(PLUGINS, "board-sim/lines.ts"), options: { hat: path, ...LINES } },
      owner: "a test",
      motors: {
        leftSign: 1,
        rightSign: 1,
        speedMap: [
          [0.3, 0.05],
          [0.5, 0.225],
          [0.9, 0.525],
        ],
        maxSpeedMps: 0.5,
        defaultSpeedMps: 0.3,
        accelerationMps2: 2,
        lagMs: 60,
        coastMs: 150,
      },
      steering: { channel: 2, offsetDeg: 0, maxDeg: 30, gain: 0.5, wheelbaseM: 0.095 },
      servos: [{ channel: 2, offsetDeg: 0, minDeg: -30, maxDeg: 30, sign: -1 }],
      limits: {
        maxMotionMs: 35_000,
        maxReverseMs: 2000,
        aliveMs: 250,
        freshMs: 250,
        obstacleMarginM: 0.15,
        noEchoMps: 0.15,
        ...limits,
      },
      grayscale: { inputs: [0, 1, 2], cliffBelow: [200, 200, 200] },
      ultrasonic: true,
      battery: { input: 4, voltsPerCount: (3.3 / 4095) * 3, criticalV: 6.4 },
    };
  }

  /** A runtime in a process of its own (`parent.ts`), which drives as soon as its motion process is ready. */
  async parent(limits?: Partial<MotionSettings["limits"]>) {
    const settings = JSON.stringify(this.settings(limits));
    const parent = Bun.spawn([process.execPath, join(import.meta.dir, "parent.ts"), settings], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
      env: this.env,
    });
    const { value } = await parent.stdout.getReader().read();
    return { parent, motionPid: Number(new TextDecoder().decode(value).trim()) };
  }

  get turning(): boolean {
    return MOTORS.some((register) => this.hat.registers[register] !== 0);
  }

  /** Resolves once both motors' registers are other than zero, or zero; with the time of the last of those writes. */
  async until(turning: boolean, limitMs = 10_000): Promise<number> {
    const deadline = performance.now() + limitMs;
    while (this.turning !== turning) {
      if (performance.now() > deadline) throw new Error(`the motors are still ${turning ? "off" : "on"}`);
      await Bun.sleep(1);
    }
    return sharedNowMs();
  }

  /** As {@link stoppedAtMs}. */
  stoppedAtMs(from: number): number | undefined {
    return stoppedAtMs(this.hat, from);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The first moment since `from` (a number of writes) at which both motors were at zero or the controller was reset. */
export function stoppedAtMs(hat: HatMemory, from: number): number | undefined {
  const running = new Set<number>(MOTORS);
  for (const write of hat.journal(from)) {
    if (isReset(write)) return write.atMs;
    if (!MOTORS.some((register) => register === write.register)) continue;
    if (write.value === 0) running.delete(write.register);
    else running.add(write.register);
    if (running.size === 0) return write.atMs;
  }
  return undefined;
}

function isReset({ register }: RegisterWrite): boolean {
  return register === 0xff;
}
