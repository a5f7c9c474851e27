import type { PluginContext } from "myna";
import { z } from "zod";
import { MOTION_TIMEOUT_MS, reportFields } from "./driving.ts";
import type { Driving } from "./driving.ts";
import { saySteered } from "./sentences.ts";

const USUAL_M = 0.5;
const USUAL_DEG = 20;
const USUAL_MPS = 0.2;
/** Where the curve ends the car rolls on by about this much, metres. */
const ROLL_ON_M = 0.03;

const parameters = z.object({
  direction: z.enum(["left", "right"]).describe("To which side the curve goes."),
  steer_deg: z
    .number()
    .min(1)
    .max(30)
    .optional()
    .describe(
      `How far the steering is turned, degrees: 30 is the narrowest circle, of 0.35 meters radius. Usually ${USUAL_DEG}.`,
    ),
  distance_m: z
    .number()
    .min(-2)
    .max(2)
    .optional()
    .describe(`Length of the curve in meters, backward negative. Usually ${USUAL_M}.`),
  speed_mps: z.number().min(0.1).max(0.4).optional().describe(`Usually ${USUAL_MPS} meters per second.`),
});

/** Adds `steer`. */
export function addSteer(ctx: PluginContext, driving: Driving): void {
  ctx.tool({
    name: "steer",
    description:
      "Drives a curve: the wheels steer to one side while the robot drives a distance. For a change of direction by an angle " +
      "use turn.",
    parameters,
    examples: ["drive a curve to the {direction}", "steer to the {direction}"],
    timeoutMs: MOTION_TIMEOUT_MS,
    async execute({ direction, steer_deg, distance_m, speed_mps }, call) {
      const askedM = distance_m ?? USUAL_M;
      const steerDeg = (direction === "left" ? 1 : -1) * (steer_deg ?? USUAL_DEG);
      const speedMps = Math.sign(askedM) * (speed_mps ?? USUAL_MPS);
      const report = await driving.stream(
        ({ movedM }) =>
          Math.abs(movedM) >= Math.abs(askedM) - ROLL_ON_M
            ? { ended: "completed" as const }
            : { speedMps, steerDeg },
        call,
      );
      return { ...reportFields(report), summary: saySteered(report, direction) };
    },
  });
}
