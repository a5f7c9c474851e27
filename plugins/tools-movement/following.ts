import type { Body, LineSensor, PluginContext } from "myna";
import { z } from "zod";
import { MOTION_TIMEOUT_MS, reportFields } from "./driving.ts";
import type { Driving } from "./driving.ts";
import { LineFollower } from "./line-follower.ts";
import { sayFollowedLine, sayKeptDistance } from "./sentences.ts";

const LINE_M = 2;
const LINE_MPS = 0.15;
const KEEP_M = 0.5;
const KEEP_S = 20;
/** Within this much the distance is kept, metres. */
const KEEP_PLAY_M = 0.04;
/** Speed for a metre too far or too near, 1/s. */
const KEEP_GAIN_PER_S = 1.5;
const KEEP_LEAST_MPS = 0.08;
const KEEP_FORWARD_MPS = 0.3;
const KEEP_BACKWARD_MPS = 0.15;

/** Adds `follow_line`. */
export function addFollowLine(ctx: PluginContext, driving: Driving, line: LineSensor): void {
  ctx.tool({
    name: "follow_line",
    description:
      "Follows a dark line on the floor that the robot stands on, until it has gone the distance, loses the line, or " +
      "something is in the way.",
    parameters: z.object({
      distance_m: z.number().min(0.1).max(6).optional().describe(`How far, meters. Usually ${LINE_M}.`),
      speed_mps: z.number().min(0.1).max(0.25).optional().describe(`Usually ${LINE_MPS} meters per second.`),
    }),
    examples: ["follow the line"],
    timeoutMs: MOTION_TIMEOUT_MS,
    async execute({ distance_m, speed_mps }, call) {
      if (line.read().offset === undefined)
        return { ended: "line_lost", moved_m: 0, turned_deg: 0, summary: "I see no line under me." };
      const options = { speedMps: speed_mps ?? LINE_MPS, distanceM: distance_m ?? LINE_M };
      const follower = new LineFollower(options);
      const report = await driving.stream((way) => follower.decide(line.read(), way), call);
      return { ...reportFields(report), summary: sayFollowedLine(report) };
    },
  });
}

/** Adds `keep_distance`. */
export function addKeepDistance(ctx: PluginContext, driving: Driving, body: Body): void {
  ctx.tool({
    name: "keep_distance",
    description:
      "Keeps a distance to what is ahead for a while: follows it when it goes away and backs off when it comes nearer. Use it " +
      "to follow somebody who walks ahead.",
    parameters: z.object({
      distance_m: z.number().min(0.2).max(2).optional().describe(`Meters. Usually ${KEEP_M}.`),
      duration_s: z.number().min(1).max(40).optional().describe(`Seconds. Usually ${KEEP_S}.`),
    }),
    examples: ["follow me", "keep your distance"],
    timeoutMs: MOTION_TIMEOUT_MS,
    async execute({ distance_m, duration_s }, call) {
      const keepM = distance_m ?? KEEP_M;
      const endMs = (duration_s ?? KEEP_S) * 1000;
      const report = await driving.stream(({ elapsedMs }) => {
        if (elapsedMs >= endMs) return { ended: "completed" as const };
        const distance = body.state()?.distance;
        // Without an echo nothing is known to be there.
        const offM = distance?.kind === "distance" ? distance.distanceM - keepM : 0;
        return { speedMps: keepingMps(offM), steerDeg: 0 };
      }, call);
      return { ...reportFields(report), summary: sayKeptDistance(report, keepM) };
    },
  });
}

/** Speed where the distance is `offM` too large; negative backs off. */
function keepingMps(offM: number): number {
  if (Math.abs(offM) <= KEEP_PLAY_M) return 0;
  const mps = Math.max(KEEP_LEAST_MPS, Math.abs(offM) * KEEP_GAIN_PER_S);
  return offM > 0 ? Math.min(KEEP_FORWARD_MPS, mps) : -Math.min(KEEP_BACKWARD_MPS, mps);
}
