import { isIP } from "node:net";
import { hostname } from "node:os";

/** What this computer is called in a Host header. */
export class OwnNames {
  readonly #names: ReadonlySet<string>;

  constructor(further: readonly string[]) {
    const own = hostname();
    this.#names = new Set([own, `${own}.local`, "localhost", ...further].map((name) => name.toLowerCase()));
  }

  /**
   * False for a name that is not ours: a page of another site whose name was bound to this address (DNS rebinding) sends its own.
   * An address cannot be rebound. `header` is that of the request, with or without a port.
   */
  has(header: string): boolean {
    const name = (/^(\[[^\]]+\]|[^:]+)(:\d+)?$/.exec(header)?.[1] ?? "").toLowerCase();
    return this.#names.has(name) || isIP(name.replace(/^\[|\]$/g, "")) !== 0;
  }
}
