import { FRAME_MS, RATE_HZ, definePlugin } from "myna";
import { z } from "zod";
import { Detector } from "./detector.ts";

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
    const detector = new Detector(
      { thresholdDb: threshold_db, minLevelDb: min_level_db, startMs: start_ms, stopMs: stop_ms },
      RATE_HZ,
    );
    ctx.audio.onFrame((frame, atMs) => {
      const change = detector.push(frame, FRAME_MS, atMs);
      if (change === "started") {
        ctx.publish("user.speech_started", { source: "local", speech_at_ms: detector.startedAtMs });
      } else if (change === "stopped") {
        ctx.publish("user.speech_stopped", { source: "local", speech_at_ms: detector.lastSpeechAtMs });
      }
    });
    ctx.inspect(() => ({
      level_db: Math.round(detector.levelDb),
      floor_db: Math.round(detector.floorDb),
      speaking: detector.speaking,
    }));
  },
});
