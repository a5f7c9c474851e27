import { definePlugin, MynaError, ToolPictures } from "myna";
import { z } from "zod";
import { fit } from "./fit.ts";

const MINUTE_MS = 60_000;

const config = z.object({
  /** Longer side of what the model gets: it is paid for by its size. */
  max_side_px: z.number().int().min(64).max(2048).default(640),
  max_kb: z.number().int().min(8).max(1000).default(150),
  per_minute: z.number().int().min(1).max(120).default(10),
});

/** The camera as a tool: the picture goes into the conversation, where the model sees it. */
export default definePlugin({
  name: "tools-camera",
  config,
  state: (): { takenAtMs: number[] } => ({ takenAtMs: [] }),
  requires: ["camera"],
  setup(ctx) {
    const { max_side_px, max_kb, per_minute } = ctx.config;
    const { state } = ctx;
    const camera = ctx.use("camera");
    const count = () => {
      const nowMs = performance.now();
      state.takenAtMs = state.takenAtMs.filter((atMs) => nowMs - atMs < MINUTE_MS);
      if (state.takenAtMs.length >= per_minute) {
        const waitS = Math.ceil((state.takenAtMs[0]! + MINUTE_MS - nowMs) / 1000);
        const message = `no picture for another ${waitS} s: ${per_minute} a minute are allowed`;
        throw new MynaError("TOOL_FAILED", message);
      }
      state.takenAtMs.push(nowMs);
    };
    ctx.tool({
      name: "take_picture",
      description:
        "Takes a picture with the robot's camera and looks at it. Use it whenever the user asks what is to be seen.",
      parameters: z.object({}),
      examples: ["take a picture", "take a photo", "what do you see", "what can you see"],
      timeoutMs: 10_000,
      async execute() {
        count();
        const picture = await fit(await camera.capture(), max_side_px, max_kb * 1024);
        const { jpeg, width, height, description } = picture;
        ctx.publish("camera.frame_captured", { width, height, bytes: jpeg.length });
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
  },
});
