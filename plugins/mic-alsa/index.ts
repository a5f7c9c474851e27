import { ALSA_DEVICE, checkSoundDevice, definePlugin, findAlsaPlace, keepDevice } from "myna";
import { z } from "zod";

/** A microphone of this computer, through ALSA. */
export default definePlugin({
  name: "mic-alsa",
  config: z.object({
    device: z.string().min(1).default("default"),
    buffer_ms: z.number().int().min(40).max(1000).default(60),
    rate_hz: z.number().int().min(8000).max(48_000).optional(),
    silent_restart_s: z.number().min(0).max(3600).default(60),
    acoustic: z.boolean().default(true),
  }),
  doctor: (visit) => {
    const { config } = visit;
    return checkSoundDevice(visit, "capture", config.device, () => findAlsaPlace("capture", config.device));
  },
  setup(ctx) {
    const { device, buffer_ms, rate_hz, silent_restart_s, acoustic } = ctx.config;
    return keepDevice(ctx, {
      kind: "capture",
      device,
      silentRestartS: silent_restart_s,
      find: () => findAlsaPlace("capture", device),
      spec: (place, silence_limit_s) => ({
        module: ALSA_DEVICE,
        options: { device: place.device, buffer_ms, rate_hz, silence_limit_s },
        acoustic,
      }),
    });
  },
});
