import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { definePlugin, filePath } from "myna";
import type { BoardLines, LineChip, Pose } from "myna";
import { z } from "zod";
import { FloorPlan } from "./floor-plan.ts";
import { HatMemory } from "./hat-memory.ts";
import { Physics } from "./physics.ts";
import { loadRoom } from "./room-file.ts";

/** How often the world moves on. */
const TICK_MS = 20;
/** A stalled event loop slows the world instead of letting it leap. */
const MAX_STEP_S = 0.25;
const RAY_LIMIT_M = 10;
/** A folder in memory where the system has one. */
const MEMORY = "/dev/shm";

/** Lines of a V4 board (robot-hat, device.py). */
const LINES: BoardLines = {
  motorReset: 5,
  leftDirection: 23,
  rightDirection: 24,
  ultrasonicTrigger: 27,
  ultrasonicEcho: 22,
  led: 26,
  userButton: 25,
  resetButton: 16,
  speakerEnable: 20,
};

const config = z.object({
  /** A room of the plugin's rooms folder by name, or the path of a TOML file. */
  room: filePath({ orName: true }).default("living-room"),
  /** From the body's centre to the ultrasonic and the grayscale sensors, metres. */
  front_m: z.number().min(0).max(1).default(0.13),
  /** Half angle of the ultrasonic cone, degrees. */
  cone_deg: z.number().min(0).max(45).default(12),
  /** Deviation of a measured distance, metres. */
  sigma_m: z.number().min(0).max(0.5).default(0.005),
  max_m: z.number().positive().max(10).default(3.3),
  /** Share of pings without an echo although something is there. */
  loss_rate: z.number().min(0).max(1).default(0),
  battery_v: z.number().min(0).max(9).default(7.4),
  /** The same seed gives the same noise. */
  seed: z.number().int().min(0).default(1),
  /** File of the simulated HAT, for whoever looks at it from outside; by default one of its own that ends with the plugin. */
  hat: filePath().optional(),
});

interface State {
  place: { room: string; pose: Pose } | undefined;
}

/** A Robot HAT in a file in memory, on a simulated PiCar-X in a simulated room. */
export default definePlugin({
  name: "board-sim",
  config,
  provides: ["board", "world"],
  state: (): State => ({ place: undefined }),
  check: async ({ room }) => void (await loadRoom(room)),
  async setup(ctx) {
    const { config: settings, state } = ctx;
    const room = await loadRoom(settings.room, `[plugins.${ctx.id}] room`);
    const floor = new FloorPlan(room);
    const kept = state.place?.room === settings.room ? state.place.pose : undefined;
    const start = kept && floor.isFree(kept.x_m, kept.y_m) ? kept : room.start;
    const path = settings.hat ?? ownFile((undo) => ctx.defer(undo));
    const hat = HatMemory.open(path);
    const physics = new Physics(hat, floor, {
      start,
      frontM: settings.front_m,
      coneDeg: settings.cone_deg,
      rangeSigmaM: settings.sigma_m,
      rangeMaxM: settings.max_m,
      lossRate: settings.loss_rate,
      batteryV: settings.battery_v,
      motorBias: 0,
      seed: settings.seed,
      lines: { leftDirection: LINES.leftDirection!, rightDirection: LINES.rightDirection! },
    });
    let lastMs = performance.now();
    ctx.every(TICK_MS, () => {
      const nowMs = performance.now();
      physics.step(Math.min(MAX_STEP_S, (nowMs - lastMs) / 1000));
      lastMs = nowMs;
      const { moving: _, ...pose } = physics.pose();
      state.place = { room: settings.room, pose };
    });
    const lineChip = {
      module: join(import.meta.dir, "lines.ts"),
      options: {
        hat: path,
        motorReset: LINES.motorReset,
        ultrasonicTrigger: LINES.ultrasonicTrigger,
        ultrasonicEcho: LINES.ultrasonicEcho,
      },
    };
    ctx.provide("board", {
      describe: () => ({
        revision: "v4",
        lines: LINES,
        i2c: { module: join(import.meta.dir, "i2c.ts"), options: { hat: path } },
        lineChip,
      }),
      async openLines() {
        const { openLines } = (await import(lineChip.module)) as {
          openLines: (options: unknown) => LineChip;
        };
        const chip = openLines(lineChip.options);
        ctx.defer(() => chip.close());
        return chip;
      },
    });
    ctx.provide("world", {
      room: () => room,
      pose: () => physics.pose(),
      head: () => physics.head(),
      rangeM: (bearingDeg) => physics.rangeM(bearingDeg, RAY_LIMIT_M),
    });
    ctx.inspect(() => ({ room: room.name, ...physics.pose(), resets: hat.resets, hat: path }));
  },
});

function ownFile(onEnd: (undo: () => void) => void): string {
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "myna-hat-"));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "hat");
}
