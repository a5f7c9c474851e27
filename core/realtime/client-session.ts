import { isRecord } from "./ga-fields.ts";

type Fields = Record<string, unknown>;

/** Updates that are kept apart so that one which the server refuses can be taken back. */
const MAX_OPEN = 32;

/** What the application changed of the session's configuration; every new connection begins with all of it. */
export class ClientSession {
  #settled: Fields;
  readonly #open: { eventId: string; fields: Fields }[] = [];

  constructor(fields: Fields) {
    this.#settled = copy(fields);
  }

  update(eventId: string, fields: Fields): void {
    this.#open.push({ eventId, fields: copy(fields) });
    const oldest = this.#open.length > MAX_OPEN ? this.#open.shift() : undefined;
    if (oldest) this.#settled = merge(this.#settled, oldest.fields);
  }

  /** The server refused that event; an update is then left out of the next configuration. */
  refused(eventId: string): void {
    const at = this.#open.findIndex((update) => update.eventId === eventId);
    if (at >= 0) this.#open.splice(at, 1);
  }

  /** `base` with all changes. */
  onto(base: Fields): Fields {
    return [{ fields: this.#settled }, ...this.#open].reduce((all, { fields }) => merge(all, fields), base);
  }
}

/** As the server merges: objects by key, except those with a `type`, which are whole; everything else is replaced. */
function merge(base: Fields, changes: Fields): Fields {
  const merged: Fields = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const present = merged[key];
    const whole = !isRecord(value) || !isRecord(present) || "type" in value;
    merged[key] = whole ? value : merge(present, value);
  }
  return merged;
}

/** What the caller does with its object later is no change of the session. */
function copy(fields: Fields): Fields {
  return structuredClone(fields);
}
