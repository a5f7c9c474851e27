import type { LinkState } from "../topics.ts";

/** What became of an event: on its way, waiting for the link, or lost (closed, or the outbox is full). */
export type SendOutcome = "sent" | "queued" | "dropped";

/** Figures of a client since it was made. */
export interface ClientMetrics {
  state: LinkState;
  /** Connections that were begun. */
  attempts: number;
  /** Sessions that followed one that was lost. */
  reconnects: number;
  /** Age of the present session, milliseconds; 0 without one. */
  uptimeMs: number;
  /** Frames. */
  sent: number;
  received: number;
  /** Events that wait in the outbox now. */
  queued: number;
  /** Events that were given up: the outbox was full, or the client closed. */
  dropped: number;
  /** Error events of the server. */
  serverErrors: number;
  listenerErrors: number;
  /** Frames that were no event: binary, no JSON, no type. */
  malformed: number;
}
