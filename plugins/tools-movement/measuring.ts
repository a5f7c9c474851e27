import { MynaError } from "myna";
import type { DistanceSensor, PluginContext } from "myna";
import { z } from "zod";
import type { Driving } from "./driving.ts";
import { MOTION_TIMEOUT_MS, reportFields } from "./driving.ts";
import { sayLength, sayMove } from "./sentences.ts";

/** An approach goes slower than a drive that was asked for by distance, m/s. */
const APPROACH_MPS = 0.2;
/** Without an echo nothing is known to be near, nor to be far, metres. */
const BLIND_APPROACH_M = 0.3;
/** Less than this is not worth a motion, metres. */
const LEAST_MOVE_M = 0.02;

/** Metres to the nearest thing ahead; null without an echo. A sensor that failed throws DEVICE_FAILED. */
async function measure(sensor: DistanceSensor): Promise<number | null> {
  const reading = await sensor.read();
  if (reading.kind === "failed")
    throw new MynaError("DEVICE_FAILED", `the distance sensor failed: ${reading.message}`);
  return reading.kind === "distance" ? reading.distanceM : null;
}

/** Adds `measure_distance`. */
export function addMeasureDistance(ctx: PluginContext, sensor: DistanceSensor): void {
  ctx.tool({
    name: "measure_distance",
    description:
      "Measures the distance from the robot's front to the nearest wall or obstacle straight ahead, in meters, up to about " +
      "3 meters. No echo means that nothing answered: neither near nor far is known.",
    parameters: z.object({}),
    examples: [
      "how far is the wall",
      "how far away is the wall",
      "how far is it",
      "what is the distance",
      "measure the distance",
    ],
    timeoutMs: 5000,
    async execute() {
      const distanceM = await measure(sensor);
      if (distanceM === null)
        return { kind: "no_echo", summary: "I get no echo: nothing is within my range." };
      return {
        kind: "distance",
        distance_m: Number(distanceM.toFixed(2)),
        summary: `The nearest obstacle ahead is ${sayLength(distanceM, 1)} away.`,
      };
    },
  });
}

/** Adds `come_closer`; at least `keepM` stay free ahead. */
export function addComeCloser(
  ctx: PluginContext,
  parts: { sensor: DistanceSensor; driving: Driving; keepM: number },
): void {
  const { sensor, driving, keepM } = parts;
  ctx.tool({
    name: "come_closer",
    description:
      "Drives slowly toward what is ahead: by a distance, or by half of the free way when none is given. Keeps " +
      `${sayLength(keepM)} away from it.`,
    parameters: z.object({
      distance_m: z
        .number()
        .min(0.05)
        .max(3)
        .optional()
        .describe("Distance in meters. Leave out for half of the free way. A little is 0.2."),
    }),
    examples: ["come closer", "come a bit closer", "come here", "come closer {distance_m}"],
    timeoutMs: MOTION_TIMEOUT_MS,
    async execute({ distance_m }, call) {
      const freeM = await measure(sensor);
      const wantedM = distance_m ?? (freeM === null ? BLIND_APPROACH_M : freeM / 2);
      const distanceM = freeM === null ? wantedM : Math.min(wantedM, freeM - keepM);
      if (freeM !== null && distanceM < LEAST_MOVE_M) {
        return {
          ended: "completed",
          moved_m: 0,
          distance_m: Number(freeM.toFixed(2)),
          summary: `I am close already: the nearest obstacle is ${sayLength(freeM)} ahead.`,
        };
      }
      const report = await driving.move({ distanceM, speedMps: APPROACH_MPS }, call);
      const afterM = call.signal.aborted ? null : await measure(sensor);
      const came =
        report.ended === "completed"
          ? `I came ${sayLength(report.movedM)} closer.`
          : sayMove(report, distanceM);
      return {
        ...reportFields(report),
        ...(afterM !== null && { distance_m: Number(afterM.toFixed(2)) }),
        summary: came,
      };
    },
  });
}
