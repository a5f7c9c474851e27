import { definePlugin, ToolPictures } from "myna";
import { z } from "zod";

/** The camera as a tool: the picture goes into the conversation, where the model sees it. */
export default definePlugin({
  name: "tools-camera",
  config: z.object({}),
  requires: ["camera"],
  setup(ctx) {
    const camera = ctx.use("camera");
    ctx.tool({
      name: "take_picture",
      description:
        "Takes a picture with the robot's camera and looks at it. Use it whenever the user asks what is to be seen.",
      parameters: z.object({}),
      examples: ["take a picture", "take a photo", "what do you see", "what can you see"],
      timeoutMs: 10_000,
      async execute() {
        const { jpeg, width, height, description } = await camera.capture();
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
