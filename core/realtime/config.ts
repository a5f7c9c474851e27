import { z } from "zod";
import { authConfig } from "./auth-config.ts";
import { interruptionConfig } from "./interruption-config.ts";
import { dialectName, endpointConfig, serverUrl, transportName } from "./endpoints-config.ts";

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
  /**
   * The server cancels its answer by itself when the user begins to speak. If absent, it does unless `[session.interruption]`
   * decides later (`duck`, `min_speech_ms`, `warm_up_ms`): then the robot cancels.
   */
  interrupt_response: z.boolean().optional(),
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
  /** Silence of the server after which it is asked for a sign of life. */
  ping_ms: z.number().int().min(1).default(20_000),
  /** Silence after that which ends the connection; a server that never answers a ping is left alone. */
  pong_ms: z.number().int().min(1).default(10_000),
  /** In place of `ping_ms` while the body moves or an answer is awaited. */
  watched_ping_ms: z.number().int().min(1).default(500),
  /** In place of `pong_ms` while the body moves (at most twice as long on a slow way) or an answer is awaited. */
  watched_pong_ms: z.number().int().min(1).default(1000),
  /** From `response.create` until the server says that it begins. */
  response_ms: z.number().int().min(1).default(10_000),
  /** No event for so long while a response runs: the link counts as dead. */
  stall_ms: z.number().int().min(1).default(20_000),
  /** The socket takes nothing of what waits in it for so long: the link counts as dead. */
  send_ms: z.number().int().min(1).default(5000),
});

const limits = z.strictObject({
  /** A larger event of the server is dropped; one of more than four times the size costs the connection. */
  message_bytes: z.number().int().min(1024).default(10_000_000),
});

const restore = z.strictObject({
  /** Speech of the user that is kept until the server has dealt with it, to be heard again after a drop. */
  utterance_s: z.number().min(1).max(300).default(30),
  /** Items of the conversation that a new session is told, the newest ones. */
  items: z.number().int().min(0).default(40),
  /** Characters of the conversation that a new session is told. */
  characters: z.number().int().min(0).default(12_000),
  /** How long a new session may take to confirm what it is told; a server that never does is trusted then. */
  ack_ms: z.number().int().min(1).default(2000),
  /** After a longer drop what was said and asked before it is not answered any more. */
  stale_s: z.number().min(0).default(120),
});

const renewal = z.strictObject({
  /** A session is renewed at a pause so long before it expires, at the earliest after half its time; 0 is never. */
  before_s: z.number().min(0).default(300),
  /** Without a pause it is renewed so long before it expires. */
  deadline_s: z.number().min(0).default(60),
});

const context = z.strictObject({
  /** Newest camera images kept in the conversation; older ones are deleted at a pause: each is paid for with every answer. */
  images: z.number().int().min(1).default(1),
});

const idle = z.strictObject({
  /** The link is closed when nobody has said or done anything for so long, and opened again by speech or typing; 0 is never. */
  hang_up_s: z.number().min(0).default(0),
  /** What wakes the robot then: any `speech`, or a `word` that a keyword plugin knows; typing does in both cases. */
  wake: z.enum(["speech", "word"]).default("speech"),
  /**
   * With `wake = "word"`: when the robot's own ears hear the beginning of speech, it connects while the word is still being said, sends
   * no sound, and hangs up after so long if it was not its name; 0 is never.
   */
  preconnect_s: z.number().min(0).max(60).default(4),
  /** It does so at most once in so long, whatever is said near it. */
  preconnect_every_s: z.number().min(0).default(30),
});

const rateLimits = z.strictObject({
  /** An answer is asked for only while the server says that more tokens than these are left. */
  reserve_tokens: z.number().int().min(0).default(1000),
  reserve_requests: z.number().int().min(0).default(0),
  /** Longest wait for a limit to be reset, whatever the server says. */
  max_wait_s: z.number().positive().default(60),
  /** Times in a row that an answer refused for its rate is asked for again. */
  retries: z.number().int().min(0).default(3),
});

const failover = z.strictObject({
  /** After a loss, how long an endpoint is given to be ready again while there is another. */
  after_loss_ms: z.number().int().min(1).default(1000),
  /** The same at the start. */
  at_start_ms: z.number().int().min(1).default(5000),
  /** The robot says aloud that it changed over. */
  announce: z.boolean().default(true),
});

/** The [session] table of a profile. The API key is no key of it: it comes from the environment only. */
export const sessionConfig = z
  .strictObject({
    /** Realtime server, without `?model=`. */
    url: serverUrl.default(DEFAULT_URL),
    /** Name of a service that knows the URL, in place of `url`; "" is none, for overlays. */
    service: z
      .string()
      .transform((name) => name || undefined)
      .optional(),
    /** Servers in order of preference, in place of `url` and `service`; the first that works is used. */
    endpoints: z.array(endpointConfig).max(16).default([]),
    failover: failover.prefault({}),
    /** How the server writes events: OpenAI's present way, the older one, or what it turns out to be. */
    dialect: dialectName.default("auto"),
    /** The wire to the server; `webrtc` needs a plugin that provides the service `transport`, as transport-webrtc does. */
    transport: transportName.default("websocket"),
    auth: authConfig.prefault({}),
    model: z.string().min(1).default("gpt-realtime-2.1"),
    voice: z.string().min(1).default("marin"),
    /** 0 to 2, in the beta dialect only; the present one has none. */
    temperature: z.number().min(0).max(2).optional(),
    instructions: z.string().default(""),
    /** Speech recogniser for `user.transcript`; "" is off. */
    transcription_model: z.string().default("gpt-live-transcribe"),
    /** ISO 639-1, a hint for the recogniser; "" is none. */
    language: z.string().default(""),
    /** Tokens of one answer, 1 to 4096; no limit if absent. */
    max_output_tokens: z.number().int().min(1).max(4096).optional(),
    /** Speech of the user silences the robot. */
    barge_in: z.boolean().default(true),
    interruption: interruptionConfig.prefault({}),
    /**
     * What of the microphone the server is sent and paid for: `always` all of it; `speech` what a voice detector on the robot
     * takes for speech, which needs one among the plugins, with `prefix_padding_ms` before it and the silence that ends it.
     */
    stream: z.enum(["always", "speech"]).default("always"),
    turn_detection: turnDetection.prefault({}),
    reconnect: reconnect.prefault({}),
    outbox: outbox.prefault({}),
    timeouts: timeouts.prefault({}),
    limits: limits.prefault({}),
    restore: restore.prefault({}),
    renewal: renewal.prefault({}),
    context: context.prefault({}),
    idle: idle.prefault({}),
    rate_limits: rateLimits.prefault({}),
  })
  .refine((session) => session.service === undefined || session.url === DEFAULT_URL, {
    path: ["service"],
    error: 'give either `url` or `service`, not both (`service = ""` takes it back)',
  })
  .refine((session) => new Set(session.endpoints.map(({ name }) => name)).size === session.endpoints.length, {
    path: ["endpoints"],
    error: "two endpoints have the same name",
  })
  .prefault({});

/** The [session] table with its defaults. */
export type SessionConfig = z.output<typeof sessionConfig>;
