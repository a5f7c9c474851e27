import { z } from "zod";

/** The `[session.interruption]` table: what happens when somebody speaks over the robot. */
export const interruptionConfig = z.strictObject({
  /** `cut`: silent at once; `duck`: quieter at once, silent when the speech lasts, loud again when it does not. */
  mode: z.enum(["cut", "duck"]).default("cut"),
  /** Speech that the robot's own ears hear must last so long before it is silent; 0 with `cut` and 250 with `duck` if absent. */
  min_speech_ms: z.number().int().min(0).max(5000).optional(),
  /** So long after the robot begins to speak its own ears interrupt nothing, for an echo canceller to settle. */
  warm_up_ms: z.number().int().min(0).max(10_000).default(0),
  /** Words that only say that somebody listens: an interruption of nothing else is none. */
  back_channel: z
    .array(z.string().min(1))
    .default([
      "mhm",
      "mm",
      "mm-hmm",
      "uh-huh",
      "hm",
      "yes",
      "yeah",
      "yep",
      "okay",
      "ok",
      "right",
      "aha",
      "ah",
    ]),
  /** After an interruption without words the robot says the rest of what was cut, so long after it was quiet; 0 is never. */
  resume_after_ms: z.number().int().min(0).max(30_000).default(2000),
});

/** `[session.interruption]`, checked, with defaults. */
export type InterruptionConfig = z.output<typeof interruptionConfig>;
