import type {
  WireContent,
  WireItem,
  WireLogProbability,
  WireResponse,
  WireSession,
  WireTranscriptionUsage,
} from "./event-shapes.ts";

/** Fields of an event about a conversation item that came in. */
interface ItemEvent {
  item: WireItem;
  /** Null or absent for the first. */
  previous_item_id?: string | null;
}

interface AboutItem {
  item_id: string;
}

interface AboutOutput extends AboutItem {
  response_id: string;
  output_index: number;
}

interface AboutContent extends AboutOutput {
  content_index: number;
}

interface AboutMcpCall extends AboutItem {
  output_index: number;
}

/** Fields of every event of the server, without `type` and `event_id`, by type: the 46 of the GA API (openai 7.55.0). */
export interface ServerEventFields {
  "conversation.created": { conversation: { id?: string; object?: "realtime.conversation" } };
  "conversation.item.added": ItemEvent;
  "conversation.item.created": ItemEvent;
  "conversation.item.done": ItemEvent;
  "conversation.item.retrieved": { item: WireItem };
  "conversation.item.truncated": AboutItem & { content_index: number; audio_end_ms: number };
  "conversation.item.deleted": AboutItem;
  "conversation.item.input_audio_transcription.delta": AboutItem & {
    content_index?: number;
    delta?: string;
    logprobs?: WireLogProbability[] | null;
  };
  "conversation.item.input_audio_transcription.completed": AboutItem & {
    content_index: number;
    transcript: string;
    usage: WireTranscriptionUsage;
    languages?: { code: string }[];
    logprobs?: WireLogProbability[] | null;
  };
  "conversation.item.input_audio_transcription.failed": AboutItem & {
    content_index: number;
    error: { type?: string; code?: string; message?: string; param?: string };
  };
  /** `start` and `end` in seconds. */
  "conversation.item.input_audio_transcription.segment": AboutItem & {
    content_index: number;
    id: string;
    text: string;
    speaker: string;
    start: number;
    end: number;
  };
  "input_audio_buffer.committed": AboutItem & { previous_item_id?: string | null };
  "input_audio_buffer.cleared": object;
  /** Milliseconds in all audio appended in this session. */
  "input_audio_buffer.speech_started": AboutItem & { audio_start_ms: number };
  "input_audio_buffer.speech_stopped": AboutItem & { audio_end_ms: number };
  "input_audio_buffer.timeout_triggered": AboutItem & { audio_start_ms: number; audio_end_ms: number };
  /** The only event without an id; `received_at` in Unix seconds. */
  "input_audio_buffer.dtmf_event_received": { event: string; received_at: number };
  "output_audio_buffer.started": { response_id: string };
  "output_audio_buffer.stopped": { response_id: string };
  "output_audio_buffer.cleared": { response_id: string };
  "rate_limits.updated": {
    rate_limits: {
      name?: "requests" | "tokens";
      limit?: number;
      remaining?: number;
      reset_seconds?: number;
    }[];
  };
  "response.created": { response: WireResponse };
  "response.done": { response: WireResponse };
  "response.output_item.added": { response_id: string; output_index: number; item: WireItem };
  "response.output_item.done": { response_id: string; output_index: number; item: WireItem };
  "response.content_part.added": AboutContent & { part: ContentPart };
  "response.content_part.done": AboutContent & { part: ContentPart };
  "response.output_text.delta": AboutContent & { delta: string };
  "response.output_text.done": AboutContent & { text: string };
  /** `delta` is base64 of the session's output format. */
  "response.output_audio.delta": AboutContent & { delta: string };
  "response.output_audio.done": AboutContent;
  "response.output_audio_transcript.delta": AboutContent & { delta: string };
  "response.output_audio_transcript.done": AboutContent & { transcript: string };
  "response.function_call_arguments.delta": AboutOutput & { call_id: string; delta: string };
  "response.function_call_arguments.done": AboutOutput & { call_id: string; name: string; arguments: string };
  "response.mcp_call_arguments.delta": AboutOutput & { delta: string; obfuscation?: string | null };
  "response.mcp_call_arguments.done": AboutOutput & { arguments: string };
  "response.mcp_call.in_progress": AboutMcpCall;
  "response.mcp_call.completed": AboutMcpCall;
  "response.mcp_call.failed": AboutMcpCall;
  "mcp_list_tools.in_progress": AboutItem;
  "mcp_list_tools.completed": AboutItem;
  "mcp_list_tools.failed": AboutItem;
  "session.created": { session: WireSession };
  "session.updated": { session: WireSession };
  error: {
    error: {
      type: string;
      message: string;
      code?: string | null;
      param?: string | null;
      /** Id of the client event that it answers. */
      event_id?: string | null;
    };
  };
}

