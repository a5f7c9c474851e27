import { z } from "zod";

/** OpenAI's Realtime server. */
export const DEFAULT_URL = "wss://api.openai.com/v1/realtime";

const turnDetection = z.strictObject({
  type: z.enum(["server_vad", "semantic_vad", "none"]).default("server_vad"),
  /** server_vad: 0 to 1. */
  threshold: z.number().min(0).max(1).optional(),
  /** server_vad: audio kept from before the start of speech. */
  prefix_padding_ms: z.number().int().min(0).max(5000).default(300),
  /** server_vad: silence that ends an utterance. */
  silence_duration_ms: z.number().int().min(0).max(10_000).default(500),
  /** semantic_vad: how soon the server takes a pause for the end. */
  eagerness: z.enum(["auto", "low", "medium", "high"]).default("auto"),
  /** The server cancels its answer when the user begins to speak. */
  interrupt_response: z.boolean().default(true),
  /** The server answers when the user has spoken. */
  create_response: z.boolean().default(true),
});

const reconnect = z.strictObject({
  initial_ms: z.number().int().min(1).default(1000),
  factor: z.number().min(1).default(2),
  max_ms: z.number().int().min(1).default(30_000),
  /** Attempts in a row before giving up; 0 is no limit. */
  attempts: z.number().int().min(0).default(0),
  /** Share of the delay that chance may take off, 0 to 1. */
  jitter: z.number().min(0).max(1).default(0.25),
});

const outbox = z.strictObject({
  events: z.number().int().min(1).default(100),
  bytes: z.number().int().min(1024).default(8_000_000),
});

const timeouts = z.strictObject({
  /** From the first packet until the server has taken our configuration. */
  connect_ms: z.number().int().min(1).default(30_000),
  ping_ms: z.number().int().min(1).default(20_000),
  pong_ms: z.number().int().min(1).default(10_000),
  /** From `response.create` until the server says that it begins. */
  response_ms: z.number().int().min(1).default(10_000),
});

/** The [session] table of a profile. The API key is no key of it: it comes from the environment only. */
export const sessionConfig = z
  .strictObject({
    /** Realtime server, without `?model=`. */
    url: z.url({ protocol: /^wss?$/, error: "expected a ws:// or wss:// URL" }).default(DEFAULT_URL),
    /** Name of a service that knows the URL, in place of `url`; "" is none, for overlays. */
    service: z
      .string()
      .transform((name) => name || undefined)
      .optional(),
    model: z.string().min(1).default("gpt-realtime-2.1"),
    voice: z.string().min(1).default("marin"),
    instructions: z.string().default(""),
    /** Speech recogniser for `user.transcript`; "" is off. */
    transcription_model: z.string().default("gpt-live-transcribe"),
    /** ISO 639-1, a hint for the recogniser; "" is none. */
    language: z.string().default(""),
    /** Tokens of one answer, 1 to 4096; no limit if absent. */
    max_output_tokens: z.number().int().min(1).max(4096).optional(),
    /** Speech of the user silences the robot. */
    barge_in: z.boolean().default(true),
    turn_detection: turnDetection.prefault({}),
    reconnect: reconnect.prefault({}),
    outbox: outbox.prefault({}),
    timeouts: timeouts.prefault({}),
  })
  .refine((session) => session.service === undefined || session.url === DEFAULT_URL, {
    path: ["service"],
    error: 'give either `url` or `service`, not both (`service = ""` takes it back)',
  })
  .prefault({});

/** The [session] table with its defaults. */
export type SessionConfig = z.output<typeof sessionConfig>;
