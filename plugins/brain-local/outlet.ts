import type { Clock } from "./clock.ts";
import type { FaultAction, Faults } from "./faults.ts";
import { newId } from "./ids.ts";

/** An event on its way to the client; `event_id` is added here. */
export type ServerEvent = { type: string } & Record<string, unknown>;

/** The socket as the outlet needs it. */
export interface Sink {
  send(frame: string | Uint8Array<ArrayBuffer>): void;
  close(code: number, reason: string): void;
  /** Without a close frame. */
  terminate(): void;
}

/** The way from a session to its client; scripted faults happen here. Silent once closed. */
export class Outlet {
  #sink: Sink;
  #faults: Faults;
  #clock: Clock;
  #dress: (event: ServerEvent) => ServerEvent | null;
  #closed = false;
  /** Frames held back by a stall; null when nothing stalls. */
  #held: (string | Uint8Array<ArrayBuffer>)[] | null = null;

  /** `dress` writes an event in another dialect; null is an event that the dialect does not have. */
  constructor(
    sink: Sink,
    faults: Faults,
    clock: Clock,
    dress: (event: ServerEvent) => ServerEvent | null = (event) => event,
  ) {
    this.#sink = sink;
    this.#dress = dress;
    this.#faults = faults;
    this.#clock = clock;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Faults know events by their GA names, whatever the dialect. */
  emit(event: ServerEvent): void {
    if (this.#closed) return;
    const dressed = this.#dress(event);
    const frame = dressed && JSON.stringify({ event_id: newId("event"), ...dressed });
    if (!this.#faults.any) return this.#write(frame);
    let copies = 1;
    let delayMs = 0;
    for (const action of this.#faults.at(`before:${event.type}`)) {
      if (action.kind === "swallow") copies = 0;
      else if (action.kind === "repeat") copies = 2;
      else if (action.kind === "delay") delayMs = action.ms;
      else this.strike(action);
    }
    for (let copy = 0; copy < copies; copy++) {
      if (delayMs > 0) this.#clock.after(delayMs, () => this.#write(frame));
      else this.#write(frame);
    }
    for (const action of this.#faults.at(`after:${event.type}`)) {
      if (action.kind === "repeat") this.#write(frame);
      else this.strike(action);
    }
  }

  /** Lets a fault happen that does not concern one event alone. */
  strike(action: FaultAction): void {
    if (action.kind === "drop") this.drop();
    else if (action.kind === "close") this.close(action.code, action.reason ?? "");
    else if (action.kind === "stall") {
      this.#held ??= [];
      if (action.ms !== undefined) this.#clock.after(action.ms, () => this.#release());
    } else if (action.kind === "inject") {
      const { frame } = action;
      const raw = typeof frame === "string" || frame instanceof Uint8Array;
      this.#write(raw ? frame : JSON.stringify({ event_id: newId("event"), ...frame }));
    }
  }

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sink.close(code, reason);
  }

  drop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sink.terminate();
  }

  /** The client is gone. */
  ended(): void {
    this.#closed = true;
  }

  #write(frame: string | Uint8Array<ArrayBuffer> | null): void {
    if (this.#closed || frame === null) return;
    if (this.#held) this.#held.push(frame);
    else this.#sink.send(frame);
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const frame of held) this.#write(frame);
  }
}
