import { newId } from "./events.ts";
import type { ServerEvent, ServerFault } from "./events.ts";
import type { RestoreWire } from "./retelling.ts";

/** What {@link Admission} works with. */
export interface AdmissionDeps {
  /** The text of our configuration. */
  configure: (eventId: string) => string;
  /** As {@link ConnectionDeps.restore}. */
  restore: ((wire: RestoreWire) => (event: ServerEvent) => void) | undefined;
  /** Sends on the present connection, ready or not. */
  send: (text: string) => void;
  /** The time is up, and the server has not let us in. */
  onLate: () => void;
  onReady: () => void;
}

/**
 * How a connection becomes ready: our configuration is the first frame; once the server has taken it, the session is told
 * what it has to know; nothing else is sent meanwhile.
 */
export class Admission {
  readonly #deps: AdmissionDeps;
  #hello = "";
  #greeted = false;
  /** Takes the events of a session that is being restored; null at all other times. */
  #restoring: ((event: ServerEvent) => void) | null = null;
  /** Counts attempts; what belongs to an earlier one is dropped. */
  #attempt = 0;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
  }

  /** The configuration was sent on this connection. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /** The session is told what it has to know. */
  get restoring(): boolean {
    return this.#restoring !== null;
  }

  /** A connection is being made: it shall be ready in time. */
  begin(limitMs: number): void {
    this.#greeted = false;
    this.#expect(limitMs);
  }

  /** It stands. */
  greet(): void {
    this.#hello = newId("event");
    this.#greeted = true;
    this.#deps.send(this.#deps.configure(this.#hello));
  }

  /** True where the server does not accept our configuration. */
  isRefusal(fault: ServerFault): boolean {
    return this.#restoring === null && (fault.eventId ?? this.#hello) === this.#hello;
  }

  /** Takes an event while the session is told what it has to know; false at all other times. */
  receive(event: ServerEvent): boolean {
    if (this.#restoring === null) return false;
    this.#restoring(event);
    return true;
  }

  /** Nothing may be sent from now on until {@link restore} is done. */
  hold(): void {
    this.#restoring = () => {};
  }

  /** The server has taken our configuration. With a limit it is given that time anew: it lets us in. */
  restore(limitMs: number | null): void {
    const attempt = this.#attempt;
    let ended = false;
    if (limitMs !== null) this.#expect(limitMs);
    this.hold();
    const receive = this.#deps.restore?.({
      send: (text) => {
        if (attempt === this.#attempt) this.#deps.send(text);
      },
      done: () => {
        if (ended || attempt !== this.#attempt) return;
        ended = true;
        this.#ready();
      },
    });
    if (!receive) this.#ready();
    else if (!ended && attempt === this.#attempt) this.#restoring = receive;
  }

  /** The connection is given up; idempotent. */
  stop(): void {
    clearTimeout(this.#deadline);
    this.#restoring = null;
    this.#attempt++;
  }

  #expect(limitMs: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(this.#deps.onLate, limitMs);
  }

  #ready(): void {
    clearTimeout(this.#deadline);
    this.#restoring = null;
    this.#deps.onReady();
  }
}
