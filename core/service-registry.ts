import { ownCallbacks } from "./callback.ts";
import { MynaError } from "./errors.ts";
import type { ServiceName, Services } from "./services.ts";

/** Runs a function in the module world of the plugin that it belongs to. */
export type Run = <T>(body: () => T) => T;

interface Offer {
  owner: string;
  service: object;
  run: Run;
}

/** Who provides what. Handles find the provider at each call, so that it can be reloaded under its users. */
export class ServiceRegistry {
  readonly #offers = new Map<string, Offer>();
  readonly #watchers = new Set<(name: string, provided: boolean) => void>();

  provide(name: string, service: object, owner: string, run: Run): () => void {
    const present = this.#offers.get(name);
    if (present) {
      throw new MynaError(
        "SERVICE_TAKEN",
        `service "${name}" is provided by plugin "${present.owner}" already`,
      );
    }
    const offer = { owner, service, run };
    this.#offers.set(name, offer);
    for (const watch of this.#watchers) watch(name, true);
    return () => {
      if (this.#offers.get(name) !== offer) return;
      this.#offers.delete(name);
      for (const watch of this.#watchers) watch(name, false);
    };
  }

  has(name: string): boolean {
    return this.#offers.has(name);
  }

  /** The names of all services that have a provider now, with it. */
  list(): { name: string; owner: string }[] {
    return [...this.#offers].map(([name, { owner }]) => ({ name, owner }));
  }

  onChanged(watch: (name: string, provided: boolean) => void): () => void {
    this.#watchers.add(watch);
    return () => void this.#watchers.delete(watch);
  }

  /**
   * Methods run in the provider's module world, callbacks among their arguments in the caller's; a call without a provider
   * throws SERVICE_UNAVAILABLE.
   */
  handle<S extends ServiceName>(name: S): Services[S] {
    const methods = new Map<PropertyKey, unknown>();
    return new Proxy({} as Services[S], {
      get: (_, property) => {
        if (typeof property === "symbol" || property === "then") return undefined;
        let method = methods.get(property);
        if (!method) {
          method = (...args: unknown[]) => this.#call(name, property, args);
          methods.set(property, method);
        }
        return method;
      },
    });
  }

  #call(name: string, method: string, args: unknown[]): unknown {
    const offer = this.#offers.get(name);
    if (!offer)
      throw new MynaError("SERVICE_UNAVAILABLE", `no plugin provides the service "${name}" at the moment`);
    const body: unknown = Reflect.get(offer.service, method);
    if (typeof body !== "function") {
      throw new MynaError(
        "SERVICE_UNAVAILABLE",
        `the service "${name}" of plugin "${offer.owner}" has no method "${method}"`,
      );
    }
    const own = args.map(ownCallbacks);
    return offer.run(() => Reflect.apply(body, offer.service, own) as unknown);
  }
}
