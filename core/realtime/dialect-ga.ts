import { AudioDeltaReader } from "./audio-delta.ts";
import type { SessionConfig } from "./config.ts";
import type { Dialect, WireEvent } from "./dialect.ts";
import type { ClientEvent, NewItem, ServerEvent } from "./events.ts";
import { isRecord, numberOf, readCall, readCalls, readFault, readStatus, textOf } from "./ga-fields.ts";
import { serverInterrupts } from "./interruption-policy.ts";
import type { ToolDescription } from "./port.ts";
import { readRateLimits, readTranscriptionUsage, readUsage } from "./usage.ts";

const PCM_FORMAT = { type: "audio/pcm", rate: 24_000 };
const APPEND_HEAD = '{"type":"input_audio_buffer.append","audio":"';
const APPEND_TAIL = '"}';
/** Metadata key that brings our event id back on the response. */
const CLIENT_EVENT = "client_event_id";

/** The dialect of OpenAI's generally available Realtime API (2025-08 and later). */
export class GaDialect implements Dialect {
  readonly name = "ga";
  wire: WireEvent | null = null;
  readonly #names: Readonly<Record<string, string>>;
  readonly #audio: AudioDeltaReader;
  #frame: Int16Array | null = null;
  #frameBytes: Uint8Array = new Uint8Array(0);
  readonly #counters = {
    audio_fast: 0,
    audio_parsed: 0,
    bad_json: 0,
    bad_audio: 0,
    incomplete_events: 0,
    ignored_events: 0,
  };

  /** A server that calls its events otherwise: its names with those of GA, and the name of its audio deltas. */
  constructor({ names = {}, audio }: { names?: Readonly<Record<string, string>>; audio?: string } = {}) {
    this.#names = names;
    this.#audio = new AudioDeltaReader(audio);
  }

  request(
    url: string,
    model: string,
    apiKey: string | undefined,
  ): { url: string; headers: Record<string, string> } {
    const target = new URL(url);
    target.searchParams.set("model", model);
    return { url: target.href, headers: apiKey ? { Authorization: `Bearer ${apiKey}` } : {} };
  }

  decode(frame: string): ServerEvent | null {
    this.wire = null;
    const delta = this.#audio.read(frame);
    if (delta) {
      this.#counters.audio_fast++;
      return delta;
    }
    let event: unknown;
    try {
      event = JSON.parse(frame);
    } catch {
      this.#counters.bad_json++;
      return null;
    }
    if (!isRecord(event) || typeof event["type"] !== "string") {
      this.#counters.bad_json++;
      return null;
    }
    this.wire = event as WireEvent;
    const type = event["type"];
    return this.#translate(this.#names[type] ?? type, event);
  }

  encode(event: ClientEvent): string {
    return JSON.stringify(gaEvent(event));
  }

  append(pcm: Int16Array): string {
    if (pcm !== this.#frame) {
      this.#frame = pcm;
      this.#frameBytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
    }
    return APPEND_HEAD + this.#frameBytes.toBase64() + APPEND_TAIL;
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  #translate(type: string, event: Record<string, unknown>): ServerEvent | null {
    const itemId = textOf(event["item_id"]);
    const responseId = textOf(event["response_id"]);
    switch (type) {
      case "session.created": {
        const session = isRecord(event["session"]) ? event["session"] : {};
        return { type: "session_created", expiresAtS: numberOf(session["expires_at"]) };
      }
      case "session.updated":
        return { type: "session_updated" };
      case "input_audio_buffer.speech_started":
        return { type: "speech_started", itemId, audioMs: numberOf(event["audio_start_ms"]) };
      case "input_audio_buffer.speech_stopped":
        return { type: "speech_stopped", itemId, audioMs: numberOf(event["audio_end_ms"]) };
      case "input_audio_buffer.committed":
        return this.#with(itemId, { type: "committed", itemId, previousItemId: previousOf(event) });
      case "conversation.item.added":
      case "conversation.item.created": {
        const item = isRecord(event["item"]) ? event["item"] : {};
        const id = textOf(item["id"]);
        const role = textOf(item["role"]);
        return this.#with(id, { type: "item_added", itemId: id, role, previousItemId: previousOf(event) });
      }
      case "conversation.item.deleted":
        return this.#with(itemId, { type: "item_deleted", itemId });
      case "conversation.item.input_audio_transcription.delta":
        return this.#with(itemId, { type: "user_text_delta", itemId, delta: textOf(event["delta"]) });
      case "conversation.item.input_audio_transcription.completed":
        return this.#with(itemId, {
          type: "user_text_done",
          itemId,
          text: textOf(event["transcript"]),
          contentIndex: numberOf(event["content_index"]) ?? 0,
          usage: readTranscriptionUsage(event["usage"]),
        });
      case "conversation.item.input_audio_transcription.failed":
        return this.#with(itemId, {
          type: "user_text_failed",
          itemId,
          message: readFault(event["error"]).message,
        });
      case "response.created":
      case "response.done":
        return this.#response(type, event["response"]);
      case "response.output_item.added": {
        const item = isRecord(event["item"]) ? event["item"] : {};
        return item["type"] === "function_call" ? { type: "call_announced", responseId } : null;
      }
      case "response.output_item.done": {
        const item = isRecord(event["item"]) ? event["item"] : {};
        const id = textOf(item["id"]);
        return { type: "output_item_done", responseId, itemId: id, call: readCall(item) };
      }
      case "response.content_part.added": {
        const part = isRecord(event["part"]) ? textOf(event["part"]["type"]) : "";
        // "audio" here, although items say "output_audio".
        if (part !== "audio" && part !== "output_audio") return null;
        return this.#with(itemId, { type: "speech_announced", responseId, itemId });
      }
      case "output_audio_buffer.started":
      case "output_audio_buffer.stopped":
      case "output_audio_buffer.cleared": {
        const change = type.slice(type.indexOf(".") + 1) as "started" | "stopped" | "cleared";
        return this.#with(responseId, { type: "output_buffer", responseId, change });
      }
      case "response.output_audio.delta":
        return this.#slowAudio(responseId, itemId, event["delta"]);
      case "response.output_audio.done":
        return this.#with(itemId, { type: "audio_done", responseId, itemId });
      case "response.output_audio_transcript.delta":
      case "response.output_text.delta":
        return this.#with(itemId, { type: "text_delta", responseId, itemId, delta: textOf(event["delta"]) });
      case "response.output_audio_transcript.done":
      case "response.output_text.done": {
        const text = event[type === "response.output_text.done" ? "text" : "transcript"];
        if (typeof text !== "string") return this.#incomplete();
        return this.#with(itemId, { type: "text_done", responseId, itemId, text });
      }
      case "rate_limits.updated":
        return { type: "rate_limits", limits: readRateLimits(event["rate_limits"]) };
      case "error":
        return { type: "error", fault: readFault(event["error"]) };
      default:
        this.#counters.ignored_events++;
        return null;
    }
  }

  #response(type: string, response: unknown): ServerEvent | null {
    if (!isRecord(response) || typeof response["id"] !== "string") return this.#incomplete();
    const responseId = response["id"];
    const metadata = isRecord(response["metadata"]) ? response["metadata"] : {};
    const clientEventId = textOf(metadata[CLIENT_EVENT]) || undefined;
    if (type === "response.created") return { type: "response_created", responseId, clientEventId };
    const status = readStatus(response["status"]);
    const details = isRecord(response["status_details"]) ? response["status_details"] : {};
    const fault = isRecord(details["error"]) ? readFault(details["error"]) : undefined;
    const calls = readCalls(response["output"], status);
    const usage = readUsage(response["usage"]);
    return { type: "response_done", responseId, clientEventId, status, fault, calls, usage };
  }

  #slowAudio(responseId: string, itemId: string, base64: unknown): ServerEvent | null {
    if (typeof base64 !== "string" || itemId === "") return this.#incomplete();
    const pcm = this.#audio.samples(base64);
    if (typeof pcm === "string") {
      this.#counters.bad_audio++;
      return null;
    }
    this.#counters.audio_parsed++;
    return this.#audio.event(responseId, itemId, pcm);
  }

  /** The event, or null where the id that it is about is missing. */
  #with(id: string, event: ServerEvent): ServerEvent | null {
    return id === "" ? this.#incomplete() : event;
  }

  #incomplete(): null {
    this.#counters.incomplete_events++;
    return null;
  }
}

