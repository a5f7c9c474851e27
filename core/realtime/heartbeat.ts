/** What {@link Heartbeat} works with. */
export interface HeartbeatDeps {
  pingMs: number;
  pongMs: number;
  ping: () => void;
  /** No answer came in time. */
  onDead: () => void;
}

/** Asks for a sign of life now and then: half-open Wi-Fi sends no FIN. */
export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
  }

  /** The other side has given a sign of life, or has just arrived. */
  beat(): void {
    const { pingMs, pongMs, ping, onDead } = this.#deps;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      ping();
      this.#timer = setTimeout(onDead, pongMs);
    }, pingMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
