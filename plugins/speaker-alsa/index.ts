import { ALSA_DEVICE, checkSoundDevice, definePlugin, findAlsaPlace, keepDevice, switchSpeaker } from "myna";
import { z } from "zod";

/** A loudspeaker of this computer, through ALSA. */
export default definePlugin({
  name: "speaker-alsa",
  config: z.object({
    device: z.string().min(1).default("default"),
    buffer_ms: z.number().int().min(40).max(1000).default(60),
    rate_hz: z.number().int().min(8000).max(48_000).optional(),
    enable_tail_ms: z.number().int().min(0).max(60_000).default(500),
    acoustic: z.boolean().default(true),
  }),
  doctor: (visit) => {
    const { config } = visit;
    return checkSoundDevice(visit, "playback", config.device, () => findAlsaPlace("playback", config.device));
  },
  async setup(ctx) {
    const { device, buffer_ms, rate_hz, enable_tail_ms, acoustic } = ctx.config;
    await keepDevice(ctx, {
      kind: "playback",
      device,
      find: () => findAlsaPlace("playback", device),
      spec: (place) => ({
        module: ALSA_DEVICE,
        options: { device: place.device, buffer_ms, rate_hz },
        acoustic,
      }),
    });
    switchSpeaker(ctx, enable_tail_ms);
  },
});
