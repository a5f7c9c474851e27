import {
  PIPE_DEVICE,
  PIPE_PROGRAMS,
  checkSoundDevice,
  definePlugin,
  findPipePlace,
  keepDevice,
  switchSpeaker,
} from "myna";
import { z } from "zod";

/** A loudspeaker of this computer, through a playing program. */
export default definePlugin({
  name: "speaker-pipe",
  config: z.object({
    device: z.string().min(1).default("default"),
    program: z.enum(["auto", ...PIPE_PROGRAMS]).default("auto"),
    rate_hz: z.number().int().min(8000).max(48_000).optional(),
    lead_ms: z.number().int().min(40).max(500).default(60),
    enable_tail_ms: z.number().int().min(0).max(60_000).default(500),
    acoustic: z.boolean().default(true),
  }),
  doctor: (visit) => {
    const { config } = visit;
    return checkSoundDevice(visit, "playback", config.device, () =>
      findPipePlace("playback", config.device, config.program),
    );
  },
  async setup(ctx) {
    const { device, program, rate_hz, lead_ms, enable_tail_ms, acoustic } = ctx.config;
    await keepDevice(ctx, {
      kind: "playback",
      device,
      find: () => findPipePlace("playback", device, program),
      spec: (place) => ({
        module: PIPE_DEVICE,
        options: { device: place.device, program: place.program, rate_hz, lead_ms },
        acoustic,
      }),
    });
    switchSpeaker(ctx, enable_tail_ms);
  },
});
