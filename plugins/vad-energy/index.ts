import { EnergyDetector, FRAME_MS, RATE_HZ, definePlugin, detectSpeech } from "myna";
import { z } from "zod";

/** Tells the bus when somebody speaks and when they have stopped, from the energy of the microphone's frames. */
export default definePlugin({
  name: "vad-energy",
  config: z.object({
    threshold_db: z.number().min(1).max(60).default(10),
    min_level_db: z.number().min(-96).max(0).default(-55),
    start_ms: z.number().int().min(20).max(2000).default(60),
    stop_ms: z.number().int().min(20).max(5000).default(300),
  }),
  setup(ctx) {
    const { threshold_db, min_level_db, start_ms, stop_ms } = ctx.config;
    const detector = new EnergyDetector({ thresholdDb: threshold_db, minLevelDb: min_level_db }, RATE_HZ);
    detectSpeech(
      ctx,
      { startMs: start_ms, stopMs: stop_ms },
      (frame, speaking) => detector.judge(frame, FRAME_MS, speaking),
      () => ({ level_db: Math.round(detector.levelDb), floor_db: Math.round(detector.floorDb) }),
    );
  },
});
