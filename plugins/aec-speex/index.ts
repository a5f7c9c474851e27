import { FRAME_MS, definePlugin } from "myna";
import { z } from "zod";
import { Canceller } from "./canceller.ts";

/** Echo cancellation by speexdsp: the robot does not hear itself, and hears who speaks while it talks. */
export default definePlugin({
  name: "aec-speex",
  config: z.object({
    tail_ms: z.number().int().min(20).max(500).default(256),
    suppress_db: z.number().min(0).max(60).default(40),
    suppress_active_db: z.number().min(0).max(60).default(15),
    noise_db: z.number().min(0).max(40).default(0),
    gate_db: z.number().min(0).max(40).default(12),
    until_proven: z.enum(["mute", "open"]).default("mute"),
  }),
  state: () => ({ delayMs: undefined as number | undefined }),
  setup(ctx) {
    const { tail_ms, suppress_db, suppress_active_db, noise_db, gate_db, until_proven } = ctx.config;
    const canceller = new Canceller({
      tailMs: tail_ms,
      suppressDb: -suppress_db,
      suppressActiveDb: -suppress_active_db,
      noiseDb: -noise_db,
      gateDb: gate_db,
      muteUntilProven: until_proven === "mute",
      delayMs: ctx.state.delayMs,
    });
    ctx.defer(() => {
      ctx.state.delayMs = canceller.delayMs;
      canceller.close();
    });
    ctx.audio.addStage({
      slot: "echo",
      process: (frame, reference, atMs) => canceller.process(frame, reference, atMs),
    });
    ctx.inspect(() => ({
      proven: canceller.proof.proven,
      erle_db: Math.round(canceller.proof.erleDb),
      delay_ms: canceller.delayMs ?? null,
      added_ms: canceller.addedMs,
      played_ms: canceller.proof.playedMs,
      muted_ms: canceller.mutedMs,
      gated_ms: canceller.gate.closedFrames * FRAME_MS,
      resets: canceller.resets,
      moves: canceller.moves,
    }));
  },
});
