import type { Clock } from "./clock.ts";
import type { Mind, Recognizer, Voice } from "./contracts.ts";
import type { Fault } from "./faults.ts";
import type { Item } from "./items.ts";
import type { ServerEvent } from "./outlet.ts";

/** What makes a brain a scripted one; for tests. */
export interface BrainScript {
  faults?: readonly Fault[];
  /** Audio deltas that still come after a cancelled response's `response.done`. */
  lateDeltas?: number;
  /** Errors about a second response carry no event_id. */
  anonymousErrors?: boolean;
  /** The only key that is let in; others see error `invalid_api_key` and close 3000. */
  apiKey?: string;
  /** A URL without `?model=` sees close 4000, as at OpenAI. */
  modelRequired?: boolean;
  /** Keeps the events of clients in `Brain.received`. */
  record?: boolean;
}

/** Which dialect a brain speaks; "both": the client's beta header or subprotocol decides. */
export const BRAIN_DIALECTS = ["ga", "beta", "both"] as const;
export type BrainDialect = (typeof BRAIN_DIALECTS)[number];

export interface BrainOptions {
  /** "ga" if not given: clients of the beta dialect are then turned away as OpenAI does it. */
  dialect?: BrainDialect;
  mind: Mind;
  voice: Voice;
  /** One per session; a rejection means that the robot cannot hear. */
  createRecognizer: () => Recognizer | Promise<Recognizer>;
  /** Whether speech is understood, as `/healthz` tells. */
  hearing?: () => { available: boolean; hint?: string };
  /** 127.0.0.1 only; 0 (the default) takes any free one. */
  port?: number;
  /** Voice of a session that names none. */
  defaultVoice?: string;
  /** Silence that ends a turn unless the session says otherwise; 500. */
  silenceMs?: number;
  /** Life of a session; 24 hours if not given (60 minutes at OpenAI). */
  sessionCapMs?: number;
  /** Times faster than heard at which audio goes out; 4 if not given, Infinity for at once. */
  speed?: number;
  /** Web pages that may connect besides those of this machine: "https://example.org"; "*" for all. */
  origins?: readonly string[];
  clock?: Clock;
  script?: BrainScript;
  /** Told about faults of the brain itself: never spoken words. */
  onFault?: (message: string) => void;
}

/** A client event as it came in, with its session. */
export interface ReceivedEvent {
  session: string;
  type: string;
  event: Record<string, unknown>;
}

/** A session from outside, for tests and the health report. */
export interface BrainSession {
  readonly id: string;
  /** Query parameter `model`, or "" without one. */
  readonly model: string;
  /** The conversation as it stands. */
  readonly items: readonly Item[];
  /** Sends an event that the session did not ask for. */
  send(event: ServerEvent): void;
  /** Kills the connection: the client sees 1006. */
  drop(): void;
  close(code: number, reason?: string): void;
}

export interface Brain {
  /** `ws://127.0.0.1:PORT/v1/realtime`. */
  readonly url: string;
  readonly port: number;
  readonly sessions: readonly BrainSession[];
  /** Events of clients in order; empty unless the script records. */
  readonly received: readonly ReceivedEvent[];
  /** More faults for a running brain; counted from now. */
  fault(fault: Fault): void;
  /** Ends all sessions and frees the port. */
  close(): Promise<void>;
}
