import { PIPE_DEVICE, PIPE_PROGRAMS, checkSoundDevice, definePlugin, findPipePlace, keepDevice } from "myna";
import { z } from "zod";

/** A microphone of this computer, through a recording program. */
export default definePlugin({
  name: "mic-pipe",
  config: z.object({
    device: z.string().min(1).default("default"),
    program: z.enum(["auto", ...PIPE_PROGRAMS]).default("auto"),
    rate_hz: z.number().int().min(8000).max(48_000).optional(),
    silent_restart_s: z.number().min(0).max(3600).default(60),
    acoustic: z.boolean().default(true),
  }),
  doctor: (visit) => {
    const { config } = visit;
    return checkSoundDevice(visit, "capture", config.device, () =>
      findPipePlace("capture", config.device, config.program),
    );
  },
  setup(ctx) {
    const { device, program, rate_hz, silent_restart_s, acoustic } = ctx.config;
    return keepDevice(ctx, {
      kind: "capture",
      device,
      silentRestartS: silent_restart_s,
      find: () => findPipePlace("capture", device, program),
      spec: (place, silence_limit_s) => ({
        module: PIPE_DEVICE,
        options: { device: place.device, program: place.program, rate_hz, silence_limit_s },
        acoustic,
      }),
    });
  },
});
