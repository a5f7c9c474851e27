import type { Capture, Playback } from "../audio/port.ts";
import type { Logger } from "../log.ts";
import type { TopicName, Topics } from "../topics.ts";
import type { BudgetConfig } from "./budget-config.ts";
import type { SessionConfig } from "./config.ts";
import type { Endpoint } from "./connection.ts";
import type { EndpointSource } from "./endpoints.ts";
import type { ToolPort } from "./port.ts";
import type { Connect } from "./transport.ts";

/** What a session works with. */
export interface SessionDeps {
  config: SessionConfig;
  /** Where the server is; null while it is not there yet: then {@link Session.endpointChanged} tells. May throw a MynaError. */
  endpoint: () => Endpoint | null;
  /** Further servers, in order of preference, for when that one fails. */
  fallbacks?: readonly EndpointSource[];
  capture: Capture;
  playback: Playback;
  tools: ToolPort;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  log: Logger;
  /** Caps and prices. */
  budget?: BudgetConfig;
  /** Where the cost of the day is kept; undefined keeps it in memory only. */
  stateFile?: string | undefined;
  /** True while the robot starts: what is not there yet is no news; {@link Session.endpointChanged} follows. */
  starting?: () => boolean;
  /** True while the body moves: then a server that hangs is noticed at once. */
  moving?: () => boolean;
  /** A server of one's own that costs nothing, where there is one at the moment: the budget falls back to it. */
  localBrain?: () => Endpoint | null;
  /** Addresses of this computer, in place of the real ones, for tests. */
  addresses?: () => string[];
  /** Another wire, for tests. */
  connect?: Connect;
}
