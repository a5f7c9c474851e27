import { KEPT } from "./wire.ts";
import type { Lists, Update, Values } from "./wire.ts";

/** What a model holds: plain data, so that it outlives a reload of the plugin. */
export interface Memory {
  revision: number;
  order: number;
  values: Map<keyof Values, Slot>;
  lists: Map<keyof Lists, Map<string, Entry>>;
}

/** An empty memory. */
export function newMemory(): Memory {
  return { revision: 0, order: 0, values: new Map(), lists: new Map() };
}

interface Slot {
  revision: number;
  value: unknown;
  /** To tell whether it changed. */
  json: string;
}

interface Entry {
  revision: number;
  order: number;
  value: unknown;
}

type Change = Pick<Update, "set" | "put">;

/**
 * What the console knows, each part with the revision of its last change. A page is told what is newer than the revision that
 * reached it, so a slow reader misses what has been overtaken meanwhile, and nothing is queued for it.
 */
export class LiveModel {
  readonly #memory: Memory;
  /** The change since a revision is the same for all pages that have it. */
  #cached: { from: number; to: number; json: string } | undefined;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Grows with every change. */
  get revision(): number {
    return this.#memory.revision;
  }

  /** True where the value is another one than before. */
  set<V extends keyof Values>(name: V, value: Values[V]): boolean {
    const json = JSON.stringify(value);
    const slot = this.#memory.values.get(name);
    if (slot?.json === json) return false;
    this.#memory.values.set(name, { revision: ++this.#memory.revision, value, json });
    return true;
  }

  get<V extends keyof Values>(name: V): Values[V] | undefined {
    return this.#memory.values.get(name)?.value as Values[V] | undefined;
  }

  /** Adds an entry, or replaces the one of that key in its place. */
  put<L extends keyof Lists>(list: L, key: string, value: Lists[L]): void {
    let entries = this.#memory.lists.get(list);
    if (!entries) this.#memory.lists.set(list, (entries = new Map()));
    const order = entries.get(key)?.order ?? ++this.#memory.order;
    entries.set(key, { revision: ++this.#memory.revision, order, value });
    if (entries.size <= KEPT[list]) return;
    const [oldest] = entries.keys();
    if (oldest !== undefined) entries.delete(oldest);
  }

  entry<L extends keyof Lists>(list: L, key: string): Lists[L] | undefined {
    return this.#memory.lists.get(list)?.get(key)?.value as Lists[L] | undefined;
  }

  /** The newest entry that `matches`. */
  newest<L extends keyof Lists>(
    list: L,
    matches: (value: Lists[L]) => boolean,
  ): { key: string; value: Lists[L] } | undefined {
    for (const [key, { value }] of [...(this.#memory.lists.get(list) ?? [])].reverse())
      if (matches(value as Lists[L])) return { key, value: value as Lists[L] };
    return undefined;
  }

  /** What is newer than `revision`, as the JSON of `set` and `put` without braces; "" where nothing is. */
  since(revision: number): string {
    if (revision === this.#memory.revision) return "";
    if (this.#cached?.from === revision && this.#cached.to === this.#memory.revision)
      return this.#cached.json;
    const set: Record<string, unknown> = {};
    for (const [name, slot] of this.#memory.values) if (slot.revision > revision) set[name] = slot.value;
    const put: Record<string, unknown[]> = {};
    for (const [list, entries] of this.#memory.lists) {
      const changed = [];
      for (const [key, entry] of entries)
        if (entry.revision > revision) changed.push({ key, order: entry.order, value: entry.value });
      if (changed.length > 0) put[list] = changed;
    }
    const change = { set, put } as Change;
    const json = JSON.stringify(change).slice(1, -1);
    this.#cached = { from: revision, to: this.#memory.revision, json };
    return json;
  }
}
