import { withoutSecretFields } from "myna";
import { TAP_CHARS } from "./wire.ts";
import type { TapEvent } from "./wire.ts";

/** Events kept for pages that tap. */
const KEPT = 400;
/** Events that one page is given at once. */
const PER_UPDATE = 40;

interface Kept {
  number: number;
  event: TapEvent;
}

/** The last events of all topics, for pages that look at them; takes nothing in while none does. */
export class Tap {
  readonly #events: Kept[] = [];
  #number = 0;

  /** Number of the newest event; a page that begins now has seen up to here. */
  get newest(): number {
    return this.#number;
  }

  take(topic: string, event: unknown): void {
    const json = JSON.stringify(withoutSecretFields(event)) ?? "null";
    const text = json.length > TAP_CHARS ? `${json.slice(0, TAP_CHARS)}…` : json;
    this.#events.push({ number: ++this.#number, event: { at: performance.now(), topic, event: text } });
    if (this.#events.length > KEPT) this.#events.shift();
  }

  /** Events after `number` whose topic contains `filter`, the newest where there are too many. */
  since(number: number, filter: string): { events: TapEvent[]; skipped: number } {
    const matching = this.#events.filter((one) => one.number > number && one.event.topic.includes(filter));
    const events = matching.slice(-PER_UPDATE).map(({ event }) => event);
    return { events, skipped: matching.length - events.length };
  }
}