function previousOf(event: Record<string, unknown>): string | undefined {
  return textOf(event["previous_item_id"]) || undefined;
}

/** What we ask of a server as the object that goes over the wire. */
export function gaEvent(event: ClientEvent): Record<string, unknown> {
  const event_id = event.eventId;
  switch (event.type) {
    case "configure":
      return { type: "session.update", event_id, session: sessionWire(event.config, event.tools) };
    case "set_tools":
      return {
        type: "session.update",
        event_id,
        session: { type: "realtime", tools: toolsWire(event.tools) },
      };
    case "add_item":
      return {
        type: "conversation.item.create",
        event_id,
        ...(event.afterId && { previous_item_id: event.afterId }),
        item: itemWire(event.item),
      };
    case "create_response": {
      const { instructions } = event;
      const response = { metadata: { [CLIENT_EVENT]: event_id }, ...(instructions && { instructions }) };
      return { type: "response.create", event_id, response };
    }
    case "cancel_response":
      return {
        type: "response.cancel",
        event_id,
        ...(event.responseId && { response_id: event.responseId }),
      };
    case "commit_audio":
      return { type: "input_audio_buffer.commit", event_id };
    case "truncate_item":
      return {
        type: "conversation.item.truncate",
        event_id,
        item_id: event.itemId,
        content_index: 0,
        audio_end_ms: event.playedMs,
      };
    case "delete_item":
      return { type: "conversation.item.delete", event_id, item_id: event.itemId };
    case "clear_output":
      return { type: "output_audio_buffer.clear", event_id };
  }
}

