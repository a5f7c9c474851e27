import { linkFailure } from "./link-failure.ts";
import type { LinkFailure } from "./link-failure.ts";

const MESSAGE = "the server did not begin an answer that was asked for";

/** A server that is there, and does not begin an answer: each one is called anew for it once, the next one first. */
export class Unanswered {
  readonly #servers: number;
  readonly #report: (message: string) => void;
  readonly #reconnect: (failure: LinkFailure) => void;
  /** Connections in a row on which no answer began. */
  #vain = 0;

  constructor(servers: number, report: (message: string) => void, reconnect: (failure: LinkFailure) => void) {
    this.#servers = servers;
    this.#report = report;
    this.#reconnect = reconnect;
  }

  /** An answer began. */
  began(): void {
    this.#vain = 0;
  }

  timedOut(): void {
    this.#report(MESSAGE);
    if (this.#vain++ >= this.#servers) return;
    this.#reconnect({ ...linkFailure("LINK_TIMEOUT", MESSAGE), hung: true });
  }
}
