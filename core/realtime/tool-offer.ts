import type { ToolDescription } from "./port.ts";

/** What {@link ToolOffer} works with. */
export interface ToolOfferDeps {
  definitions: () => ToolDescription[];
  /** The session can be told now. */
  ready: () => boolean;
  send: (tools: ToolDescription[]) => void;
  /** The tools are about to be told. */
  onOffer: (tools: ToolDescription[]) => void;
}

/** The tools as the session knows them: told with its configuration, and again after they changed. */
export class ToolOffer {
  readonly #deps: ToolOfferDeps;
  #stale = false;

  constructor(deps: ToolOfferDeps) {
    this.#deps = deps;
  }

  /** For a configuration that goes out now. */
  take(): ToolDescription[] {
    this.#stale = false;
    const tools = this.#deps.definitions();
    this.#deps.onOffer(tools);
    return tools;
  }

  /** Several changes in a row, as in a reload, become one update. */
  changed(): void {
    if (this.#stale) return;
    this.#stale = true;
    queueMicrotask(() => this.#deps.ready() && this.ready());
  }

  /** The session is ready: tells what changed since its configuration. */
  ready(): void {
    if (this.#stale) this.#deps.send(this.take());
  }
}
