import { OPUS_KEYS } from "myna";
import { z } from "zod";

/** The plugin's table in the profile. */
export const talkConfig = z.object({
  max_calls: z
    .number()
    .int()
    .min(1)
    .max(500)
    .default(8)
    .describe("Pages that talk or listen at the same time; more are told to come back"),
  mode: z
    .enum(["robot", "own"])
    .default("robot")
    .describe("Of an offer that names none: the robot's conversation, or one of the page's own"),
  viewers_talk: z
    .boolean()
    .default(false)
    .describe("Whoever may look may also talk, in mode `own`; else operators only"),
  page: z.boolean().default(false).describe("A page at `/` to call from, where no console is there"),
  loudspeaker: z
    .boolean()
    .default(true)
    .describe("The robot's own loudspeaker sounds while somebody talks through a page"),
  url: z
    .string()
    .regex(/^wss?:/, "expected ws:// or wss://")
    .optional()
    .describe("Realtime server of calls in mode `own`; the brain, or the robot's own server, if absent"),
  model: z.string().min(1).max(100).optional().describe("Model of calls in mode `own`"),
  voice: z.string().min(1).max(64).optional().describe("Voice of calls in mode `own` that ask for none"),
  instructions: z.string().max(20_000).default("").describe("What the model is told in calls of mode `own`"),
  barge_in: z.boolean().default(true).describe("Speech of the page silences the answer in mode `own`"),
  jitter_min_ms: z.number().int().min(0).max(500).default(20).describe("Shortest wait for a missing packet"),
  jitter_max_ms: z.number().int().min(0).max(1000).default(120).describe("Longest wait for a missing packet"),
  ...OPUS_KEYS,
  ice_servers: z
    .array(z.string().regex(/^stuns?:/, "expected stun:HOST:PORT"))
    .max(4)
    .default([])
    .describe("STUN servers as `stun:HOST:PORT`; none are needed in one network"),
});

/** {@link talkConfig}, checked, with defaults. */
export type TalkConfig = z.output<typeof talkConfig>;
