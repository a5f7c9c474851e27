import { networkInterfaces } from "node:os";

const LOOK_MS = 500;

/** The addresses by which this computer can reach others: link-local ones lead nowhere. */
export function outsideAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address))
    .map(({ address }) => address);
}

/** What {@link NetworkWatch} works with. */
export interface NetworkWatchDeps {
  /** All network is gone, where there was one. */
  onLost: () => void;
  onBack: () => void;
  /** Another way to look, for tests. */
  addresses?: () => string[];
  lookMs?: number;
}

/**
 * Notices within half a second that this computer has no network any more. A socket does not: without a network nothing
 * tells it that the other side is gone, and it stays open until a ping goes unanswered.
 */
export class NetworkWatch {
  readonly #deps: NetworkWatchDeps;
  readonly #addresses: () => string[];
  #timer: ReturnType<typeof setInterval> | undefined;
  #there = false;

  constructor(deps: NetworkWatchDeps) {
    this.#deps = deps;
    this.#addresses = deps.addresses ?? outsideAddresses;
  }

  /** Idempotent. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#there = this.#addresses().length > 0;
    this.#timer = setInterval(() => this.#look(), this.#deps.lookMs ?? LOOK_MS);
  }

  /** Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const there = this.#addresses().length > 0;
    if (there === this.#there) return;
    this.#there = there;
    if (there) this.#deps.onBack();
    else this.#deps.onLost();
  }
}
