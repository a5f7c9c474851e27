import { join } from "node:path";
import { BOARD_LINES, definePlugin, filePath } from "myna";
import type { LineChip, Pose } from "myna";
import { z } from "zod";
import { FloorPlan } from "./floor-plan.ts";
import { makeHatFile, removeHatFile } from "./hat-file.ts";
import { HatMemory } from "./hat-memory.ts";
import { Physics } from "./physics.ts";
import { loadRoom } from "./room-file.ts";

/** How often the world moves on. */
const TICK_MS = 20;
/** At rest the sensors change by their noise only. */
const TICKS_PER_SENSE_AT_REST = 5;
/** A stalled event loop slows the world instead of letting it leap. */
const MAX_STEP_S = 0.25;
const RAY_LIMIT_M = 10;

const config = z.object({
  /** A room of the plugin's rooms folder by name, or the path of a TOML file. */
  room: filePath({ orName: true }).default("living-room"),
  /** Which Robot HAT it is. */
  revision: z.enum(["v4", "v5"]).default("v4"),
  /** From the body's centre to the ultrasonic and the grayscale sensors, metres. */
  front_m: z.number().min(0).max(1).default(0.13),
  /** Half angle of the ultrasonic cone, degrees. */
  cone_deg: z.number().min(0).max(45).default(12),
  /** Deviation of a measured distance, metres. */
  sigma_m: z.number().min(0).max(0.5).default(0.005),
  /** Range of the ultrasonic sensor, metres. */
  max_m: z.number().positive().max(10).default(3.3),
  /** Share of pings without an echo although something is there. */
  loss_rate: z.number().min(0).max(1).default(0),
  /** Of both cells at rest. */
  battery_v: z.number().min(0).max(9).default(7.4),
  /** The same seed gives the same noise. */
  seed: z.number().int().min(0).default(1),
  /** File of the simulated HAT, for whoever looks at it from outside; by default one of its own, gone with the robot. */
  hat: filePath().optional(),
});

interface State {
  place: { room: string; pose: Pose } | undefined;
  /** The HAT's file: who has it mapped must find the same after a reload. */
  ownHat: string | undefined;
}

/** A Robot HAT in a file in memory, on a simulated PiCar-X in a simulated room. */
export default definePlugin({
  name: "board-sim",
  config,
  provides: ["board", "world"],
  state: (): State => ({ place: undefined, ownHat: undefined }),
  check: async ({ room }) => void (await loadRoom(room)),
  async doctor({ config: { room, revision } }) {
    const { name } = await loadRoom(room);
    const message = `simulated: a Robot HAT ${revision.toUpperCase()} in memory, with its pins, bus and battery, in the room "${name}"`;
    return [{ name: "board", state: "not_here", message }];
  },
  async setup(ctx) {
    const { config: settings, state } = ctx;
    const { revision } = settings;
    const room = await loadRoom(settings.room, `[plugins.${ctx.id}] room`);
    const floor = new FloorPlan(room);
    const kept = state.place?.room === settings.room ? state.place.pose : undefined;
    const path = settings.hat ?? (state.ownHat ??= makeHatFile());
    const hat = HatMemory.open(path);
    const removeOwn = () => {
      if (state.ownHat !== undefined) removeHatFile(state.ownHat);
    };
    ctx.on("runtime.stopping", () => ctx.defer(removeOwn));
    const physics = new Physics(hat, floor, {
      revision,
      start: kept && floor.isPassable(kept.x_m, kept.y_m) ? kept : room.start,
      frontM: settings.front_m,
      coneDeg: settings.cone_deg,
      rangeSigmaM: settings.sigma_m,
      rangeMaxM: settings.max_m,
      lossRate: settings.loss_rate,
      batteryV: settings.battery_v,
      seed: settings.seed,
    });
    let lastMs = performance.now();
    let ticks = 0;
    let wasActive = false;
    let wasBlocked = false;
    ctx.every(TICK_MS, () => {
      const nowMs = performance.now();
      physics.step(Math.min(MAX_STEP_S, (nowMs - lastMs) / 1000));
      lastMs = nowMs;
      const { active } = physics;
      if (active || ++ticks % TICKS_PER_SENSE_AT_REST === 0) physics.sense();
      const rests = !active && !wasActive && state.place !== undefined;
      wasActive = active;
      if (rests) return;
      const { moving: _, ...pose } = physics.pose();
      state.place = { room: settings.room, pose };
      if (physics.blocked && !wasBlocked) ctx.log.warn("the simulated car is stuck", { ...pose });
      wasBlocked = physics.blocked;
    });
    const lines = BOARD_LINES[revision];
    const { motorReset, ultrasonicTrigger, ultrasonicEcho } = lines;
    const lineChip = {
      module: join(import.meta.dir, "lines.ts"),
      options: { hat: path, motorReset, ultrasonicTrigger, ultrasonicEcho },
    };
    ctx.provide("board", {
      describe: () => ({
        revision,
        lines,
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
    ctx.inspect(() => ({
      room: room.name,
      ...physics.pose(),
      stuck: physics.blocked,
      resets: hat.resets,
      hat: path,
    }));
  },
});
