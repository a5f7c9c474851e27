import { BetaDialect } from "./dialect-beta.ts";
import { GaDialect } from "./dialect-ga.ts";
import type { Dialect, WireEvent } from "./dialect.ts";
import type { ClientEvent, ServerEvent } from "./events.ts";

/** The dialect of the present connection, which may be another one for the next. GA until `use` says otherwise. */
export class SwitchedDialect implements Dialect {
  readonly #ga = new GaDialect();
  readonly #beta = new BetaDialect();
  #current: GaDialect | BetaDialect = this.#ga;
  readonly #note: (message: string) => void;
  #noted = false;

  /** `note` hears once about a setting that the dialect cannot express. */
  constructor(note: (message: string) => void = () => {}) {
    this.#note = note;
  }

  get name(): "ga" | "beta" {
    return this.#current.name;
  }

  get wire(): WireEvent | null {
    return this.#current.wire;
  }

  /** Before a connection is opened. */
  use(name: "ga" | "beta"): void {
    this.#current = name === "ga" ? this.#ga : this.#beta;
  }

  request(
    url: string,
    model: string,
    apiKey: string | undefined,
  ): { url: string; headers: Record<string, string> } {
    return this.#current.request(url, model, apiKey);
  }

  decode(frame: string): ServerEvent | null {
    return this.#current.decode(frame);
  }

  encode(event: ClientEvent): string {
    if (
      !this.#noted &&
      this.name === "ga" &&
      event.type === "configure" &&
      event.config.temperature !== undefined
    ) {
      this.#noted = true;
      this.#note("temperature is ignored: the GA dialect has none");
    }
    return this.#current.encode(event);
  }

  append(pcm: Int16Array): string {
    return this.#current.append(pcm);
  }

  /** Of the dialect that is spoken now. */
  counters(): Record<string, number> {
    return this.#current.counters();
  }
}
