import { definePlugin, ToolPictures } from "myna";
import { z } from "zod";
import { addLookAround } from "./looking-around.ts";
import { Photographer } from "./photographer.ts";

const config = z.object({
  /** Longer side of what the model gets: it is paid for by its size. */
  max_side_px: z.number().int().min(64).max(2048).default(640),
  max_kb: z.number().int().min(8).max(1000).default(150),
  per_minute: z.number().int().min(1).max(120).default(10),
});

/** The camera as tools: pictures go into the conversation, where the model sees them. */
export default definePlugin({
  name: "tools-camera",
  config,
  state: (): { takenAtMs: number[] } => ({ takenAtMs: [] }),
  requires: ["camera"],
  setup(ctx) {
    const { max_side_px, max_kb, per_minute } = ctx.config;
    const limits = { maxSidePx: max_side_px, maxBytes: max_kb * 1024, perMinute: per_minute };
    const photographer = new Photographer(ctx, ctx.use("camera"), limits, ctx.state);
    ctx.tool({
      name: "take_snapshot",
      formerNames: ["take_picture"],
      description:
        "Takes a picture with the robot's camera and looks at it. Use it whenever the user asks what is to be seen.",
      parameters: z.object({}),
      examples: ["take a picture", "take a photo", "what do you see", "what can you see"],
      timeoutMs: 10_000,
      async execute() {
        const { jpeg, width, height, description } = await photographer.take();
        const summary =
          description === undefined
            ? "I took a picture."
            : `I took a picture. I see ${description.replaceAll(";", ",")}.`;
        return new ToolPictures(
          { width, height, bytes: jpeg.length, ...(description !== undefined && { description }), summary },
          [jpeg],
        );
      },
    });
    addLookAround(ctx, photographer, ctx.use("head"));
  },
});
