import type { Conversation } from "./conversation.ts";
import { newId } from "./ids.ts";
import type { Item, ItemRecord, Part } from "./items.ts";
import type { ServerEvent } from "./outlet.ts";
import { encodePcm } from "./pcm.ts";

/** Characters of one delta of a call's arguments. */
const ARGUMENTS_PIECE = 16;

/** What the items of a response need of the session. */
interface ItemsHost {
  emit(event: ServerEvent): void;
  readonly conversation: Conversation;
}

/** A message being written or spoken. */
interface OpenMessage {
  record: ItemRecord;
  modality: "audio" | "text";
  /** Its only content part; a truncation takes the transcript away. */
  part: Part;
  /** Text or transcript so far. */
  text: string;
}

/** The output items of one response: emits their events in order and puts them into the conversation. */
export class OutputItems {
  #responseId: string;
  #host: ItemsHost;
  #outOfBand: boolean;
  #records: ItemRecord[] = [];
  #open: OpenMessage | null = null;
  /** Samples sent so far in all items. */
  samples = 0;
  /** Text of all items so far: transcripts, texts and arguments. */
  writtenText = "";

  constructor(responseId: string, host: ItemsHost, outOfBand: boolean) {
    this.#responseId = responseId;
    this.#host = host;
    this.#outOfBand = outOfBand;
  }

  /** The items as `response.done` shows them: without audio. */
  wire(): Item[] {
    return this.#records.map(({ item }) => structuredClone(item));
  }

  openMessage(modality: "audio" | "text"): void {
    const content: Part[] = [];
    const record = this.#add({
      id: newId("item"),
      object: "realtime.item",
      type: "message",
      status: "in_progress",
      role: "assistant",
      content,
    });
    const part: Part =
      modality === "audio" ? { type: "output_audio", transcript: "" } : { type: "output_text", text: "" };
    content.push(part);
    this.#open = { record, modality, part, text: "" };
    const empty = modality === "audio" ? { type: "audio", transcript: "" } : { type: "text", text: "" };
    this.#emitPart("response.content_part.added", { part: empty });
  }

  /** More of the text or transcript. */
  text(delta: string): void {
    if (!this.#open) return;
    const { modality, part } = this.#open;
    this.#open.text += delta;
    this.writtenText += delta;
    if (part.type === "output_text") part.text += delta;
    else if (part.type === "output_audio" && part.transcript !== undefined) part.transcript += delta;
    this.#emitPart(
      modality === "audio" ? "response.output_audio_transcript.delta" : "response.output_text.delta",
      { delta },
    );
  }

  /** More of the audio; keeps the array. */
  audio(pcm: Int16Array): void {
    if (!this.#open) return;
    this.#open.record.audio.push(pcm);
    this.samples += pcm.length;
    this.#host.emit(this.audioDelta(pcm));
  }

  /** The event that carries `pcm` for the open message, not sent. */
  audioDelta(pcm: Int16Array): ServerEvent {
    return { type: "response.output_audio.delta", ...this.#place(), delta: encodePcm(pcm) };
  }

  /** Ends the open message, if there is one. */
  closeMessage(status: "completed" | "incomplete"): void {
    const open = this.#open;
    if (!open) return;
    const { modality, text, record } = open;
    if (modality === "audio") {
      this.#emitPart("response.output_audio.done", {});
      this.#emitPart("response.output_audio_transcript.done", { transcript: text });
    } else {
      this.#emitPart("response.output_text.done", { text });
    }
    const part = modality === "audio" ? { type: "audio", transcript: text } : { type: "text", text };
    this.#emitPart("response.content_part.done", { part });
    this.#finish(record, status);
    this.#open = null;
  }

  /** A whole function call. */
  call(name: string, argumentsJson: string): void {
    const callId = newId("call");
    const record = this.#add({
      id: newId("item"),
      object: "realtime.item",
      type: "function_call",
      status: "in_progress",
      call_id: callId,
      name,
      arguments: "",
    });
    const place = { ...this.#place(), call_id: callId };
    for (let at = 0; at < argumentsJson.length; at += ARGUMENTS_PIECE) {
      const delta = argumentsJson.slice(at, at + ARGUMENTS_PIECE);
      this.#host.emit({ type: "response.function_call_arguments.delta", ...place, delta });
    }
    if (record.item.type === "function_call") record.item.arguments = argumentsJson;
    this.writtenText += name + argumentsJson;
    this.#host.emit({
      type: "response.function_call_arguments.done",
      ...place,
      name,
      arguments: argumentsJson,
    });
    this.#finish(record, "completed");
  }

  #add(item: Item): ItemRecord {
    const record: ItemRecord = { item, audio: [], heard: null };
    this.#records.push(record);
    this.#host.emit({
      type: "response.output_item.added",
      response_id: this.#responseId,
      output_index: this.#records.length - 1,
      item,
    });
    if (!this.#outOfBand) {
      const previous = this.#host.conversation.insert(record);
      this.#host.emit({ type: "conversation.item.added", previous_item_id: previous, item });
    }
    return record;
  }

  #finish(record: ItemRecord, status: "completed" | "incomplete"): void {
    const { item } = record;
    item.status = status;
    this.#host.emit({
      type: "response.output_item.done",
      response_id: this.#responseId,
      output_index: this.#records.indexOf(record),
      item,
    });
    if (this.#outOfBand || !this.#host.conversation.find(item.id)) return;
    const previous = this.#host.conversation.before(item.id);
    this.#host.emit({ type: "conversation.item.done", previous_item_id: previous, item });
  }

  #emitPart(type: string, fields: Record<string, unknown>): void {
    this.#host.emit({ type, ...this.#place(), ...fields });
  }

  #place(): Record<string, unknown> {
    const at = this.#records.length - 1;
    const place = { response_id: this.#responseId, item_id: this.#records[at]?.item.id, output_index: at };
    return this.#open ? { ...place, content_index: 0 } : place;
  }
}
