import { z } from "zod";
import type { JsonSchema } from "./contracts.ts";

/** The shapes of GA `session.update` and `response.create`: strict, unknown keys are refused (reference §2.1, §1.4). */

const format = z.strictObject({ type: z.literal("audio/pcm"), rate: z.literal(24_000).optional() });

const functionTool = z.strictObject({
  type: z.literal("function"),
  name: z.string().min(1).max(64),
  description: z.string().default(""),
  parameters: z
    .custom<JsonSchema>((value) => typeof value === "object" && value !== null && !Array.isArray(value))
    .default({ type: "object", properties: {} }),
});

/** A function tool as the client announces it. */
export type FunctionTool = z.infer<typeof functionTool>;

const toolChoice = z.union([
  z.enum(["auto", "none", "required"]),
  z.strictObject({ type: z.literal("function"), name: z.string() }),
]);

const voice = z.union([z.string().min(1), z.strictObject({ id: z.string().min(1) })]);
const maxOutputTokens = z.union([z.int().min(1).max(4096), z.literal("inf")]);
const outputModalities = z
  .array(z.enum(["audio", "text"]))
  .length(1, "either audio or text")
  .transform((given) => given as ["audio"] | ["text"]);
const loose = z.record(z.string(), z.unknown());

const noiseReduction = z.strictObject({
  type: z.enum(["near_field", "far_field"]),
  strength: z.number().optional(),
});

const transcription = z.strictObject({
  model: z.string().optional(),
  language: z.string().optional(),
  languages: z.array(z.string()).optional(),
  keywords: z.array(z.string()).optional(),
  prompt: z.string().optional(),
  delay: z.string().optional(),
});

const serverVad = z.strictObject({
  type: z.literal("server_vad"),
  threshold: z.number().min(0).max(1).optional(),
  prefix_padding_ms: z.int().min(0).max(5000).optional(),
  silence_duration_ms: z.int().min(20).max(10_000).optional(),
  idle_timeout_ms: z.null().optional(),
  create_response: z.boolean().optional(),
  interrupt_response: z.boolean().optional(),
});

const semanticVad = z.strictObject({
  type: z.literal("semantic_vad"),
  eagerness: z.enum(["auto", "low", "medium", "high"]).optional(),
  create_response: z.boolean().optional(),
  interrupt_response: z.boolean().optional(),
});

const audioInput = z.strictObject({
  format: format.nullish(),
  noise_reduction: noiseReduction.nullish(),
  transcription: transcription.nullish(),
  turn_detection: z.discriminatedUnion("type", [serverVad, semanticVad]).nullish(),
});

const audioOutput = z.strictObject({
  format: format.nullish(),
  voice: voice.nullish(),
  speed: z.number().min(0.25).max(1.5).nullish(),
});

const truncation = z.union([
  z.enum(["auto", "disabled"]),
  z.strictObject({
    type: z.literal("retention_ratio"),
    retention_ratio: z.number().min(0).max(1),
    token_limits: z.strictObject({ post_instructions: z.int().min(0).optional() }).optional(),
  }),
]);

/** The `session` of a `session.update`. Absent keeps, null gives the default back. */
export const sessionUpdate = z.strictObject({
  type: z.literal("realtime"),
  model: z.string().nullish(),
  output_modalities: outputModalities.nullish(),
  instructions: z.string().nullish(),
  tools: z.array(functionTool).max(128).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  reasoning: z.strictObject({ effort: z.string().nullish() }).nullish(),
  max_output_tokens: maxOutputTokens.nullish(),
  truncation: truncation.nullish(),
  tracing: z.union([z.literal("auto"), loose]).nullish(),
  prompt: loose.nullish(),
  include: z.array(z.string()).nullish(),
  audio: z.strictObject({ input: audioInput.nullish(), output: audioOutput.nullish() }).nullish(),
});

export type SessionUpdate = z.infer<typeof sessionUpdate>;

const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, "at most 16 pairs");

/** The `response` of a `response.create`. */
export const responseOptions = z.strictObject({
  output_modalities: outputModalities.nullish(),
  conversation: z.enum(["auto", "none"]).nullish(),
  input: z.array(loose).nullish(),
  instructions: z.string().nullish(),
  max_output_tokens: maxOutputTokens.nullish(),
  metadata: metadata.nullish(),
  tools: z.array(functionTool).max(128).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  reasoning: z.strictObject({ effort: z.string().nullish() }).nullish(),
  prompt: loose.nullish(),
  audio: z
    .strictObject({
      output: z.strictObject({ format: format.nullish(), voice: voice.nullish() }).nullish(),
    })
    .nullish(),
});

export type ResponseOptions = z.infer<typeof responseOptions>;
