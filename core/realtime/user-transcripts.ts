import type { ServerEvent } from "./events.ts";
import { RecentIds } from "./recent-ids.ts";

/** How long a later transcript waits for an earlier one that is late. */
const HOLD_MS = 3000;

interface Utterance {
  itemId: string;
  /** Partial words so far. */
  partial: string;
  /** Final words that wait for an earlier utterance; null while there are none. */
  final: string | null;
  /** Nobody waits for it any more. */
  overdue: boolean;
}

/** Told of the words of the user: whole text so far, or final. */
export type PublishTranscript = (itemId: string, text: string, final: boolean) => void;

/**
 * The user's words in the order of the conversation. The server recognises each utterance by itself and may finish a
 * later one first; final texts are published along the chain of `previous_item_id`, each once.
 */
export class UserTranscripts {
  readonly #publish: PublishTranscript;
  /** Utterances whose final text is due, in the order of the conversation. */
  #open: Utterance[] = [];
  /** Item before it, for the items of the conversation that were named so far; bounded. */
  readonly #previous = new Map<string, string>();
  readonly #finished = new RecentIds(500);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(publish: PublishTranscript) {
    this.#publish = publish;
  }

  /** What the server says of words of the user; all other events are left alone. */
  receive(event: ServerEvent): void {
    switch (event.type) {
      case "item_added":
        this.itemAdded(event.itemId, event.previousItemId);
        break;
      case "user_text_delta":
        this.delta(event.itemId, event.delta);
        break;
      case "user_text_done":
        this.done(event.itemId, event.text);
        break;
      case "user_text_failed":
        this.done(event.itemId, "");
        break;
    }
  }

  /** An item joined the conversation, with the one before it where the server says so. */
  itemAdded(itemId: string, previousItemId: string | undefined): void {
    if (previousItemId === undefined || previousItemId === itemId) return;
    this.#previous.set(itemId, previousItemId);
    if (this.#previous.size <= 500) return;
    for (const oldest of this.#previous.keys()) {
      this.#previous.delete(oldest);
      return;
    }
  }

  /** An utterance was committed: its transcript is due. */
  committed(itemId: string, previousItemId: string | undefined): void {
    this.itemAdded(itemId, previousItemId);
    this.#find(itemId);
  }

  /** More words; the item need not be known. */
  delta(itemId: string, delta: string): void {
    if (delta === "" || this.#finished.has(itemId)) return;
    const utterance = this.#find(itemId);
    if (utterance.final !== null) return;
    utterance.partial += delta;
    this.#publish(itemId, utterance.partial, false);
  }

  /** The final words; empty where nothing was understood or the recogniser failed. */
  done(itemId: string, text: string): void {
    if (this.#finished.has(itemId)) return;
    const utterance = this.#find(itemId);
    utterance.final ??= text;
    this.#release();
  }

  /** The session is gone: what was recognised is published, what was not will never be. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const open = this.#open;
    this.#open = [];
    for (const utterance of open) if (utterance.final !== null) this.#finish(utterance, utterance.final);
    this.#previous.clear();
  }

  #find(itemId: string): Utterance {
    const present = this.#open.find((utterance) => utterance.itemId === itemId);
    if (present) return present;
    const utterance: Utterance = { itemId, partial: "", final: null, overdue: false };
    if (this.#finished.has(itemId)) return utterance;
    const later = this.#open.findIndex((other) => this.#precedes(itemId, other.itemId));
    this.#open.splice(later < 0 ? this.#open.length : later, 0, utterance);
    return utterance;
  }

  /** True where the chain leads from `later` back to `earlier`. */
  #precedes(earlier: string, later: string): boolean {
    let at = this.#previous.get(later);
    for (let steps = 0; at !== undefined && steps < this.#previous.size; steps++) {
      if (at === earlier) return true;
      at = this.#previous.get(at);
    }
    return false;
  }

  #release(): void {
    while (this.#open.length > 0) {
      const next = this.#open.find((utterance) => !utterance.overdue || utterance.final !== null);
      if (!next || next.final === null) break;
      this.#open.splice(this.#open.indexOf(next), 1);
      this.#finish(next, next.final);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#open.some((utterance) => utterance.final !== null)) {
      this.#timer = setTimeout(() => this.#giveUpFirst(), HOLD_MS);
    }
  }

  #giveUpFirst(): void {
    const late = this.#open.find((utterance) => !utterance.overdue && utterance.final === null);
    if (late) late.overdue = true;
    this.#release();
  }

  #finish(utterance: Utterance, text: string): void {
    this.#finished.add(utterance.itemId);
    this.#publish(utterance.itemId, text, true);
  }
}
