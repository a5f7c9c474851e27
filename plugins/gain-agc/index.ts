import { definePlugin } from "myna";
import { z } from "zod";
import { Gain } from "./gain.ts";

/** Makes what the robot hears louder: by as much as is set, or as much as it takes. */
export default definePlugin({
  name: "gain-agc",
  config: z.object({
    gain_db: z.number().min(-40).max(40).default(0),
    automatic: z.boolean().default(true),
    target_db: z.number().min(-40).max(-6).default(-20),
    most_db: z.number().min(0).max(40).default(20),
  }),
  setup(ctx) {
    const { gain_db, automatic, target_db, most_db } = ctx.config;
    const gain = new Gain({ gainDb: gain_db, automatic, targetDb: target_db, mostDb: most_db });
    ctx.audio.addStage({ slot: "gain", process: (frame) => gain.process(frame) });
    ctx.inspect(() => ({
      gain_db: Math.round(gain.gainDb),
      speech_db: gain.speechDb === null ? null : Math.round(gain.speechDb),
      limited_frames: gain.limitedFrames,
    }));
  },
});
