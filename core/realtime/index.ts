/** `myna/realtime`: the Realtime link for any Bun program, without the robot. */
export { RealtimeClient } from "./client.ts";
export type { ClientMetrics, SendOutcome } from "./client-metrics.ts";
export type { AnyServerEvent, ClientEventName, ClientEvents, ClientFault } from "./client-events.ts";
export type { RealtimeClientOptions, SessionFields } from "./client-options.ts";
export type { EventStats } from "./client-statistics.ts";
export * from "./event-map.ts";
export * from "./event-shapes.ts";
export type { AudioDelta } from "./events.ts";
export { RealtimePool } from "./pool.ts";
export type { PoolMetrics, RealtimePoolOptions } from "./pool.ts";
export type { ToolDescription } from "./port.ts";
export type { Connect, Transport, TransportEvents, TransportRequest } from "./transport.ts";
export { ERRORS, MynaError, isMynaError } from "../errors.ts";
export type { ErrorCode } from "../errors.ts";
export type { LinkState } from "../topics.ts";
