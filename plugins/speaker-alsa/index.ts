import { ALSA_DEVICE, definePlugin } from "myna";
import { z } from "zod";

/** A loudspeaker of this computer, through ALSA. */
export default definePlugin({
  name: "speaker-alsa",
  config: z.object({
    device: z.string().min(1).default("default"),
    buffer_ms: z.number().int().min(40).max(1000).default(60),
    acoustic: z.boolean().default(true),
  }),
  async setup(ctx) {
    const { device, buffer_ms, acoustic } = ctx.config;
    const opened = await ctx.audio.openPlayback({
      module: ALSA_DEVICE,
      options: { device, buffer_ms },
      acoustic,
    });
    void opened.failed.then((error) => ctx.fail(error));
  },
});
