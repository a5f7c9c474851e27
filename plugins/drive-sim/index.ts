import { definePlugin, filePath } from "myna";
import type { Pose, World } from "myna";
import { z } from "zod";
import { FloorPlan } from "./floor-plan.ts";
import { loadRoom } from "./room-file.ts";
import { SimulatedDrive } from "./simulated-drive.ts";
import { SimulatedHead } from "./simulated-head.ts";
import type { HeadAngles } from "./simulated-head.ts";

const RAY_LIMIT_M = 10;

const config = z.object({
  /** A room of the plugin's rooms folder by name, or the path of a TOML file. */
  room: filePath({ orName: true }).default("living-room"),
  max_speed_mps: z.number().min(0.05).max(0.6).default(0.5),
  speed_mps: z.number().min(0.05).max(0.6).default(0.3),
  /** Longest time that one intent may drive, seconds. */
  lease_s: z.number().positive().max(300).default(35),
  /** How far from contact a motion ends, metres. */
  obstacle_margin_m: z.number().min(0.02).max(1).default(0.12),
  cliff_margin_m: z.number().min(0.02).max(1).default(0.06),
  stop_on_link_loss: z.boolean().default(true),
});

interface State {
  motions: number;
  /** Where the body was left, in which room. */
  place: { room: string; pose: Pose } | undefined;
  head: HeadAngles;
}

/** The simulated PiCar-X in its room. */
export default definePlugin({
  name: "drive-sim",
  config,
  provides: ["drive", "head", "world"],
  state: (): State => ({ motions: 0, place: undefined, head: { panDeg: 0, tiltDeg: 0 } }),
  check: async ({ room }) => void (await loadRoom(room)),
  async setup(ctx) {
    const { config: settings, state } = ctx;
    const room = await loadRoom(settings.room, `[plugins.${ctx.id}] room`);
    const floor = new FloorPlan(room);
    const kept = state.place?.room === settings.room ? state.place.pose : undefined;
    const start = kept && floor.isFree(kept.x_m, kept.y_m) ? kept : room.start;
    const drive = new SimulatedDrive({
      floor,
      start,
      limits: {
        maxSpeedMps: settings.max_speed_mps,
        defaultSpeedMps: Math.min(settings.speed_mps, settings.max_speed_mps),
        leaseMs: settings.lease_s * 1000,
        margins: { obstacleM: settings.obstacle_margin_m, cliffM: settings.cliff_margin_m },
      },
      nowMs: () => performance.now(),
      every: (periodMs, run) => ctx.every(periodMs, run),
      onPose: (pose) => {
        const { moving: _, ...place } = pose;
        state.place = { room: settings.room, pose: place };
        ctx.publish("body.pose", pose);
      },
      onStarted: (event) => ctx.publish("motion.started", event),
      onStopped: (event) => ctx.publish("motion.stopped", event),
      nextMotionId: () => ++state.motions,
    });
    const head = new SimulatedHead({
      start: state.head,
      nowMs: () => performance.now(),
      wait: (ms) => Bun.sleep(ms),
      onTarget: (target) => {
        state.head = target;
      },
    });
    const world: World = {
      room: () => room,
      pose: () => drive.pose(),
      head: () => head.angles(),
      rangeM: (bearingDeg) => {
        const { x_m, y_m, heading_deg } = drive.pose();
        return floor.ray(x_m, y_m, heading_deg + bearingDeg, RAY_LIMIT_M);
      },
    };
    ctx.defer(async () => {
      drive.halt("stopped");
      // Whoever waits for the report gets it before the module world of this plugin, and its promises, are gone.
      await Bun.sleep(0);
    });
    ctx.provide("drive", drive);
    ctx.provide("head", head);
    ctx.provide("world", world);
    if (settings.stop_on_link_loss) {
      let linked = false;
      ctx.on("session.state_changed", ({ state: link }) => {
        if (linked && link !== "ready" && drive.moving) {
          ctx.log.warn("the link was lost while driving: wheels stopped");
          drive.end("link_lost");
        }
        linked = link === "ready";
      });
    }
    ctx.inspect(() => ({
      room: room.name,
      ...drive.pose(),
      clearance_m: Number(drive.clearanceM().toFixed(3)),
    }));
    ctx.publish("body.pose", drive.pose());
  },
});