type ContentPart = Pick<WireContent, "audio" | "text" | "transcript"> & { type?: "text" | "audio" };

/** Type of an event of the server. */
export type ServerEventType = keyof ServerEventFields;

/** An event of the server, by its type. Servers leave fields out: look before you trust one. */
export type ServerWireEvent<T extends ServerEventType = ServerEventType> = {
  [K in T]: { type: K } & (K extends "input_audio_buffer.dtmf_event_received"
    ? object
    : { event_id: string }) &
    ServerEventFields[K];
}[T];

/** Fields of every event of the client, without `type` and `event_id`, by type: the 11 of the GA API (openai 7.55.0). */
export interface ClientEventFields {
  "session.update": { session: WireSession };
  /** Base64, at most 15 MiB. */
  "input_audio_buffer.append": { audio: string };
  "input_audio_buffer.commit": object;
  "input_audio_buffer.clear": object;
  /** WebRTC and SIP only. */
  "output_audio_buffer.clear": object;
  /** `previous_item_id`: absent appends, "root" puts it first. */
  "conversation.item.create": { item: WireItem; previous_item_id?: string };
  "conversation.item.retrieve": AboutItem;
  "conversation.item.truncate": AboutItem & { content_index: number; audio_end_ms: number };
  "conversation.item.delete": AboutItem;
  "response.create": { response?: ResponseRequest };
  "response.cancel": { response_id?: string };
}

/** What a `response.create` may ask for; `instructions` replace those of the session. */
export interface ResponseRequest {
  /** "none" answers outside the conversation. */
  conversation?: string;
  /** In place of the conversation so far. */
  input?: WireItem[];
  instructions?: string;
  output_modalities?: ("text" | "audio")[];
  max_output_tokens?: number | "inf";
  /** Handed back on the response: at most 16 pairs. */
  metadata?: Record<string, string> | null;
  audio?: { output?: { format?: WireResponseFormat; voice?: string | { id: string } } };
  tools?: SessionOf<"tools">;
  tool_choice?: SessionOf<"tool_choice">;
  parallel_tool_calls?: boolean;
  reasoning?: SessionOf<"reasoning">;
  prompt?: SessionOf<"prompt">;
}

type RealtimeSession = Extract<WireSession, { type: "realtime" }>;
type SessionOf<K extends keyof RealtimeSession> = Exclude<RealtimeSession[K], undefined>;
type WireResponseFormat = NonNullable<NonNullable<NonNullable<WireResponse["audio"]>["output"]>["format"]>;

/** Type of an event of the client. */
export type ClientEventType = keyof ClientEventFields;

/** An event of the client, by its type; `event_id` comes back in an error about it. */
export type ClientWireEvent<T extends ClientEventType = ClientEventType> = {
  [K in T]: { type: K; event_id?: string } & ClientEventFields[K];
}[T];

/** The names of the beta dialect that are others now; the fields of these events are the same. */
const RENAMED: ReadonlyMap<string, ServerEventType> = new Map([
  ["response.audio.delta", "response.output_audio.delta"],
  ["response.audio.done", "response.output_audio.done"],
  ["response.audio_transcript.delta", "response.output_audio_transcript.delta"],
  ["response.audio_transcript.done", "response.output_audio_transcript.done"],
  ["response.text.delta", "response.output_text.delta"],
  ["response.text.done", "response.output_text.done"],
  ["transcription_session.created", "session.created"],
  ["transcription_session.updated", "session.updated"],
]);

/** The type of a server event in the names of the GA API, whatever the dialect; unknown ones as they are. */
export function currentName(type: string): string {
  return RENAMED.get(type) ?? type;
}
