import type { SpokenTool } from "./contracts.ts";
import { Refusal, refusalOf } from "./refusal.ts";
import { type FunctionTool, sessionUpdate, type SessionUpdate } from "./session-schema.ts";

/** `turn_detection` with every field filled in; null is push-to-talk. */
export type TurnDetection =
  | {
      type: "server_vad";
      threshold: number;
      prefix_padding_ms: number;
      silence_duration_ms: number;
      idle_timeout_ms: null;
      create_response: boolean;
      interrupt_response: boolean;
    }
  | {
      type: "semantic_vad";
      eagerness: "auto" | "low" | "medium" | "high";
      create_response: boolean;
      interrupt_response: boolean;
    };

/** The effective configuration, as `session.created` and `session.updated` show it, without its read-only fields. */
export interface SessionConfig {
  type: "realtime";
  model: string;
  output_modalities: ["audio"] | ["text"];
  instructions: string;
  tools: FunctionTool[];
  tool_choice: "auto" | "none" | "required" | { type: "function"; name: string };
  max_output_tokens: number | "inf";
  truncation: NonNullable<SessionUpdate["truncation"]>;
  tracing: SessionUpdate["tracing"];
  prompt: SessionUpdate["prompt"];
  audio: {
    input: {
      format: { type: "audio/pcm"; rate: 24000 };
      noise_reduction: NonNullable<NonNullable<SessionUpdate["audio"]>["input"]>["noise_reduction"];
      transcription: NonNullable<NonNullable<SessionUpdate["audio"]>["input"]>["transcription"];
      turn_detection: TurnDetection | null;
    };
    output: {
      format: { type: "audio/pcm"; rate: 24000 };
      voice: string | { id: string };
      speed: number;
    };
  };
}

/** Settings of the server that a new session starts with. */
export interface SessionDefaults {
  model: string;
  voice: string;
  silenceMs: number;
}

/** Model of a session whose URL names none; an update may still name one. */
export const UNNAMED_MODEL = "myna-local";

/** Silence that ends a turn under semantic VAD: it is energy VAD here, eagerness only says how long to wait. */
const EAGERNESS_MS = { high: 300, auto: 600, medium: 600, low: 1200 };

/** Milliseconds of silence that end an utterance. */
export function silenceMsOf(turn: TurnDetection): number {
  return turn.type === "server_vad" ? turn.silence_duration_ms : EAGERNESS_MS[turn.eagerness];
}

/** Milliseconds before the onset that belong to the utterance. */
export function prefixMsOf(turn: TurnDetection): number {
  return turn.type === "server_vad" ? turn.prefix_padding_ms : 300;
}

/** What a session is before its first update. */
export function defaultConfig(defaults: SessionDefaults): SessionConfig {
  return {
    type: "realtime",
    model: defaults.model,
    output_modalities: ["audio"],
    instructions: "",
    tools: [],
    tool_choice: "auto",
    max_output_tokens: "inf",
    truncation: "auto",
    tracing: null,
    prompt: null,
    audio: {
      input: {
        format: { type: "audio/pcm", rate: 24000 },
        noise_reduction: null,
        transcription: null,
        turn_detection: {
          type: "server_vad",
          threshold: 0.5,
          prefix_padding_ms: 300,
          silence_duration_ms: defaults.silenceMs,
          idle_timeout_ms: null,
          create_response: true,
          interrupt_response: true,
        },
      },
      output: { format: { type: "audio/pcm", rate: 24000 }, voice: defaults.voice, speed: 1 },
    },
  };
}

/**
 * The configuration after an update: a new object, or a Refusal and nothing has changed. `voiceLocked` once the session
 * has spoken. Absent fields keep their value, null gives the default back.
 */
export function updatedConfig(
  current: SessionConfig,
  update: unknown,
  defaults: SessionDefaults,
  voiceLocked: boolean,
): SessionConfig {
  const parsed = sessionUpdate.safeParse(update, { reportInput: true });
  if (!parsed.success) throw refusalOf(parsed.error, "session");
  const wanted = parsed.data;
  const model = wanted.model ?? current.model;
  if (model !== current.model && current.model !== UNNAMED_MODEL) {
    const text = "Invalid value for 'session.model': the model of a session cannot be changed.";
    throw new Refusal("invalid_value", text, "session.model");
  }
  const fallback = defaultConfig(defaults);
  const base = overlay(current, fallback, wanted, [
    "output_modalities",
    "instructions",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "truncation",
    "tracing",
    "prompt",
  ]);
  const input = wanted.audio?.input ?? {};
  const output = wanted.audio?.output ?? {};
  const next: SessionConfig = {
    ...base,
    model,
    audio: {
      input: {
        ...overlay(current.audio.input, fallback.audio.input, input, ["noise_reduction", "transcription"]),
        turn_detection: turnDetection(current, fallback, input.turn_detection),
      },
      output: overlay(current.audio.output, fallback.audio.output, output, ["voice", "speed"]),
    },
  };
  if (voiceLocked && !Bun.deepEquals(next.audio.output.voice, current.audio.output.voice)) {
    const text = "Cannot update a conversation's voice if assistant audio is present.";
    throw new Refusal("cannot_update_voice", text, "session.audio.output.voice");
  }
  return next;
}

function overlay<T extends object>(current: T, fallback: T, wanted: object, keys: (keyof T & string)[]): T {
  const next = { ...current };
  const given = wanted as Partial<Record<string, unknown>>;
  for (const key of keys) {
    if (given[key] === undefined) continue;
    next[key] = given[key] === null ? fallback[key] : (given[key] as T[typeof key]);
  }
  return next;
}

type WantedTurn = NonNullable<NonNullable<SessionUpdate["audio"]>["input"]>["turn_detection"];

function turnDetection(
  current: SessionConfig,
  fallback: SessionConfig,
  wanted: WantedTurn,
): TurnDetection | null {
  const now = current.audio.input.turn_detection;
  if (wanted === undefined) return now;
  if (wanted === null) return null;
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  if (now?.type === wanted.type) return { ...now, ...given } as TurnDetection;
  const start =
    wanted.type === "server_vad"
      ? fallback.audio.input.turn_detection
      : { type: "semantic_vad", eagerness: "auto", create_response: true, interrupt_response: true };
  return { ...start, ...given } as TurnDetection;
}

/** The tools that may be called under a `tool_choice`, as the mind sees them. */
export function callableTools(tools: FunctionTool[], choice: SessionConfig["tool_choice"]): SpokenTool[] {
  if (choice === "none") return [];
  const chosen = typeof choice === "object" ? tools.filter((tool) => tool.name === choice.name) : tools;
  return chosen.map(({ name, description, parameters }) => ({ name, description, parameters }));
}

/** The plain name of a voice setting. */
export function voiceName(voice: string | { id: string }): string {
  return typeof voice === "string" ? voice : voice.id;
}
