import { newId } from "./events.ts";
import type { ServerEvent } from "./events.ts";
import type { Connect, Transport, TransportEvents, TransportRequest } from "./transport.ts";

/** What {@link Standby} works with. */
export interface StandbyDeps {
  connect: Connect;
  request: TransportRequest;
  configure: (eventId: string) => string;
  dialect: { decode: (text: string) => ServerEvent | null };
  /** Until the server has taken the configuration. */
  limitMs: number;
}

type SessionCreated = Extract<ServerEvent, { type: "session_created" }>;

/** A second connection to the server that is configured and waits to take over from the present one. */
export class Standby {
  readonly #deps: StandbyDeps;
  readonly #transport: Transport;
  #state: "connecting" | "ready" | "failed" | "over" = "connecting";
  #heir: TransportEvents | null = null;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #greeted = false;
  #settled: () => void = () => {};
  /** What its server said of the session; null where it said nothing. */
  created: SessionCreated | null = null;

  constructor(deps: StandbyDeps) {
    this.#deps = deps;
    this.#deadline = setTimeout(() => this.#fail(), deps.limitMs);
    this.#transport = deps.connect(deps.request, {
      onOpen: () => this.#greet(),
      onText: (text) => (this.#heir ? this.#heir.onText(text) : this.#receive(text)),
      onAudio: (pcm) => this.#heir?.onAudio(pcm),
      onBinary: (bytes) => this.#heir?.onBinary(bytes),
      onPong: () => this.#heir?.onPong(),
      onClose: (failure) => (this.#heir ? this.#heir.onClose(failure) : this.#fail()),
    });
  }

  get ready(): boolean {
    return this.#state === "ready";
  }

  get failed(): boolean {
    return this.#state === "failed";
  }

  /** Calls `settled` once it is {@link ready} or {@link failed}, maybe at once. */
  await(settled: () => void): void {
    this.#settled = settled;
    if (this.#state !== "connecting") settled();
  }

  /** The connection, which tells `heir` what happens from now on. */
  handOver(heir: TransportEvents): Transport {
    this.#state = "over";
    this.#heir = heir;
    return this.#transport;
  }

  /** It is not needed. */
  close(): void {
    if (this.#state === "over") return;
    clearTimeout(this.#deadline);
    this.#state = "over";
    void this.#transport.close();
  }

  #greet(): void {
    this.#greeted = true;
    this.#transport.send(this.#deps.configure(newId("event")));
  }

  #receive(text: string): void {
    if (this.#state !== "connecting") return;
    const event = this.#deps.dialect.decode(text);
    if (event?.type === "session_created") this.created = event;
    else if (event?.type === "error") this.#fail();
    else if (event?.type === "session_updated" && this.#greeted) {
      clearTimeout(this.#deadline);
      this.#state = "ready";
      this.#settled();
    }
  }

  #fail(): void {
    clearTimeout(this.#deadline);
    if (this.#state === "over") return;
    this.#state = "failed";
    this.#transport.terminate();
    this.#settled();
  }
}
