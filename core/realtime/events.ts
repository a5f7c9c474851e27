import type { SessionConfig } from "./config.ts";
import type { ToolDescription } from "./port.ts";
import type { RateLimit, TokenUsage, TranscriptionUsage } from "./usage.ts";

/** How a response ended. */
export type ResponseStatus = "completed" | "cancelled" | "failed" | "incomplete";

/** A call that the model wants made. */
export interface FunctionCall {
  callId: string;
  name: string;
  /** JSON text, unparsed. */
  argumentsJson: string;
  /** False where the item was cut short: its arguments may be half a JSON text. */
  completed: boolean;
}

/** An `error` event, or the error inside a failed response. */
export interface ServerFault {
  /** Empty where the server gave none. */
  code: string;
  message: string;
  /** "invalid_request_error", "server_error", …; empty where the server gave none. */
  kind: string;
  /** Id of the client event that it answers, where the server says so. */
  eventId: string | undefined;
}

/** One piece of speech of the robot. The object and `pcm` are reused: valid only while it is handled. */
export interface AudioDelta {
  type: "audio";
  responseId: string;
  itemId: string;
  /** PCM16 mono 24 kHz. */
  pcm: Int16Array;
}

/** What the session needs to know of a server's events, in no dialect. Order and presence are not guaranteed. */
export type ServerEvent =
  | AudioDelta
  | { type: "session_created"; expiresAtS: number | undefined }
  | { type: "session_updated" }
  /** `audioMs` counts all audio appended in this session and includes the prefix padding. */
  | { type: "speech_started"; itemId: string; audioMs: number | undefined }
  /** `audioMs` includes the silence that ended the utterance. */
  | { type: "speech_stopped"; itemId: string; audioMs: number | undefined }
  | { type: "committed"; itemId: string; previousItemId: string | undefined }
  | { type: "item_added"; itemId: string; role: string; previousItemId: string | undefined }
  | { type: "item_deleted"; itemId: string }
  | { type: "user_text_delta"; itemId: string; delta: string }
  | {
      type: "user_text_done";
      itemId: string;
      text: string;
      contentIndex: number;
      /** What the recogniser consumed, where the server says so. */
      usage: TranscriptionUsage | undefined;
    }
  | { type: "user_text_failed"; itemId: string; message: string }
  /** `clientEventId` is that of our `create_response`, where the server hands metadata back. */
  | { type: "response_created"; responseId: string; clientEventId: string | undefined }
  | {
      type: "response_done";
      responseId: string;
      clientEventId: string | undefined;
      status: ResponseStatus;
      fault: ServerFault | undefined;
      calls: FunctionCall[];
      /** What the answer consumed; cancelled and failed ones have it too. */
      usage: TokenUsage | undefined;
    }
  | { type: "output_item_done"; responseId: string; itemId: string; call: FunctionCall | undefined }
  /** The response goes on with a call, whose arguments are still to come. */
  | { type: "call_announced"; responseId: string }
  /** An item is going to speak: where sound has a track of its own, the one that the sound belongs to. */
  | { type: "speech_announced"; responseId: string; itemId: string }
  /** The server's own queue of sound begins, has been played to its end, or was emptied. WebRTC and SIP only. */
  | { type: "output_buffer"; responseId: string; change: "started" | "stopped" | "cleared" }
  | { type: "audio_done"; responseId: string; itemId: string }
  /** Words of the robot: the transcript of its speech, or text where it answers in writing. */
  | { type: "text_delta"; responseId: string; itemId: string; delta: string }
  | { type: "text_done"; responseId: string; itemId: string; text: string }
  /** How much may still be sent; may come at any time. */
  | { type: "rate_limits"; limits: RateLimit[] }
  | { type: "error"; fault: ServerFault };

/** An item that we add to the conversation. Ids have at most 32 characters. */
export type NewItem =
  | { kind: "user_text" | "system_text" | "assistant_text"; id: string; text: string }
  | { kind: "user_images"; id: string; jpegs: readonly Uint8Array[]; caption: string | undefined }
  | { kind: "tool_call"; id: string; callId: string; name: string; argumentsJson: string }
  | { kind: "tool_output"; id: string; callId: string; output: string };

/** What we ask of a server, in no dialect. Audio has its own way: {@link Dialect.append}. */
export type ClientEvent =
  | { type: "configure"; eventId: string; config: SessionConfig; tools: ToolDescription[] }
  | { type: "set_tools"; eventId: string; tools: ToolDescription[] }
  /** Behind `afterId`, or at the end without. */
  | { type: "add_item"; eventId: string; item: NewItem; afterId?: string }
  | { type: "create_response"; eventId: string; instructions: string | undefined }
  | { type: "cancel_response"; eventId: string; responseId: string | undefined }
  | { type: "truncate_item"; eventId: string; itemId: string; playedMs: number }
  | { type: "delete_item"; eventId: string; itemId: string }
  /** Empties the server's own queue of sound; `cancel_response` goes before it. WebRTC and SIP only. */
  | { type: "clear_output"; eventId: string };

let ids = 0;
const born = Date.now().toString(36);

/** A new id of an item or event, unique over sessions: at most 32 characters, as the server wants. */
export function newId(prefix: "item" | "event"): string {
  return `${prefix}_${born}${(ids++).toString(36)}`;
}
