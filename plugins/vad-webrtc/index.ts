import { definePlugin, detectSpeech } from "myna";
import { z } from "zod";
import { WebrtcJudge } from "./webrtc-judge.ts";

/** Tells the bus when somebody speaks and when they have stopped: WebRTC's statistics of six frequency bands. */
export default definePlugin({
  name: "vad-webrtc",
  config: z.object({
    aggressiveness: z.number().int().min(0).max(3).default(3),
    start_ms: z.number().int().min(20).max(2000).default(100),
    stop_ms: z.number().int().min(20).max(5000).default(300),
  }),
  async setup(ctx) {
    const { aggressiveness, start_ms, stop_ms } = ctx.config;
    const webrtc = await WebrtcJudge.create(aggressiveness);
    detectSpeech(ctx, { startMs: start_ms, stopMs: stop_ms }, (frame) => webrtc.judge(frame));
  },
});