/** The model is left out: it is fixed by the URL, and an update that names it is refused (openai-node#2327). */
function sessionWire(config: SessionConfig, tools: ToolDescription[]): Record<string, unknown> {
  const { language, transcription_model: model } = config;
  return {
    type: "realtime",
    output_modalities: ["audio"],
    instructions: config.instructions,
    tools: toolsWire(tools),
    tool_choice: "auto",
    ...(config.max_output_tokens && { max_output_tokens: config.max_output_tokens }),
    audio: {
      input: {
        format: PCM_FORMAT,
        transcription: model === "" ? null : { model, ...(language && { language }) },
        turn_detection: turnDetectionWire(config),
      },
      output: { format: PCM_FORMAT, voice: config.voice },
    },
  };
}

function turnDetectionWire(config: SessionConfig): Record<string, unknown> | null {
  const { turn_detection: turn } = config;
  const common = {
    create_response: turn.create_response,
    interrupt_response: serverInterrupts(config),
  };
  switch (turn.type) {
    case "none":
      return null;
    case "semantic_vad":
      return { type: turn.type, eagerness: turn.eagerness, ...common };
    case "server_vad":
      return {
        type: turn.type,
        ...(turn.threshold !== undefined && { threshold: turn.threshold }),
        prefix_padding_ms: turn.prefix_padding_ms,
        silence_duration_ms: turn.silence_duration_ms,
        ...common,
      };
  }
}

function toolsWire(tools: ToolDescription[]): Record<string, unknown>[] {
  return tools.map((tool) => ({ type: "function", ...tool }));
}

function itemWire(item: NewItem): Record<string, unknown> {
  const { id } = item;
  switch (item.kind) {
    case "user_text":
    case "system_text": {
      const role = item.kind === "user_text" ? "user" : "system";
      return { id, type: "message", role, content: [{ type: "input_text", text: item.text }] };
    }
    case "assistant_text":
      return {
        id,
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: item.text }],
      };
    case "tool_call":
      return {
        id,
        type: "function_call",
        call_id: item.callId,
        name: item.name,
        arguments: item.argumentsJson,
      };
    case "user_images": {
      const images = item.jpegs.map((jpeg) => ({
        type: "input_image",
        image_url: `data:image/jpeg;base64,${Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength).toString("base64")}`,
      }));
      const caption = item.caption ? [{ type: "input_text", text: item.caption }] : [];
      return { id, type: "message", role: "user", content: [...images, ...caption] };
    }
    case "tool_output":
      return { id, type: "function_call_output", call_id: item.callId, output: item.output };
  }
}
