import { MynaError } from "myna";
import type { Head, PluginContext } from "myna";
import { z } from "zod";
import { sayLook } from "./sentences.ts";

const DIRECTIONS = ["up", "down", "left", "right", "ahead"] as const;

/** Where a direction points the camera, degrees: far enough to see something else, within the servos' limits. */
const DIRECTION_DEG: Readonly<Record<(typeof DIRECTIONS)[number], { panDeg: number; tiltDeg: number }>> = {
  up: { panDeg: 0, tiltDeg: 30 },
  down: { panDeg: 0, tiltDeg: -25 },
  left: { panDeg: 45, tiltDeg: 0 },
  right: { panDeg: -45, tiltDeg: 0 },
  ahead: { panDeg: 0, tiltDeg: 0 },
};

const parameters = z.object({
  direction: z.enum(DIRECTIONS).optional().describe("Where to look; ahead is straight on."),
  pan_deg: z
    .number()
    .min(-90)
    .max(90)
    .optional()
    .describe("Instead of a direction: degrees to the side, positive is left."),
  tilt_deg: z
    .number()
    .min(-35)
    .max(65)
    .optional()
    .describe("Instead of a direction: degrees up, negative is down."),
});

/** Adds `look`. */
export function addLook(ctx: PluginContext, head: Head): void {
  ctx.tool({
    name: "look",
    description: "Points the robot's camera in a direction, without moving the wheels.",
    parameters,
    examples: ["look {direction}", "look to the {direction}"],
    timeoutMs: 5000,
    async execute({ direction, pan_deg, tilt_deg }) {
      if (direction === undefined && pan_deg === undefined && tilt_deg === undefined)
        throw new MynaError("TOOL_ARGUMENTS", "look needs a direction, pan_deg or tilt_deg");
      const target = {
        ...(direction && DIRECTION_DEG[direction]),
        ...(pan_deg !== undefined && { panDeg: pan_deg }),
        ...(tilt_deg !== undefined && { tiltDeg: tilt_deg }),
      };
      const reached = await head.look(target);
      const named = direction !== undefined && pan_deg === undefined && tilt_deg === undefined;
      return {
        pan_deg: Math.round(reached.panDeg),
        tilt_deg: Math.round(reached.tiltDeg),
        summary: named ? sayDirection(direction) : sayLook(reached),
      };
    },
  });
}

function sayDirection(direction: (typeof DIRECTIONS)[number]): string {
  return direction === "left" || direction === "right"
    ? `I am looking to the ${direction}.`
    : `I am looking ${direction === "ahead" ? "straight ahead" : direction}.`;
}
