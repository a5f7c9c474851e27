import { MynaError, definePlugin } from "myna";
import type { BodyState, Pose } from "myna";
import { motorsStep } from "./calibration/motors.ts";
import { cameraStep, steeringStep } from "./calibration/servos.ts";
import { speedStep } from "./calibration/speed.ts";
import { vendorStep } from "./calibration/vendor.ts";
import { driveConfig } from "./config.ts";
import { checkDrive } from "./doctor.ts";
import { MotionDrive } from "./motion-drive.ts";
import { MotionProcess } from "./motion-process.ts";
import { settingsOf } from "./settings-of.ts";

/** The parent's sign of life. */
const BEAT_MS = 50;
/** Longer than the controller's reset needs, and no longer. */
const RESET_LOW_MS = 12;
/** The controller's servos are switched on one after the other: the last one has power by then. */
const SERVOS_START_MS = 300;

interface State {
  motions: number;
  place: Pose | undefined;
  /** An emergency stop outlives the motion process. */
  latched: string | undefined;
}

/** The wheels, steering and servos of a PiCar-X, real or simulated, through the motion process. */
export default definePlugin({
  name: "drive-picarx",
  config: driveConfig,
  requires: ["board"],
  provides: ["drive", "body"],
  doctor: checkDrive,
  calibrate: {
    vendor: vendorStep,
    motors: motorsStep,
    steering: steeringStep,
    camera: cameraStep,
    speed: speedStep,
  },
  state: (): State => ({ motions: 0, place: undefined, latched: undefined }),
  async setup(ctx) {
    const { config, state } = ctx;
    const board = ctx.use("board");
    const settings = settingsOf(config, board.describe(), `${ctx.id} of process ${process.pid}`);
    if (state.latched !== undefined) settings.latched = state.latched;
    const origin = state.place ?? (ctx.has("world") ? ctx.use("world").pose() : ORIGIN);
    let place: Pose & { moving: boolean } = { ...ORIGIN, ...origin, moving: false };
    let body: BodyState | undefined;
    /** Number of the last line that latched or released. */
    let decided = 0;
    /** Ends when the motors of a motion process that died are stopped. */
    let died: Promise<void> | undefined;
    const latch = (reason: string | undefined) => {
      if (reason !== undefined && state.latched === undefined) drive.stopped();
      state.latched = reason;
    };
    const stateHandlers = new Set<(state: BodyState) => void>();

    /** What stops motors whose process is gone. Without a pause: nothing comes between that would leave the line low. */
    const resetController = async (): Promise<void> => {
      const chip = await board.openLines();
      const line = chip.output(settings.lines.motorReset, { consumer: "myna stop", high: false });
      try {
        Bun.sleepSync(RESET_LOW_MS);
        line.set(true);
      } finally {
        line.close();
      }
    };
    const reset = async (why: string): Promise<void> => {
      // A robot that somebody else drives is not ours to reset.
      if (!motion.owned) return;
      try {
        await resetController();
        ctx.log.warn("the motor controller was reset", { why });
      } catch (error) {
        ctx.log.error("the motor controller could not be reset: switch the robot off", { why, error });
      }
    };

    const motion = new MotionProcess(
      settings,
      {
        onPose({ x_m, y_m, heading_deg, moving, motion: under }) {
          state.place = placeFrom(origin, { x_m, y_m, heading_deg });
          place = { ...state.place, moving };
          if (under) drive.progressed(under);
          ctx.publish("body.pose", place);
        },
        onState({ type: _, heard = 0, ...told }) {
          // What it said before it heard of our last stop or release says nothing of that.
          if (heard >= decided) latch(told.latched);
          body = { ...told, latched: state.latched, atMs: performance.now() };
          for (const handler of stateHandlers) handler(body);
        },
        onStarted: (id) => drive.started(id),
        onEnded: (id, report) => drive.ended(id, report),
        onRefused: (id) => drive.refused(id),
        onDied(error) {
          died = reset(error.message).finally(() => ctx.fail(error));
        },
      },
      ctx.log,
    );
    const drive = new MotionDrive(
      {
        motion,
        latched: () => state.latched,
        limits: { ...settings.motors, maxMotionMs: settings.limits.maxMotionMs },
        place: () => place,
        nextId: () => ++state.motions,
        onStarted: (event) => ctx.publish("motion.started", event),
        onStopped: (event) => ctx.publish("motion.stopped", event),
      },
      state.motions > 0,
    );
    ctx.defer(async () => {
      await died;
      if (!(await motion.close())) await reset("the motion process had to be killed");
      // What watches over a moving body is not to wait for word of a drive that is gone.
      if (place.moving) ctx.publish("body.pose", { ...place, moving: false });
      // Whoever waits for a report gets it before the module world of this plugin, and its promises, are gone.
      await Bun.sleep(0);
    });
    ctx.every(BEAT_MS, () => motion.beat());
    // The controller starts while the rest of the robot does; the first motion waits for it.
    await motion.claimed();
    const servosUp = motion.ready().then(() => Bun.sleep(SERVOS_START_MS));
    servosUp.catch((error: Error) => {
      // Of one that died it is told when its motors are stopped.
      if (!died && !ctx.signal.aborted) ctx.fail(error);
    });

    // First what stops.
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
        // Until the controller runs no servo turns.
        await servosUp;
        if (state.latched !== undefined) {
          const message = `emergency stop (${state.latched}): release it first`;
          throw new MynaError("MOTION_REFUSED", message);
        }
        const reachedDeg = Math.min(known.maxDeg, Math.max(known.minDeg, angleDeg));
        motion.tell({ type: "servo", channel, angle_deg: reachedDeg, layer });
        return { angleDeg: reachedDeg };
      },
      emergencyStop(reason) {
        decided = motion.tell({ type: "latch", reason });
        latch(state.latched ?? reason);
      },
      async release() {
        decided = motion.tell({ type: "release" });
        latch(undefined);
      },
    });
    drive.opened();
    ctx.provide("drive", drive);
    if (config.stop_on_link_loss) {
      let linked = false;
      ctx.on("session.state_changed", ({ state: link }) => {
        if (linked && link !== "ready" && drive.busy) {
          ctx.log.warn("the link was lost while driving: wheels stopped");
          drive.linkLost();
        }
        linked = link === "ready";
      });
    }
    ctx.inspect(() => ({
      ...drive.pose(),
      motion_pid: motion.pid,
      ...(body && { duty: body.duty, latched: body.latched ?? null, battery_v: body.batteryV ?? null }),
    }));
    ctx.publish("body.pose", place);
  },
});

const ORIGIN: Pose = { x_m: 0, y_m: 0, heading_deg: 0 };

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
