import { FRAME_MS, RATE_HZ, definePlugin } from "myna";
import { z } from "zod";
import { EchoSuppressor } from "./echo-suppressor.ts";

/** Takes the robot's own voice out of what it hears, and lets a person through who is louder than the echo. */
export default definePlugin({
  name: "echo-doubletalk",
  config: z.object({
    margin_db: z.number().min(0).max(30).default(6),
    start_ms: z.number().int().min(20).max(1000).default(40),
    hold_ms: z.number().int().min(0).max(5000).default(300),
    reverb_ms: z.number().int().min(0).max(2000).default(300),
    coupling_db: z.number().min(-60).max(20).default(0),
  }),
  setup(ctx) {
    const { margin_db, start_ms, hold_ms, reverb_ms, coupling_db } = ctx.config;
    const suppressor = new EchoSuppressor(
      {
        marginDb: margin_db,
        startMs: start_ms,
        holdMs: hold_ms,
        reverbMs: reverb_ms,
        couplingDb: coupling_db,
        frameMs: FRAME_MS,
      },
      RATE_HZ,
    );
    ctx.audio.addStage({
      slot: "echo",
      process: (frame, reference) => suppressor.process(frame, reference),
    });
    ctx.inspect(() => ({
      suppressed_frames: suppressor.suppressedFrames,
      passed_frames: suppressor.passedFrames,
      double_talks: suppressor.doubleTalks,
      coupling_db: Math.round(suppressor.couplingDb * 10) / 10,
    }));
  },
});
