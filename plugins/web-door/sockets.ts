import type { WebCaller, WebPeer, WebRole } from "myna";
import type { MountedSocket } from "./mounts.ts";
import { RateLimit } from "./rate-limit.ts";

/** A peer that has this much unread gets nothing more until it has read. */
const UNREAD_BYTES = 256 * 1024;
/** Open sockets of one caller, and of all. */
const OPEN_PER_CALLER = 32;
const OPEN = 256;
/** Of these, places that only an operator takes. */
const OPERATORS_OPEN = 64;
/** RFC 6455 §7.4.1 and its registry. */
const CLOSE = { unsupported: 1003, policy: 1008, tooBig: 1009, failed: 1011, restart: 1012 } as const;

/** What a socket carries from its upgrade to its end. */
export interface Line {
  readonly mounted: MountedSocket;
  readonly caller: WebCaller;
  /** Whom it counts for. */
  readonly key: string;
  /** What the plugin answers messages with; undefined before it is open. */
  ends?: { message(text: string): void; closed(): void };
  leave?: () => void;
}

/** All open web sockets: size, rate, unread bytes and number are bounded. */
export class Sockets {
  readonly #open = new Set<Bun.ServerWebSocket<Line>>();
  readonly #rate = new RateLimit();
  readonly #failed: (path: string, error: unknown) => void;
  #dropped = 0;

  constructor(failed: (path: string, error: unknown) => void) {
    this.#failed = failed;
  }

  /** False where the caller, or everybody together, has as many as may be. */
  room(key: string, role: WebRole): boolean {
    if (this.#open.size >= (role === "operator" ? OPEN : OPEN - OPERATORS_OPEN)) return false;
    let own = 0;
    for (const socket of this.#open) if (socket.data.key === key) own++;
    return own < OPEN_PER_CALLER;
  }

  /** Hangs up on a caller. */
  dismiss(key: string): void {
    for (const socket of this.#open) if (socket.data.key === key) socket.close(CLOSE.policy, "logged out");
  }

  counters(): { open: number; dropped: number } {
    return { open: this.#open.size, dropped: this.#dropped };
  }

  opened(socket: Bun.ServerWebSocket<Line>): void {
    this.#open.add(socket);
    const { data } = socket;
    const { gone, route } = data.mounted;
    const restart = () => socket.close(CLOSE.restart, "reloaded; connect again");
    if (gone.signal.aborted) return restart();
    gone.signal.addEventListener("abort", restart);
    data.leave = () => gone.signal.removeEventListener("abort", restart);
    try {
      data.ends = route.open(this.#peer(socket));
    } catch (error) {
      this.#fail(socket, error);
    }
  }

  message(socket: Bun.ServerWebSocket<Line>, message: string | Buffer): void {
    const { data } = socket;
    const { path, maxMessageBytes = 16_384, maxMessagesPerSecond = 100 } = data.mounted.route;
    if (!data.ends) return;
    if (typeof message !== "string") return socket.close(CLOSE.unsupported, "text only");
    if (Buffer.byteLength(message) > maxMessageBytes) return socket.close(CLOSE.tooBig, "message too large");
    if (this.#rate.take(`${data.key} ${path}`, maxMessagesPerSecond, 1000) > 0)
      return socket.close(CLOSE.policy, "too many messages");
    try {
      data.ends.message(message);
    } catch (error) {
      this.#fail(socket, error);
    }
  }

  closed(socket: Bun.ServerWebSocket<Line>): void {
    this.#open.delete(socket);
    const { data } = socket;
    data.leave?.();
    const { ends } = data;
    delete data.ends;
    try {
      ends?.closed();
    } catch (error) {
      this.#failed(data.mounted.route.path, error);
    }
  }

  #peer(socket: Bun.ServerWebSocket<Line>): WebPeer {
    return {
      caller: socket.data.caller,
      send: (text) => {
        if (socket.readyState !== WebSocket.OPEN) return false;
        if (socket.getBufferedAmount() <= UNREAD_BYTES && socket.send(text) !== 0) return true;
        this.#dropped++;
        return false;
      },
      close: (code, reason) => socket.close(code, reason),
    };
  }

  #fail(socket: Bun.ServerWebSocket<Line>, error: unknown): void {
    this.#failed(socket.data.mounted.route.path, error);
    socket.close(CLOSE.failed, "it failed here");
  }
}
