/** A piece of a conversation item's content. In `response.content_part.*` the types are "text" and "audio". */
export interface WireContent {
  type?: string;
  text?: string;
  /** Base64 of PCM16 mono 24 kHz, or of the session's own format. */
  audio?: string;
  transcript?: string;
  /** Data URI of a PNG or JPEG. */
  image_url?: string;
  detail?: "auto" | "low" | "high";
}

interface ItemState {
  /** At most 32 characters. */
  id?: string;
  object?: "realtime.item";
  status?: "completed" | "incomplete" | "in_progress";
}

/** A message of the user, the robot or the system. */
export interface WireMessage extends ItemState {
  type: "message";
  role: "system" | "user" | "assistant";
  content: WireContent[];
}

/** A call that the model wants made. */
export interface WireFunctionCall extends ItemState {
  type: "function_call";
  name: string;
  /** JSON text; cut short where the item is not completed. */
  arguments: string;
  call_id?: string;
}

/** The result of a call. */
export interface WireFunctionCallOutput extends ItemState {
  type: "function_call_output";
  call_id: string;
  output: string;
}

/** What a server of the Model Context Protocol offers. */
export interface WireMcpListTools {
  type: "mcp_list_tools";
  id?: string;
  server_label: string;
  tools: { name: string; input_schema: unknown; annotations?: unknown; description?: string | null }[];
}

/** A call that the Realtime server makes by itself. */
export interface WireMcpCall {
  type: "mcp_call";
  id: string;
  server_label: string;
  name: string;
  arguments: string;
  approval_request_id?: string | null;
  error?: { type: string; message: string; code?: number } | null;
  output?: string | null;
}

/** The Realtime server asks whether it may call. */
export interface WireMcpApprovalRequest {
  type: "mcp_approval_request";
  id: string;
  server_label: string;
  name: string;
  arguments: string;
}

/** Our answer to that. */
export interface WireMcpApprovalResponse {
  type: "mcp_approval_response";
  id: string;
  approval_request_id: string;
  approve: boolean;
  reason?: string | null;
}

/** An item of the conversation. */
export type WireItem =
  | WireMessage
  | WireFunctionCall
  | WireFunctionCallOutput
  | WireMcpListTools
  | WireMcpCall
  | WireMcpApprovalRequest
  | WireMcpApprovalResponse;

/** A sample format; PCM is 16 bit little-endian mono at 24,000 Hz, the others are G.711. */
export interface WireFormat {
  type?: "audio/pcm" | "audio/pcmu" | "audio/pcma";
  rate?: 24000;
}

/** Token counts of one response; cached tokens are part of the input tokens. */
export interface WireUsage {
  total_tokens?: number;
  input_tokens?: number;
  output_tokens?: number;
  input_token_details?: {
    text_tokens?: number;
    audio_tokens?: number;
    image_tokens?: number;
    cached_tokens?: number;
    cached_tokens_details?: { text_tokens?: number; audio_tokens?: number; image_tokens?: number };
  };
  output_token_details?: { text_tokens?: number; audio_tokens?: number };
}

/** An answer of the model, running or ended. */
export interface WireResponse {
  id?: string;
  object?: "realtime.response";
  /** Absent or null for a response outside the conversation. */
  conversation_id?: string;
  status?: "completed" | "cancelled" | "failed" | "incomplete" | "in_progress";
  status_details?: {
    type?: "completed" | "cancelled" | "incomplete" | "failed";
    reason?: "turn_detected" | "client_cancelled" | "max_output_tokens" | "content_filter";
    error?: { type?: string; code?: string; message?: string };
  };
  output?: WireItem[];
  output_modalities?: ("text" | "audio")[];
  max_output_tokens?: number | "inf";
  audio?: { output?: { format?: WireFormat; voice?: string } };
  metadata?: Record<string, string> | null;
  usage?: WireUsage;
}

/** When the server takes speech for begun and ended. */
export type WireTurnDetection =
  | {
      type: "server_vad";
      threshold?: number;
      prefix_padding_ms?: number;
      silence_duration_ms?: number;
      idle_timeout_ms?: number | null;
      create_response?: boolean;
      interrupt_response?: boolean;
    }
  | {
      type: "semantic_vad";
      eagerness?: "low" | "medium" | "high" | "auto";
      create_response?: boolean;
      interrupt_response?: boolean;
    };

/** Settings of the microphone's side. */
export interface WireAudioInput {
  format?: WireFormat;
  noise_reduction?: { type?: "near_field" | "far_field"; strength?: number };
  transcription?: {
    model?: string;
    language?: string;
    languages?: string[];
    keywords?: string[];
    prompt?: string;
    delay?: "minimal" | "low" | "medium" | "high" | "xhigh";
  };
  turn_detection?: WireTurnDetection | null;
}

/** A tool that the model may call: ours, or those of a Model Context Protocol server. */
export interface WireTool {
  type?: "function" | "mcp";
  name?: string;
  description?: string;
  /** JSON Schema of the arguments. */
  parameters?: unknown;
  server_label?: string;
  server_url?: string;
  server_description?: string;
  connector_id?: string;
  tunnel_id?: string;
  authorization?: string;
  headers?: Record<string, string> | null;
  allowed_callers?: ("direct" | "programmatic")[] | null;
  allowed_tools?: string[] | { read_only?: boolean; tool_names?: string[] } | null;
  require_approval?:
    | "always"
    | "never"
    | {
        always?: { read_only?: boolean; tool_names?: string[] };
        never?: { read_only?: boolean; tool_names?: string[] };
      }
    | null;
  defer_loading?: boolean;
}

/** The settings of a session: those of `session.update`, and in effect in `session.created` and `session.updated`. */
export type WireSession =
  | {
      type: "realtime";
      model?: string;
      output_modalities?: ("text" | "audio")[];
      instructions?: string;
      tools?: WireTool[];
      tool_choice?:
        | "none"
        | "auto"
        | "required"
        | { type: "function"; name: string }
        | { type: "mcp"; server_label: string; name?: string | null };
      parallel_tool_calls?: boolean;
      reasoning?: { effort?: "minimal" | "low" | "medium" | "high" | "xhigh" };
      max_output_tokens?: number | "inf";
      truncation?:
        | "auto"
        | "disabled"
        | {
            type: "retention_ratio";
            retention_ratio: number;
            token_limits?: { post_instructions?: number };
          };
      tracing?: "auto" | { workflow_name?: string; group_id?: string; metadata?: unknown } | null;
      prompt?: { id: string; version?: string | null; variables?: Record<string, unknown> | null } | null;
      include?: "item.input_audio_transcription.logprobs"[];
      audio?: {
        input?: WireAudioInput;
        output?: { format?: WireFormat; speed?: number; voice?: string | { id: string } };
      };
    }
  | {
      type: "transcription";
      include?: "item.input_audio_transcription.logprobs"[];
      audio?: { input?: WireAudioInput };
    };

/** How sure the recogniser was of a token. */
export interface WireLogProbability {
  token: string;
  bytes: number[];
  logprob: number;
}

/** What recognising an utterance cost. */
export type WireTranscriptionUsage =
  | {
      type: "tokens";
      input_tokens: number;
      output_tokens: number;
      total_tokens: number;
      input_token_details?: { text_tokens?: number; audio_tokens?: number };
    }
  | { type: "duration"; seconds: number };
