import type { Drive, Json, MotionReport, PluginContext, ToolCall } from "myna";
import { z } from "zod";
import { MotionQueue, NOT_BEGUN } from "./motion-queue.ts";
import { progressOf } from "./progress.ts";
import { sayMove, sayTurn } from "./sentences.ts";
import type { Decision, StreamReport, Streams, Way } from "./stream.ts";

/** Longer than any motion within the tools' own limits takes at their slowest speed. */
export const MOTION_TIMEOUT_MS = 45_000;

/** Ends that were not the motion's own: what waits behind it does not begin. */
const ENDS_ALL: ReadonlySet<string> = new Set(["stopped", "link_lost", "lease"]);

const speedMps = z
  .number()
  .min(0.1)
  .max(0.5)
  .optional()
  .describe("Speed in meters per second, 0.1 to 0.5. Leave out for the usual speed.");

const moveParameters = z.object({
  distance_m: z
    .number()
    .min(-3)
    .max(3)
    .describe("Distance in meters: positive is forward, negative is backward. A little is 0.2."),
  speed_mps: speedMps,
});

const turnParameters = z.object({
  angle_deg: z
    .number()
    .min(-360)
    .max(360)
    .describe("Angle in degrees: positive is to the left, negative is to the right. A little is 20."),
  speed_mps: speedMps,
});

/** The wheels as tools use them: one motion after the other, stopped together. */
export class Driving {
  readonly #drive: Drive;
  readonly #streams: Streams;
  readonly #queue = new MotionQueue();
  readonly #signalFor: (call: AbortSignal) => AbortSignal;

  /** `signalFor` gives the signal that ends a motion, for that of its call. */
  constructor(drive: Drive, streams: Streams, signalFor: (call: AbortSignal) => AbortSignal) {
    this.#drive = drive;
    this.#streams = streams;
    this.#signalFor = signalFor;
  }

  async move(intent: { distanceM: number; speedMps?: number }, call: ToolCall): Promise<MotionReport> {
    const onProgress = progressOf(call);
    return await this.#run(call, (signal) => this.#drive.move({ ...intent, onProgress }, signal));
  }

  async turn(intent: { angleDeg: number; speedMps?: number }, call: ToolCall): Promise<MotionReport> {
    const onProgress = progressOf(call);
    return await this.#run(call, (signal) => this.#drive.turn({ ...intent, onProgress }, signal));
  }

  /** Drives as `decide` says, 20 times a second. */
  async stream<End extends string>(
    decide: (way: Way) => Decision<End>,
    call: ToolCall,
  ): Promise<StreamReport<End>> {
    const onProgress = progressOf(call);
    // The drive ends its own motions on a lost link; a stream would begin the next one.
    const lost = new AbortController();
    const onLost = () => lost.abort("link_lost");
    call.link.addEventListener("abort", onLost, { once: true });
    try {
      return await this.#run<StreamReport<End>>(call, (signal) =>
        this.#streams.run(
          (way) => {
            onProgress(way);
            return decide(way);
          },
          AbortSignal.any([signal, lost.signal]),
        ),
      );
    } finally {
      call.link.removeEventListener("abort", onLost);
    }
  }

  /** The wheels stop before it returns; what waits is dropped. */
  stop(): { wasMoving: boolean } {
    const wasMoving = this.#drive.pose().moving || this.#queue.waiting > 0;
    this.#queue.clear();
    this.#streams.end("stopped");
    this.#drive.stop("stop tool");
    return { wasMoving };
  }

  async #run<Report extends { ended: string } = MotionReport>(
    { signal: call, link }: ToolCall,
    motion: (signal: AbortSignal) => Promise<Report>,
  ): Promise<Report | MotionReport> {
    const signal = this.#signalFor(call);
    // The drive ends what is under way when the link is lost; nothing of what that link asked for begins after it.
    const report = await this.#queue.run(AbortSignal.any([signal, link]), async () => {
      const ended = await motion(signal);
      // Before the next one begins: what stopped this motion from outside stops those behind it as well.
      if (ENDS_ALL.has(ended.ended)) this.#queue.clear();
      return ended;
    });
    if (report !== NOT_BEGUN) return report;
    return { movedM: 0, turnedDeg: 0, ended: link.aborted ? "link_lost" : "stopped" };
  }
}

/** Adds `move`. */
export function addMove(ctx: PluginContext, driving: Driving): void {
  ctx.tool({
    name: "move",
    formerNames: ["move_forward"],
    description:
      "Drives the robot straight forward or backward by a distance, and stops by itself before obstacles and edges. " +
      "The result says how far it really went.",
    parameters: moveParameters,
    examples: [
      "move forward {distance_m}",
      "go forward {distance_m}",
      "drive forward {distance_m}",
      "move backward {distance_m}",
      "move backwards {distance_m}",
      "move back {distance_m}",
      "go back {distance_m}",
      "go backward {distance_m}",
      "drive back {distance_m}",
    ],
    timeoutMs: MOTION_TIMEOUT_MS,
    async execute({ distance_m, speed_mps }, call) {
      const intent = { distanceM: distance_m, ...(speed_mps !== undefined && { speedMps: speed_mps }) };
      const report = await driving.move(intent, call);
      return { ...reportFields(report), summary: sayMove(report, distance_m) };
    },
  });
}

/** Adds `turn`. */
export function addTurn(ctx: PluginContext, driving: Driving): void {
  ctx.tool({
    name: "turn",
    description:
      "Turns the robot to the left or to the right by an angle. It is a car: it drives an arc, or goes back and forth where " +
      "there is little room. The result says how far it really turned.",
    parameters: turnParameters,
    examples: [
      "turn left {angle_deg}",
      "turn right {angle_deg}",
      "turn to the left {angle_deg}",
      "turn to the right {angle_deg}",
    ],
    timeoutMs: MOTION_TIMEOUT_MS,
    async execute({ angle_deg, speed_mps }, call) {
      const intent = { angleDeg: angle_deg, ...(speed_mps !== undefined && { speedMps: speed_mps }) };
      const report = await driving.turn(intent, call);
      return { ...reportFields(report), summary: sayTurn(report, angle_deg) };
    },
  });
}

/** Adds `stop`, which never waits for anything. */
export function addStop(ctx: PluginContext, driving: Driving): void {
  ctx.tool({
    name: "stop",
    description:
      "Stops the wheels at once and drops every motion that waits. Use it whenever the user says stop.",
    parameters: z.object({}),
    examples: ["stop", "halt", "stop moving"],
    execute() {
      const { wasMoving } = driving.stop();
      return {
        stopped: true,
        was_moving: wasMoving,
        summary: wasMoving ? "I stopped." : "I am standing still.",
      };
    },
  });
}

/** A report as the model reads it: snake_case, units in the names, rounded to what the body can know. */
export function reportFields(report: Omit<MotionReport, "ended"> & { ended: string }): Record<string, Json> {
  return {
    ended: report.ended,
    moved_m: round(report.movedM, 3),
    turned_deg: round(report.turnedDeg, 1),
    ...(report.obstacleM !== undefined && { obstacle_m: round(report.obstacleM, 3) }),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) || 0;
}
