import type { Head, PluginContext } from "myna";
import { ToolPictures } from "myna";
import { z } from "zod";
import type { Photographer } from "./photographer.ts";

/** Where it looks, degrees: three views of 65 degrees, side by side. */
const VIEWS = [
  { name: "left", panDeg: 60 },
  { name: "ahead", panDeg: 0 },
  { name: "right", panDeg: -60 },
] as const;

/** Adds `look_around`. */
export function addLookAround(ctx: PluginContext, photographer: Photographer, head: Head): void {
  ctx.tool({
    name: "look_around",
    description:
      "Turns the robot's head to the left, ahead and to the right, takes a picture of each and looks at them; the wheels do not " +
      "move. Use it when the user asks what is around the robot, or to find something. For one view use take_snapshot.",
    parameters: z.object({}),
    examples: ["look around"],
    timeoutMs: 20_000,
    async execute(_, { signal, progress }) {
      photographer.allow(VIEWS.length);
      const before = head.angles();
      const jpegs: Uint8Array[] = [];
      const seen: { direction: string; pan_deg: number; description?: string }[] = [];
      try {
        for (const { name, panDeg } of VIEWS) {
          if (signal.aborted) break;
          progress({ looking: name });
          const reached = await head.look({ panDeg, tiltDeg: 0 });
          if (signal.aborted) break;
          const { jpeg, description } = await photographer.take();
          jpegs.push(jpeg);
          seen.push({
            direction: name,
            pan_deg: Math.round(reached.panDeg),
            ...(description !== undefined && { description }),
          });
        }
      } finally {
        await head.look(before);
      }
      const told = seen.flatMap(({ direction, description }) =>
        description === undefined ? [] : [`${SIDES[direction]} I see ${sayAway(description)}.`],
      );
      const all = seen.length === VIEWS.length;
      const first = all
        ? "I looked around."
        : `I took ${seen.length} of ${VIEWS.length} pictures: I was told to stop.`;
      return new ToolPictures(
        { ended: all ? "completed" : "stopped", views: seen, summary: [first, ...told].join(" ") },
        jpegs,
      );
    },
  });
}

const SIDES: Readonly<Record<string, string>> = {
  left: "On the left",
  ahead: "Straight on",
  right: "On the right",
};

/** Sides within one picture mean nothing beside the side that the head looked to. */
function sayAway(description: string): string {
  return description
    .replace(/ (?:straight ahead|ahead on the (?:left|right))/g, " away")
    .replaceAll(";", ",");
}
