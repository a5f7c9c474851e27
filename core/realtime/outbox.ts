/**
 * What gives way when the outbox is full: "audio" first, oldest first, then "event", oldest first. "result", the
 * result of a tool, never does, even where it takes the outbox over its bounds.
 */
export type Weight = "audio" | "event" | "result";

interface Entry {
  text: string;
  weight: Weight;
}

/** Events that wait for the link, in order, bounded in count and bytes. */
export class Outbox {
  readonly #limits: { events: number; bytes: number };
  #entries: Entry[] = [];
  #bytes = 0;
  readonly #dropped = { audio: 0, event: 0 };

  constructor(limits: { events: number; bytes: number }) {
    this.#limits = limits;
  }

  /** Returns false where the new entry, or another event in its place, was dropped: audio that gives way does not count. */
  add(text: string, weight: Weight): boolean {
    this.#entries.push({ text, weight });
    this.#bytes += text.length;
    let whole = true;
    while (this.#entries.length > this.#limits.events || this.#bytes > this.#limits.bytes) {
      const audio = this.#drop("audio");
      if (audio) continue;
      if (!this.#drop("event")) break;
      whole = false;
    }
    return whole;
  }

  /** Empties the outbox into `send`; returns how many entries were audio. */
  flush(send: (text: string) => void): number {
    const entries = this.#entries;
    this.#entries = [];
    this.#bytes = 0;
    let audio = 0;
    for (const { text, weight } of entries) {
      if (weight === "audio") audio++;
      send(text);
    }
    return audio;
  }

  /** Gives up what waits; it counts as dropped. */
  clear(): void {
    for (const { weight } of this.#entries) this.#dropped[weight === "audio" ? "audio" : "event"]++;
    this.#entries = [];
    this.#bytes = 0;
  }

  counters(): Record<string, number> {
    return {
      queued: this.#entries.length,
      queued_bytes: this.#bytes,
      dropped_audio: this.#dropped.audio,
      dropped_events: this.#dropped.event,
    };
  }

  #drop(weight: "audio" | "event"): boolean {
    const at = this.#entries.findIndex((entry) => entry.weight === weight);
    const [entry] = at < 0 ? [] : this.#entries.splice(at, 1);
    if (!entry) return false;
    this.#bytes -= entry.text.length;
    this.#dropped[weight]++;
    return true;
  }
}
