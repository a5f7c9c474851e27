import type { LinkState } from "../topics.ts";
import type { SessionConfig } from "./config.ts";
import type { Dialect } from "./dialect.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Reroute } from "./endpoints.ts";
import type { ServerEvent } from "./events.ts";
import type { Attention } from "./heartbeat.ts";
import type { LinkFailure } from "./link-failure.ts";
import type { RestoreWire } from "./retelling.ts";
import type { Connect } from "./transport.ts";

/** A change of state, as `session.state_changed` tells it. */
export interface LinkChange {
  state: LinkState;
  url: string;
  attempt: number;
  retryInMs?: number;
  failure?: LinkFailure;
}

/** What {@link Connection} works with. */
export interface ConnectionDeps {
  config: SessionConfig;
  dialect: Dialect;
  endpoint: () => Endpoint | null;
  connect: Connect;
  /** Less time than the configured one for the present endpoint to become ready; undefined for that. */
  patienceMs?: () => number | undefined;
  /** True while the program starts: a server that is not there yet is no news then, and {@link Connection.endpointChanged} follows. */
  starting?: () => boolean;
  /** Why signs of life of the server are looked for closely now. */
  attention?: () => Attention;
  /** The server does not answer pings: a hang of it is noticed late. Told once. */
  onDeaf?: () => void;
  /**
   * Another endpoint may take over where the present one failed, after it was ready for `readyMs` (null: it never was);
   * null where there is no other.
   */
  reroute?: (failure: LinkFailure, readyMs: number | null) => Reroute | null;
  /** The text of our configuration, the first frame of each connection. */
  configure: (eventId: string) => string;
  /** Events of the present connection, once it is ready; before that, `session_created` only. */
  onEvent: (event: ServerEvent) => void;
  /** Sound of the present connection, once it is ready, where it does not travel in events; borrowed. */
  onAudio?: (pcm: Int16Array) => void;
  /**
   * Brings a new session up to date before anything else is sent, then calls `done`, maybe at once. The result takes the
   * session's events meanwhile. Without it the link is ready as soon as it is configured.
   */
  restore?: (wire: RestoreWire) => (event: ServerEvent) => void;
  /** The server has taken our configuration; `queuedAudio` frames of the microphone went out of the outbox. */
  onReady: (queuedAudio: number) => void;
  /** A connection that was ready is gone; `renewed` where a fresh one takes its place and the state stays "ready". */
  onLost: (failure: LinkFailure, renewed: boolean) => void;
  onChange: (change: LinkChange) => void;
  random?: () => number;
}
