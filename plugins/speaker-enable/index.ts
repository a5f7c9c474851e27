import { definePlugin } from "myna";
import { z } from "zod";

/** Switches the amplifier of the HAT on: without it ALSA plays and nobody hears anything. */
export default definePlugin({
  name: "speaker-enable",
  config: z.object({
    /** Switch it off when the robot is switched off; other programs are then silent too. */
    off_at_end: z.boolean().default(false),
  }),
  requires: ["board"],
  async setup(ctx) {
    const board = ctx.use("board");
    const { speakerEnable } = board.describe().lines;
    const chip = await board.openLines();
    const line = chip.output(speakerEnable, { consumer: `myna ${ctx.id}`, high: true });
    ctx.defer(() => {
      if (ctx.config.off_at_end) line.set(false);
      line.close();
    });
    ctx.inspect(() => ({ line: speakerEnable }));
  },
});
