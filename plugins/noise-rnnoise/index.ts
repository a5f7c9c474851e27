import { definePlugin } from "myna";
import { z } from "zod";
import { Rnnoise } from "./rnnoise.ts";

/** Takes fans, motors and other noise out of what the robot hears. */
export default definePlugin({
  name: "noise-rnnoise",
  config: z.object({}),
  async setup(ctx) {
    const rnnoise = await Rnnoise.create();
    let frames = 0;
    ctx.audio.addStage({
      slot: "noise",
      process(frame) {
        frames++;
        rnnoise.process(frame);
      },
    });
    ctx.inspect(() => ({ frames, speech: Number(rnnoise.speech.toFixed(2)) }));
  },
});
