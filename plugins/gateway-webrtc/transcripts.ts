import { heardText } from "myna/realtime";
import type { RealtimeClient } from "myna/realtime";
import type { TalkEvents } from "./talk-events.ts";

/** Items whose words are known; an item that is never heard to its end is forgotten with the oldest. */
const REMEMBERED = 32;

interface Words {
  text: string;
  done: boolean;
}

/** The words of both sides. Those of the robot are final when they have been heard, and only as far as they were. */
export class Transcripts {
  readonly #emit: (event: TalkEvents["transcript"]) => void;
  readonly #words = new Map<string, Words>();
  readonly #spoken = new Set<string>();

  constructor(client: RealtimeClient, emit: (event: TalkEvents["transcript"]) => void) {
    this.#emit = emit;
    client.on("conversation.item.input_audio_transcription.delta", ({ item_id, delta }) => {
      const words = this.#find(`user ${item_id}`);
      words.text += delta ?? "";
      emit({ role: "user", itemId: item_id, text: words.text, final: false });
    });
    client.on("conversation.item.input_audio_transcription.completed", ({ item_id, transcript }) => {
      this.#words.delete(`user ${item_id}`);
      emit({ role: "user", itemId: item_id, text: transcript, final: true });
    });
    client.on("response.output_audio_transcript.delta", ({ item_id, delta }) => this.#more(item_id, delta));
    client.on("response.output_text.delta", ({ item_id, delta }) => this.#more(item_id, delta));
    client.on("response.output_audio_transcript.done", ({ item_id, transcript }) => {
      this.#done(item_id, transcript);
    });
    client.on("response.output_text.done", ({ item_id, text }) => {
      this.#done(item_id, text);
      this.finished(item_id);
    });
  }

  /** The page has heard all of the item. */
  finished(itemId: string): void {
    const words = this.#words.get(itemId);
    if (!words?.done) this.#remember(this.#spoken, itemId);
    else this.#final(itemId, words.text);
  }

  /** The page heard so much of what was received of the item, and no more will come. */
  cut(itemId: string, playedMs: number, receivedMs: number): void {
    const words = this.#words.get(itemId);
    if (words) this.#final(itemId, heardText(words.text, playedMs, receivedMs));
  }

  #more(itemId: string, delta: string): void {
    const words = this.#find(itemId);
    if (words.done) return;
    words.text += delta;
    this.#emit({ role: "assistant", itemId, text: words.text, final: false });
  }

  #done(itemId: string, text: string): void {
    const words = this.#find(itemId);
    words.text = text;
    words.done = true;
    if (this.#spoken.has(itemId)) this.#final(itemId, text);
  }

  #final(itemId: string, text: string): void {
    this.#words.delete(itemId);
    this.#spoken.delete(itemId);
    this.#emit({ role: "assistant", itemId, text, final: true });
  }

  #find(key: string): Words {
    let words = this.#words.get(key);
    if (!words) {
      words = { text: "", done: false };
      this.#words.set(key, words);
      if (this.#words.size > REMEMBERED) this.#words.delete(this.#words.keys().next().value ?? "");
    }
    return words;
  }

  #remember(set: Set<string>, itemId: string): void {
    set.add(itemId);
    if (set.size > REMEMBERED) set.delete(set.values().next().value ?? "");
  }
}
