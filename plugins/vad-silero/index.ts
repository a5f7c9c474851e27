import { definePlugin, detectSpeech } from "myna";
import { z } from "zod";
import { SileroJudge } from "./silero-judge.ts";
import { loadWeights } from "./weights.ts";

/** Tells the bus when somebody speaks and when they have stopped: a neural network that knows voices from noise. */
export default definePlugin({
  name: "vad-silero",
  config: z.object({
    threshold: z.number().min(0.16).max(0.99).default(0.5),
    start_ms: z.number().int().min(20).max(2000).default(20),
    stop_ms: z.number().int().min(20).max(5000).default(300),
  }),
  setup(ctx) {
    const { threshold, start_ms, stop_ms } = ctx.config;
    const silero = new SileroJudge(threshold, loadWeights());
    detectSpeech(
      ctx,
      { startMs: start_ms, stopMs: stop_ms },
      (frame, speaking) => silero.judge(frame, speaking),
      () => ({ probability: Number(silero.probability.toFixed(2)) }),
    );
  },
});
