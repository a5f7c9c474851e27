import type { NewItem } from "./events.ts";
import { newId } from "./events.ts";

/** How much of a conversation is kept to be told to a new session. */
export interface ConversationLimits {
  items: number;
  characters: number;
}

type Entry =
  | { kind: "user" | "assistant" | "system"; id: string; text: string }
  | { kind: "call"; id: string; name: string; argumentsJson: string; output: string | null }
  | { kind: "images"; id: string; jpegs: readonly Uint8Array[]; caption: string | undefined };

/** An item of the conversation as it is told anew, under a new id; a call and its result are two. */
export interface Retold {
  entryId: string;
  item: NewItem;
}

/**
 * What the user and the robot said to each other, as far as it was heard, and what the tools did: enough to go on with
 * in a new session. In the order of the conversation, bounded; the newest entries stay.
 */
export class Conversation {
  readonly #limits: ConversationLimits;
  #entries: Entry[] = [];
  /** Entries on their way through the outbox: a new session gets them from there. */
  readonly #queued = new Set<string>();
  #characters = 0;
  #forgotten = 0;

  constructor(limits: ConversationLimits) {
    this.#limits = limits;
  }

  /** Somebody spoke; the words may follow. Known ones keep their place. */
  add(kind: "user" | "assistant" | "system", id: string, text = ""): void {
    const known = this.#find(id);
    if (known) this.say(id, text);
    else this.#push({ kind, id, text });
  }

  /** The words of an entry, all of them, in place of those known so far; nothing for an unknown one. */
  say(id: string, text: string): void {
    const entry = this.#find(id);
    if (!entry || !("text" in entry)) return;
    this.#characters += text.length - entry.text.length;
    entry.text = text;
    this.#trim();
  }

  call(callId: string, name: string, argumentsJson: string): void {
    this.#push({ kind: "call", id: callId, name, argumentsJson, output: null });
  }

  result(callId: string, output: string): void {
    const entry = this.#entries.findLast((other) => other.kind === "call" && other.id === callId);
    if (entry?.kind !== "call") return;
    entry.output = output;
    this.#characters += output.length;
    this.#trim();
  }

  /** Of pictures only the newest stay: each is paid for with every answer. */
  images(id: string, jpegs: readonly Uint8Array[], caption: string | undefined): void {
    this.#entries = this.#entries.filter((entry) => entry.kind !== "images");
    this.#push({ kind: "images", id, jpegs, caption });
  }

  remove(id: string): void {
    const at = this.#entries.findLastIndex((entry) => entry.id === id);
    const [entry] = at < 0 ? [] : this.#entries.splice(at, 1);
    if (entry) this.#characters -= sizeOf(entry);
  }

  textOf(id: string): string | undefined {
    const entry = this.#find(id);
    return entry && "text" in entry ? entry.text : undefined;
  }

  /** The entry waits in the outbox. */
  queue(id: string): void {
    this.#queued.add(id);
  }

  /** The outbox was emptied. */
  sent(): void {
    this.#queued.clear();
  }

  /** Items for a new session, oldest first, under new ids; what has no words or no result yet is left out. */
  retell(): Retold[] {
    return this.#entries.flatMap((entry) =>
      this.#queued.has(entry.id) ? [] : retold(entry).map((item) => ({ entryId: entry.id, item })),
    );
  }

  /** Calls that have no result yet. */
  running(): { name: string; argumentsJson: string }[] {
    return this.#entries.flatMap((entry) => (entry.kind === "call" && entry.output === null ? [entry] : []));
  }

  counters(): Record<string, number> {
    return { entries: this.#entries.length, characters: this.#characters, forgotten: this.#forgotten };
  }

  #find(id: string): Entry | undefined {
    return this.#entries.findLast((entry) => entry.id === id && entry.kind !== "call");
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    this.#characters += sizeOf(entry);
    this.#trim();
  }

  #trim(): void {
    const { items, characters } = this.#limits;
    while (this.#entries.length > items || (this.#characters > characters && this.#entries.length > 1)) {
      const [oldest] = this.#entries.splice(0, 1);
      if (!oldest) return;
      this.#characters -= sizeOf(oldest);
      this.#queued.delete(oldest.id);
      this.#forgotten++;
    }
  }
}

function sizeOf(entry: Entry): number {
  switch (entry.kind) {
    case "call":
      return entry.name.length + entry.argumentsJson.length + (entry.output?.length ?? 0);
    case "images":
      return entry.caption?.length ?? 0;
    default:
      return entry.text.length;
  }
}

function retold(entry: Entry): NewItem[] {
  const id = newId("item");
  switch (entry.kind) {
    case "user":
    case "system":
    case "assistant":
      return entry.text.trim() === "" ? [] : [{ kind: `${entry.kind}_text`, id, text: entry.text }];
    case "images":
      return [{ kind: "user_images", id, jpegs: entry.jpegs, caption: entry.caption }];
    case "call": {
      const { id: callId, name, argumentsJson, output } = entry;
      if (output === null) return [];
      return [
        { kind: "tool_call", id, callId, name, argumentsJson },
        { kind: "tool_output", id: newId("item"), callId, output },
      ];
    }
  }
}
