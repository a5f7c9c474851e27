import type { Remembered } from "./contracts.ts";
import type { Item, ItemRecord, Part } from "./items.ts";
import { encodePcm, joinPcm, SAMPLES_PER_MS, toMs } from "./pcm.ts";
import { Refusal } from "./refusal.ts";

/** Audio that one conversation keeps for `conversation.item.retrieve`: five minutes; older audio is forgotten first. */
const MAX_SAMPLES = 5 * 60 * 24_000;
/** Pictures whose bytes one conversation keeps. */
const MAX_PICTURES = 4;
/** Items that the mind is shown, the newest ones. */
const VIEW_ITEMS = 200;

/** The items of a session in order. */
export class Conversation {
  #records: ItemRecord[] = [];

  /** As the wire shows them. */
  get items(): Item[] {
    return this.#records.map((record) => record.item);
  }

  get lastId(): string | null {
    return this.#records.at(-1)?.item.id ?? null;
  }

  find(id: string): ItemRecord | undefined {
    return this.#records.find((record) => record.item.id === id);
  }

  /**
   * Inserts behind `after` (undefined or null: at the end, "root": in front) and answers the id before it.
   * A Refusal, and nothing inserted, when `after` is unknown or the id is taken.
   */
  insert(record: ItemRecord, after?: string | null): string | null {
    if (this.find(record.item.id)) {
      const text = `Error adding item: an item with id '${record.item.id}' already exists.`;
      throw new Refusal("invalid_value", text, "item.id");
    }
    let at = this.#records.length;
    if (after === "root") at = 0;
    else if (after != null) {
      at = this.#records.findIndex((other) => other.item.id === after) + 1;
      if (at === 0) {
        const text = `Error adding item: the previous item with id '${after}' does not exist.`;
        throw new Refusal("invalid_value", text, "previous_item_id");
      }
    }
    this.#records.splice(at, 0, record);
    this.#forgetOldMedia();
    return this.#records[at - 1]?.item.id ?? null;
  }

  delete(id: string): void {
    if (!this.find(id)) {
      const text = `Error deleting item: the item with id '${id}' does not exist.`;
      throw new Refusal("item_delete_invalid_item_id", text, "item_id");
    }
    this.#records = this.#records.filter((record) => record.item.id !== id);
  }

  /** Cuts an assistant's audio to what was heard and removes its transcript. */
  truncate(id: string, contentIndex: number, endMs: number): void {
    const record = this.find(id);
    if (!record) {
      const text = `Error truncating item: the item with id '${id}' does not exist.`;
      throw new Refusal("item_truncate_invalid_item_id", text, "item_id");
    }
    const part =
      record.item.type === "message" && record.item.role === "assistant"
        ? record.item.content[contentIndex]
        : undefined;
    if (part?.type !== "output_audio") {
      const text = "Only model output audio messages can be truncated.";
      throw new Refusal("unsupported_content_type", text, "item_id");
    }
    const samples = samplesOf(record);
    if (endMs > toMs(samples)) {
      const text = `Audio content of ${toMs(samples)}ms is already shorter than ${endMs}ms.`;
      throw new Refusal("invalid_value", text, "audio_end_ms");
    }
    const kept = endMs * SAMPLES_PER_MS;
    const words = (part.transcript ?? record.remembered ?? "").split(" ");
    const share = samples === 0 ? 0 : kept / samples;
    record.remembered = words.slice(0, Math.round(words.length * share)).join(" ");
    record.audio = [joinPcm(record.audio).slice(0, kept)];
    delete part.transcript;
  }

  /** The item with its audio, as `conversation.item.retrieved` shows it. */
  retrieve(id: string): unknown {
    const record = this.find(id);
    if (!record) {
      const text = `Error retrieving item: the item with id '${id}' does not exist.`;
      throw new Refusal("item_retrieve_invalid_item_id", text, "item_id");
    }
    const { item } = record;
    if (item.type !== "message") return item;
    const content = item.content.map((part): Part => {
      if (part.type !== "input_audio" && part.type !== "output_audio") return part;
      return record.audio.length === 0 ? part : { ...part, audio: encodePcm(joinPcm(record.audio)) };
    });
    return { ...item, content };
  }

  /** Id of the item in front of an item; null for the first one. */
  before(id: string): string | null {
    const at = this.#records.findIndex((record) => record.item.id === id);
    return this.#records[at - 1]?.item.id ?? null;
  }

  /** What the mind is shown, as it is now. */
  recent(): ItemRecord[] {
    return this.#records.slice(-VIEW_ITEMS);
  }

  #forgetOldMedia(): void {
    let samples = 0;
    let pictures = 0;
    for (const record of this.#records.toReversed()) {
      samples += samplesOf(record);
      if (samples > MAX_SAMPLES && record.item.status !== "in_progress") record.audio = [];
      if (record.item.type !== "message") continue;
      for (const part of record.item.content) {
        if (part.type === "input_image" && ++pictures > MAX_PICTURES) part.image_url = "";
      }
    }
  }
}

/** Length of an item's audio. */
export function samplesOf(record: ItemRecord): number {
  return record.audio.reduce((sum, piece) => sum + piece.length, 0);
}

/** Items as the mind sees them; text beside a picture is its caption. Waits for what is still being recognised. */
export async function viewOf(records: readonly ItemRecord[]): Promise<Remembered[]> {
  const view: Remembered[] = [];
  for (const record of records) {
    const heard = await record.heard;
    const { item } = record;
    if (item.type === "function_call") {
      view.push({ kind: "call", callId: item.call_id, name: item.name, arguments: item.arguments });
    } else if (item.type === "function_call_output") {
      view.push({ kind: "result", callId: item.call_id, output: item.output });
    } else if (item.role === "user" && item.content.some((part) => part.type === "input_image")) {
      const caption = textOf(item.content);
      view.push(caption === "" ? { kind: "image" } : { kind: "image", caption });
    } else if (item.role === "user") {
      const spoken = item.content.some((part) => part.type === "input_audio");
      const text = spoken && heard ? heard.text : textOf(item.content);
      const accepted = heard ? heard.accepted : text !== "";
      view.push({ kind: "user", text, accepted, spoken, ...(heard?.doubt && { doubt: heard.doubt }) });
    } else {
      const text = record.remembered ?? textOf(item.content);
      if (text !== "") view.push({ kind: item.role, text });
    }
  }
  return view;
}

function textOf(content: Part[]): string {
  return content
    .map((part) => ("text" in part ? part.text : "transcript" in part ? part.transcript : ""))
    .filter((text) => text)
    .join(" ");
}
