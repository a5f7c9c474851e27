import type { Retold } from "./conversation.ts";
import type { ClientEvent, NewItem, ServerEvent } from "./events.ts";
import { newId } from "./events.ts";

/** A connection that is configured and not ready yet. After the connection is gone both do nothing. */
export interface RestoreWire {
  send(text: string): void;
  /** Everything was told. */
  done(): void;
}

/** What {@link Retelling} works with. */
export interface RetellingDeps {
  items: Retold[];
  encode: (event: ClientEvent) => string;
  wire: RestoreWire;
  /** How long the server may take to confirm; partial servers never do. */
  ackMs: number;
  /** Before `wire.done`: what the session has now, in order. */
  onTold: (result: { told: Retold[]; refused: number; unconfirmed: number }) => void;
}

/**
 * One telling of the conversation to a new session: all items at once, each behind the one before it. An item that is
 * refused takes those behind it along, since they name it; they are told again behind the last that was taken.
 */
export class Retelling {
  readonly #deps: RetellingDeps;
  readonly #told: Retold[] = [];
  /** Told in this round, in order, with the event that tells it. */
  #round: { eventId: string; retold: Retold; state: "open" | "taken" | "refused" }[] = [];
  #refused = 0;
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: RetellingDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#tell(this.#deps.items);
  }

  /** Its connection is gone: nothing is told of it afterwards, and no timer is left. */
  stop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  receive(event: ServerEvent): void {
    if (this.#ended) return;
    const entry = this.#round.find(({ eventId, retold, state }) =>
      state !== "open"
        ? false
        : event.type === "item_added"
          ? event.itemId === retold.item.id
          : event.type === "error" && event.fault.eventId === eventId,
    );
    if (!entry) return;
    entry.state = event.type === "error" ? "refused" : "taken";
    if (this.#round.every(({ state }) => state !== "open")) this.#endRound();
  }

  #tell(items: Retold[]): void {
    let afterId = this.#told.at(-1)?.item.id;
    this.#round = items.map((retold) => ({ eventId: newId("event"), retold, state: "open" }));
    this.#timer = setTimeout(() => this.#finish(), this.#deps.ackMs);
    for (const { eventId, retold } of this.#round) {
      const { item } = retold;
      this.#deps.wire.send(
        this.#deps.encode({ type: "add_item", eventId, item, ...(afterId && { afterId }) }),
      );
      afterId = item.id;
    }
  }

  #endRound(): void {
    clearTimeout(this.#timer);
    const left: Retold[] = [];
    for (const { retold, state } of this.#round) (state === "taken" ? this.#told : left).push(retold);
    const [refused, ...rest] = left;
    if (refused) this.#refused++;
    const again = refused ? inPlaceOf(refused.item, rest) : [];
    if (again.length > 0) this.#tell(again);
    else this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    const open = this.#round.filter(({ state }) => state === "open").map(({ retold }) => retold);
    const late = this.#round.filter(({ state }) => state === "taken").map(({ retold }) => retold);
    const told = [...new Set([...this.#told, ...late, ...open])];
    this.#deps.onTold({ told, refused: this.#refused, unconfirmed: open.length });
    this.#deps.wire.done();
  }
}

/** The items behind a refused one, told anew; a call that the server does not take becomes a line with its result. */
function inPlaceOf(refused: NewItem, rest: Retold[]): Retold[] {
  return rest.map(({ entryId, item }) => {
    const its = refused.kind === "tool_call" && item.kind === "tool_output" && item.callId === refused.callId;
    if (!its) return { entryId, item };
    const text = `The tool ${refused.name} was called with ${refused.argumentsJson} and returned: ${item.output}`;
    return { entryId, item: { kind: "system_text", id: newId("item"), text } };
  });
}
