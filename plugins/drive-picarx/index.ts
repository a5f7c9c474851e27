import { MynaError, definePlugin } from "myna";
import type { BodyState, MotionReport, Pose } from "myna";
import { driveConfig } from "./config.ts";
import { MotionProcess } from "./motion-process.ts";
import { settingsOf } from "./settings-of.ts";

/** The parent's sign of life. */
const ALIVE_PERIOD_MS = 50;
const MAX_DISTANCE_M = 20;
const MAX_ANGLE_DEG = 1080;
/** Longer than the controller's reset needs, and no longer. */
const RESET_LOW_MS = 12;

interface State {
  motions: number;
  place: Pose | undefined;
}

/** The wheels, steering and servos of a PiCar-X, real or simulated, through the motion process. */
export default definePlugin({
  name: "drive-picarx",
  config: driveConfig,
  requires: ["board"],
  provides: ["drive", "body"],
  state: (): State => ({ motions: 0, place: undefined }),
  async setup(ctx) {
    const { config, state } = ctx;
    const board = ctx.use("board");
    const settings = settingsOf(config, board.describe(), `${ctx.id} of process ${process.pid}`);
    const origin = state.place ?? (ctx.has("world") ? ctx.use("world").pose() : ORIGIN);
    let pose: Pose & { moving: boolean } = { ...ORIGIN, ...origin, moving: false };
    let body: BodyState | undefined;
    const kinds = new Map<number, "move" | "turn">();
    const stateHandlers = new Set<(state: BodyState) => void>();

    const motion = new MotionProcess(
      settings,
      {
        onPose({ type: _, moving, ...place }) {
          state.place = placeFrom(origin, place);
          pose = { ...state.place, moving };
          ctx.publish("body.pose", pose);
        },
        onState({ type: _, ...told }) {
          body = { ...told, atMs: performance.now() };
          for (const handler of stateHandlers) handler(body);
        },
        onStarted() {
          pose = { ...pose, moving: true };
        },
        onEnded(id, report) {
          const kind = kinds.get(id);
          kinds.delete(id);
          if (kind) {
            const { movedM, turnedDeg, ended } = report;
            ctx.publish("motion.stopped", {
              motion_id: id,
              kind,
              ended,
              moved_m: movedM,
              turned_deg: turnedDeg,
            });
          }
        },
        onDied(error) {
          // Its motors go on turning: only the controller's reset line stops them now.
          void resetController().finally(() => ctx.fail(error));
        },
      },
      ctx.log,
    );
    const resetController = async (): Promise<void> => {
      const chip = await board.openLines();
      const line = chip.output(settings.lines.motorReset, { consumer: "myna stop", high: false });
      await Bun.sleep(RESET_LOW_MS);
      line.set(true);
      line.close();
    };
    ctx.defer(() => motion.close());
    ctx.every(ALIVE_PERIOD_MS, () => motion.tell({ type: "alive" }));
    await motion.ready();

    const run = async (
      kind: "move" | "turn",
      asked: number,
      most: number,
      speedMps: number | undefined,
      signal: AbortSignal | undefined,
    ): Promise<MotionReport> => {
      if (!(Math.abs(asked) <= most)) {
        const name = kind === "move" ? "distanceM" : "angleDeg";
        throw new MynaError("MOTION_REFUSED", `${name} must be between -${most} and ${most}, not ${asked}`);
      }
      const { maxSpeedMps, defaultSpeedMps } = settings.motors;
      const speed = speedMps ?? defaultSpeedMps;
      if (!(speed > 0 && speed <= maxSpeedMps)) {
        const message = `speedMps must be above 0 and at most ${maxSpeedMps}, not ${speed}`;
        throw new MynaError("MOTION_REFUSED", message);
      }
      if (signal?.aborted) return NOT_MOVED;
      const id = ++state.motions;
      const onAbort = () => motion.tell({ type: "stop", ended: "stopped" });
      signal?.addEventListener("abort", onAbort, { once: true });
      const common = { id, speed_mps: speed, lease_ms: settings.limits.maxMotionMs };
      kinds.set(id, kind);
      pose = { ...pose, moving: true };
      ctx.publish("motion.started", { motion_id: id, kind, asked });
      try {
        return await motion.run(
          kind === "move"
            ? { type: "move", distance_m: asked, ...common }
            : { type: "turn", angle_deg: asked, ...common },
        );
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
    };
    ctx.provide("drive", {
      move: ({ distanceM, speedMps }, signal) => run("move", distanceM, MAX_DISTANCE_M, speedMps, signal),
      turn: ({ angleDeg, speedMps }, signal) => run("turn", angleDeg, MAX_ANGLE_DEG, speedMps, signal),
      stop: () => motion.tell({ type: "stop", ended: "stopped" }),
      pose: () => pose,
    });
    ctx.provide("body", {
      state: () => body,
      onState(handler) {
        stateHandlers.add(handler);
        return () => stateHandlers.delete(handler);
      },
      async servo(channel, angleDeg, layer = "base") {
        const known = settings.servos.find((servo) => servo.channel === channel);
        if (!known || !Number.isFinite(angleDeg))
          throw new MynaError("MOTION_REFUSED", `servo ${channel} cannot be set to ${angleDeg} degrees`);
        const reachedDeg = Math.min(known.maxDeg, Math.max(known.minDeg, angleDeg));
        motion.tell({ type: "servo", channel, angle_deg: reachedDeg, layer });
        return { angleDeg: reachedDeg };
      },
      emergencyStop: (reason) => motion.tell({ type: "latch", reason }),
      release: async () => motion.tell({ type: "release" }),
    });
    if (config.stop_on_link_loss) {
      let linked = false;
      ctx.on("session.state_changed", ({ state: link }) => {
        if (linked && link !== "ready" && pose.moving) {
          ctx.log.warn("the link was lost while driving: wheels stopped");
          motion.tell({ type: "stop", ended: "link_lost" });
        }
        linked = link === "ready";
      });
    }
    ctx.inspect(() => ({
      ...pose,
      motion_pid: motion.pid,
      ...(body && { duty: body.duty, latched: body.latched ?? null, battery_v: body.batteryV ?? null }),
    }));
    ctx.publish("body.pose", pose);
  },
});

const ORIGIN: Pose = { x_m: 0, y_m: 0, heading_deg: 0 };
const NOT_MOVED: MotionReport = { movedM: 0, turnedDeg: 0, ended: "stopped" };

/** Dead reckoning starts at zero with each motion process: seen from where that was. */
function placeFrom(origin: Pose, way: Pose): Pose {
  const rad = (origin.heading_deg * Math.PI) / 180;
  const headingDeg = origin.heading_deg + way.heading_deg;
  return {
    x_m: round(origin.x_m + way.x_m * Math.cos(rad) - way.y_m * Math.sin(rad)),
    y_m: round(origin.y_m + way.x_m * Math.sin(rad) + way.y_m * Math.cos(rad)),
    heading_deg: round(headingDeg - 360 * Math.round(headingDeg / 360)),
  };
}

function round(value: number): number {
  return Number(value.toFixed(4)) || 0;
}
