import type { ErrorCode } from "../errors.ts";
import type { LinkState } from "../topics.ts";
import type { ServerEventType, ServerWireEvent } from "./event-map.ts";
import type { AudioDelta } from "./events.ts";

/** A failure, as the `error` event tells it. An `error` without a listener is counted and nothing else. */
export interface ClientFault {
  /** "server": an error event; "link": the connection ended for good; "listener": a listener threw. */
  source: "server" | "link" | "listener";
  /** One of ours, or the server's own code. */
  code: ErrorCode | (string & {});
  message: string;
  /** The client is closed and does not try again. */
  fatal: boolean;
  /** The event of the server. */
  event?: ServerWireEvent<"error">;
  /** What the listener threw, and at which event. */
  cause?: unknown;
  type?: string;
}

/** An event of the server as it came, of a type that may not be known. */
export type AnyServerEvent = { type: string } & Record<string, unknown>;

/** What a client tells of itself. */
interface OwnEvents {
  /** The server has taken our configuration. A new session begins with an empty conversation, also after a drop. */
  connect: { url: string; reconnected: boolean };
  /** A session is over: it was lost, or `disconnect` was called. */
  disconnect: { reason: string; code?: ErrorCode; closeCode?: number; willReconnect: boolean };
  /** An attempt failed, or the link was lost: after `delayMs` follows the next, number `attempt` since the last success. */
  reconnecting: { attempt: number; delayMs: number; reason: string; code: ErrorCode };
  state_change: { state: LinkState; previous: LinkState };
  error: ClientFault;
  /** A piece of speech, decoded. Object and samples are reused: copy what has to last. WebRTC names no item: its ids are "". */
  audio: AudioDelta;
  /** Every event of the server, after the listeners of its type. */
  server_event: AnyServerEvent;
}

/** Event name → what its listeners get: the client's own, and every event of the server by its type. */
export type ClientEvents = OwnEvents & {
  [T in Exclude<ServerEventType, "error">]: ServerWireEvent<T>;
};

/** Name of an event to listen to. */
export type ClientEventName = keyof ClientEvents & string;
