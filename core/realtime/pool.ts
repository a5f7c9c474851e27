import { MynaError } from "../errors.ts";
import type { ClientFault } from "./client-events.ts";
import type { RealtimeClientOptions } from "./client-options.ts";
import { RealtimeClient } from "./client.ts";

/** What a pool may be told. */
export interface RealtimePoolOptions {
  /** Sessions that are kept, free and taken together. */
  size: number;
  client: RealtimeClientOptions;
  /** A free session this old is replaced: OpenAI ends one after 60 minutes. Default: 50 minutes. */
  maxAgeMs?: number;
}

/** Figures of a pool. */
export interface PoolMetrics {
  size: number;
  /** Sessions that are ready and not taken. */
  free: number;
  taken: number;
  /** Sessions on their way. */
  connecting: number;
  /** Calls of `acquire` that wait. */
  waiting: number;
}

interface Slot {
  client: RealtimeClient;
  taken: boolean;
  sinceMs: number;
}

const DEFAULT_MAX_AGE_MS = 50 * 60_000;
const CHECK_MS = 10_000;

/**
 * Keeps so many sessions ready, each taken by one at a time. A session that was used is not handed out again: its
 * conversation belongs to whoever held it, so `release` ends it and a fresh one takes its place.
 */
export class RealtimePool implements AsyncDisposable {
  readonly #options: RealtimePoolOptions;
  #slots: Slot[] = [];
  #waiting: PromiseWithResolvers<RealtimeClient>[] = [];
  #running = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Throws CONFIG_INVALID for a size that is no number from 1 on, and for wrong options of the clients. */
  constructor(options: RealtimePoolOptions) {
    if (!Number.isInteger(options.size) || options.size < 1)
      throw new MynaError(
        "CONFIG_INVALID",
        `RealtimePool: size is a whole number from 1 on, not ${options.size}`,
      );
    this.#options = options;
    new RealtimeClient(options.client);
  }

  /** Begins to connect all sessions; idempotent. After all of them failed for good it may be called again. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#timer = setInterval(() => this.#renew(), CHECK_MS);
    for (let i = 0; i < this.#options.size; i++) this.#add();
  }

  /**
   * A session that is ready and nobody else's, as soon as there is one; `signal` ends the wait. Rejects when the server
   * refuses us for good, and when the pool is stopped.
   */
  acquire(signal?: AbortSignal): Promise<RealtimeClient> {
    if (!this.#running) return Promise.reject(new MynaError("LINK_CLOSED", "the pool is not running"));
    if (signal?.aborted) return Promise.reject(signal.reason);
    const slot = this.#slots.find(({ client, taken }) => !taken && client.isConnected());
    if (slot) {
      slot.taken = true;
      return Promise.resolve(slot.client);
    }
    const wait = Promise.withResolvers<RealtimeClient>();
    this.#waiting.push(wait);
    const giveUp = (): void => {
      this.#waiting = this.#waiting.filter((one) => one !== wait);
      wait.reject(signal?.reason);
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    const quiet = (): void => signal?.removeEventListener("abort", giveUp);
    wait.promise.then(quiet, quiet);
    return wait.promise;
  }

  /** Gives a session back, whatever its state; the client is of no use afterwards. */
  release(client: RealtimeClient): void {
    const slot = this.#slots.find((one) => one.client === client && one.taken);
    if (slot) this.#replace(slot);
  }

  /** Ends all sessions, the taken ones too. Resolves when the sockets are gone; idempotent. */
  async stop(): Promise<void> {
    await this.#end(new MynaError("LINK_CLOSED", "the pool was stopped"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  getMetrics(): PoolMetrics {
    const taken = this.#slots.filter((slot) => slot.taken).length;
    const free = this.#slots.filter((slot) => !slot.taken && slot.client.isConnected()).length;
    return {
      size: this.#options.size,
      free,
      taken,
      connecting: this.#slots.length - taken - free,
      waiting: this.#waiting.length,
    };
  }

  #add(): void {
    const client = new RealtimeClient(this.#options.client);
    const slot: Slot = { client, taken: false, sinceMs: performance.now() };
    this.#slots.push(slot);
    client.on("connect", () => {
      slot.sinceMs = performance.now();
      this.#offer(slot);
    });
    client.on("error", (fault) => fault.fatal && this.#failed(slot, fault));
    client.start();
  }

  #offer(slot: Slot): void {
    if (slot.taken) return;
    const wait = this.#waiting.shift();
    if (!wait) return;
    slot.taken = true;
    wait.resolve(slot.client);
  }

  #replace(slot: Slot): void {
    this.#remove(slot);
    this.#add();
  }

  #remove(slot: Slot): void {
    this.#slots = this.#slots.filter((one) => one !== slot);
    void slot.client.destroy();
  }

  /** What refuses one session for good refuses the next: nothing is tried again before `start`. */
  #failed(slot: Slot, fault: ClientFault): void {
    this.#remove(slot);
    if (this.#slots.some(({ client }) => client.getState() !== "closed")) return;
    void this.#end(new MynaError("LINK_FATAL", fault.message));
  }

  /** Tops up, and replaces what is old: one at a time, so that a burst of calls does not meet an empty pool. */
  #renew(): void {
    if (this.#slots.length < this.#options.size) {
      this.#add();
      return;
    }
    const oldestMs = performance.now() - (this.#options.maxAgeMs ?? DEFAULT_MAX_AGE_MS);
    const old = this.#slots.find(
      (slot) => !slot.taken && slot.client.isConnected() && slot.sinceMs < oldestMs,
    );
    if (old) this.#replace(old);
  }

  async #end(error: MynaError): Promise<void> {
    this.#running = false;
    clearInterval(this.#timer);
    const slots = this.#slots;
    this.#slots = [];
    for (const wait of this.#waiting.splice(0)) wait.reject(error);
    await Promise.all(slots.map(({ client }) => client.destroy()));
  }
}
