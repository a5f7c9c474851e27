import { RealtimeClient } from "myna/realtime";
import type { ClientFault, RealtimeClientOptions } from "myna/realtime";
import { SPEAK_SUMMARY, safeSummary } from "./safe-summary.ts";
import type { TalkEvents } from "./talk-events.ts";
import type { Cut } from "./voice.ts";

/** Answers that were cut and may still send something. */
const REMEMBERED = 16;
/** Requests of the model that nobody has answered; the oldest are given up. */
const MAX_PENDING = 32;

/** What a {@link TalkLink} tells. */
export interface TalkLinkEvents {
  /** Sound of an answer that was not cut; borrowed. */
  audio(itemId: string, pcm: Int16Array): void;
  audioDone(itemId?: string): void;
  responseStarted(): void;
  /** The server hears the person speak. */
  speechStarted(): void;
  /** The link is gone: nothing more comes of what was being said. */
  lost(): void;
  changed(state: string): void;
  action(event: TalkEvents["action"]): void;
  summary(event: TalkEvents["safeSummary"]): void;
  fault(event: TalkEvents["error"]): void;
}

/** The conversation with the Realtime server: one answer at a time, requests for actions, summaries. */
export class TalkLink {
  readonly client: RealtimeClient;
  readonly #events: TalkLinkEvents;
  readonly #instructions: string;
  #active: string | null = null;
  readonly #cut = new Set<string>();
  readonly #actions = new Set<string>();
  /** Summaries on their way into the conversation, by item. */
  readonly #summaries = new Map<string, TalkEvents["safeSummary"]>();
  #wantsResponse = false;

  constructor(options: RealtimeClientOptions, events: TalkLinkEvents) {
    this.#events = events;
    this.#instructions = options.instructions ?? "";
    this.client = new RealtimeClient(options);
    this.#listen();
  }

  /** Stops the answer that runs: the server cancels it by itself where `byServer`. What was cut off is taken back. */
  cut(cut: Cut | null, byServer: boolean): void {
    const { client } = this;
    if (this.#active !== null) {
      this.#cut.add(this.#active);
      if (this.#cut.size > REMEMBERED) this.#cut.delete(this.#cut.values().next().value ?? "");
      if (!byServer) client.cancelResponse(this.#active);
    }
    if (!cut || cut.playedMs >= cut.receivedMs) return;
    const { itemId: item_id, playedMs } = cut;
    if (playedMs > 0)
      client.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: playedMs });
    else client.send({ type: "conversation.item.delete", item_id });
  }

  /** ARGUMENT_INVALID where the text is no summary. */
  summarise(text: string, callId?: string): void {
    const summary = safeSummary(text);
    const call_id = callId ?? this.#actions.values().next().value;
    if (call_id !== undefined && this.#actions.delete(call_id)) {
      const output = JSON.stringify({ ok: true, result: "see the system note that follows" });
      this.client.send({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id, output },
      });
    }
    const id = `item_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
    this.#summaries.set(id, { text: summary, ...(call_id !== undefined && { callId: call_id }) });
    if (this.#summaries.size > MAX_PENDING) this.#summaries.delete(this.#summaries.keys().next().value ?? "");
    this.client.send({
      type: "conversation.item.create",
      item: { id, type: "message", role: "system", content: [{ type: "input_text", text: summary }] },
    });
    this.#wantsResponse = true;
    this.#pump();
  }

  #listen(): void {
    const { client } = this;
    const events = this.#events;
    client.on("audio", ({ responseId, itemId, pcm }) => {
      if (!this.#cut.has(responseId)) events.audio(itemId, pcm);
    });
    client.on("response.created", ({ response }) => {
      this.#active = response.id ?? null;
      events.responseStarted();
    });
    client.on("response.output_audio.done", ({ item_id }) => events.audioDone(item_id));
    client.on("response.output_item.done", ({ item }) => this.#item(item));
    client.on("response.done", () => {
      this.#active = null;
      events.audioDone();
      this.#pump();
    });
    client.on("input_audio_buffer.speech_started", () => events.speechStarted());
    client.on("conversation.item.added", ({ item }) => {
      const summary = this.#summaries.get(item.id ?? "");
      if (!summary) return;
      this.#summaries.delete(item.id ?? "");
      events.summary(summary);
    });
    client.on("state_change", ({ state }) => events.changed(state));
    client.on("disconnect", () => {
      this.#active = null;
      this.#actions.clear();
      events.lost();
    });
    client.on("error", (fault) => this.#fault(fault));
  }

  #item(item: { type?: unknown; call_id?: unknown; name?: unknown; arguments?: unknown }): void {
    if (item.type !== "function_call" || typeof item.call_id !== "string" || item.call_id === "") return;
    this.#actions.add(item.call_id);
    if (this.#actions.size > MAX_PENDING) this.#actions.delete(this.#actions.values().next().value ?? "");
    const { call_id: callId } = item;
    this.#events.action({ callId, name: String(item.name ?? ""), arguments: parsed(item.arguments) });
  }

  /** One answer at a time: a second request before the end of the first is an error of the server. */
  #pump(): void {
    if (!this.#wantsResponse || this.#active !== null) return;
    this.#wantsResponse = false;
    // The instructions of a response take the place of the session's.
    this.client.createResponse({
      instructions: [this.#instructions, SPEAK_SUMMARY].filter(Boolean).join("\n\n"),
    });
  }

  #fault({ source, code, message, fatal }: ClientFault): void {
    // The answer had ended by itself.
    if (code === "response_cancel_not_active") return;
    if (code === "conversation_already_has_active_response") {
      this.#wantsResponse = true;
      return;
    }
    this.#events.fault({ code: String(code), message: `${source}: ${message}`, fatal });
  }
}

/** What is no JSON is handed on as the text that the model wrote. */
function parsed(json: unknown): unknown {
  if (typeof json !== "string") return {};
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
