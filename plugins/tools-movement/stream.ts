import { isMynaError } from "myna";
import type { Body, BodyState, Drive, MotionReport, PluginContext, Pose } from "myna";

/** How often an intent is sent, and how long it holds. */
const PERIOD_MS = 50;
const LEASE_MS = 300;
/** Looks in a row that find the wheels standing though they were told to turn: then something keeps them from it. */
const STANDING_LOOKS = 14;
/** The wheels roll out within this time. */
const ROLL_OUT_MS = 450;

/** How far a stream of intents has come. */
export interface Way {
  movedM: number;
  turnedDeg: number;
  elapsedMs: number;
}

/** What the wheels do next, or why they are done. */
export type Decision<End extends string> = { speedMps: number; steerDeg: number } | { ended: End };

/** What a stream did, and why it ended. */
export type StreamReport<End extends string> = Omit<MotionReport, "ended"> & {
  ended: End | MotionReport["ended"];
};

/** Drives by many small intents instead of one motion: for what has to look while it drives. */
export class Streams {
  readonly #ctx: Pick<PluginContext, "every" | "on">;
  readonly #drive: Drive;
  readonly #body: Body;
  #underWay: ((ended: MotionReport["ended"]) => void) | undefined;

  constructor(ctx: Pick<PluginContext, "every" | "on">, drive: Drive, body: Body) {
    this.#ctx = ctx;
    this.#drive = drive;
    this.#body = body;
  }

  get underWay(): boolean {
    return this.#underWay !== undefined;
  }

  /** The stream sends no more; the wheels are somebody else's business. */
  end(ended: MotionReport["ended"]): void {
    this.#underWay?.(ended);
  }

  /** Asks `decide` 20 times a second, until it is done or `signal` aborts; its reason may be "link_lost". */
  async run<End extends string>(
    decide: (way: Way) => Decision<End>,
    signal: AbortSignal,
  ): Promise<StreamReport<End>> {
    const drive = this.#drive;
    const startedMs = performance.now();
    const counter = new WayCounter(drive.pose());
    const { promise, resolve, reject } = Promise.withResolvers<StreamReport<End>["ended"]>();
    let standing = 0;
    const onAbort = () => resolve(signal.reason === "link_lost" ? "link_lost" : "stopped");
    const look = () => {
      const nowMs = performance.now();
      const state = this.#body.state();
      if (state?.latched !== undefined) return resolve("stopped");
      const decision = decide({ ...counter.count(drive.pose()), elapsedMs: nowMs - startedMs });
      if ("ended" in decision) return resolve(decision.ended);
      const turning = decision.speedMps === 0 || (state !== undefined && state.duty.left !== 0);
      // How long a sensor may say nothing is for the motion process to say: it ends the stream.
      standing = turning || state?.held === "blind" ? 0 : standing + 1;
      if (standing > STANDING_LOOKS) return resolve(guarded(state) ?? "failed");
      drive.steer({ ...decision, leaseMs: LEASE_MS });
    };
    const step = () => {
      try {
        look();
      } catch (error) {
        // A person has taken the wheels: they are not ours to stop either.
        if (isMynaError(error) && error.code === "MOTION_TAKEN") resolve("superseded");
        else reject(error);
      }
    };
    this.#underWay = resolve;
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const undo = [
      // Somebody else drives, or stopped the wheels. An intent that came too late stopped them too: the next one may come in time.
      this.#ctx.on("motion.started", ({ kind }) => {
        if (kind !== "drive") resolve("superseded");
      }),
      this.#ctx.on("motion.stopped", ({ kind, ended }) => {
        if (kind === "drive" && ended !== "lease") resolve(ended as MotionReport["ended"]);
      }),
      this.#ctx.every(PERIOD_MS, step),
    ];
    step();
    try {
      const ended = await promise;
      for (const one of undo) one();
      if (ended !== "superseded") drive.stop(`stream ended: ${ended}`);
      const ahead = this.#body.state()?.distance;
      const obstacleM = ended === "obstacle" && ahead?.kind === "distance" ? ahead.distanceM : undefined;
      const rest = performance.now() + ROLL_OUT_MS;
      while (ended !== "superseded" && drive.pose().moving && performance.now() < rest) await Bun.sleep(10);
      const { movedM, turnedDeg } = counter.count(drive.pose());
      return { movedM, turnedDeg, ended, ...(obstacleM !== undefined && { obstacleM }) };
    } catch (error) {
      drive.stop("stream failed");
      throw error;
    } finally {
      for (const one of undo) one();
      signal.removeEventListener("abort", onAbort);
      this.#underWay = undefined;
    }
  }
}

/** The guard that bars the way; undefined where something else keeps the wheels still. */
function guarded(state: BodyState | undefined): "obstacle" | "cliff" | undefined {
  return state?.held === "obstacle" || state?.held === "cliff" ? state.held : undefined;
}

/** Adds up poses: signed length of the way, and the change of heading. */
class WayCounter {
  #last: Pose;
  #movedM = 0;
  #turnedDeg = 0;

  constructor(start: Pose) {
    this.#last = start;
  }

  count(pose: Pose): { movedM: number; turnedDeg: number } {
    const [dx, dy] = [pose.x_m - this.#last.x_m, pose.y_m - this.#last.y_m];
    const turnedDeg = wrapDeg(pose.heading_deg - this.#last.heading_deg);
    const rad = ((this.#last.heading_deg + turnedDeg / 2) * Math.PI) / 180;
    const direction = dx * Math.cos(rad) + dy * Math.sin(rad) < 0 ? -1 : 1;
    this.#movedM += direction * Math.hypot(dx, dy);
    this.#turnedDeg += turnedDeg;
    this.#last = pose;
    return { movedM: this.#movedM, turnedDeg: this.#turnedDeg };
  }
}

function wrapDeg(degrees: number): number {
  return degrees - 360 * Math.round(degrees / 360);
}
