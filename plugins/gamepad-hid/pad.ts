import type { Feedback } from "./feedback.ts";
import type { PadState } from "./pad-state.ts";

/** What a pad tells. */
export interface PadEvents {
  state(state: PadState): void;
  /** Something came that the pad cannot have meant. */
  garbage(): void;
  /** It was unplugged, or broke; told once, and nothing after it. */
  lost(reason: string): void;
}

/** A connected gamepad. */
export interface Pad {
  readonly name: string;
  /** It reports all the time: silence means that it is gone. */
  readonly streams: boolean;
  /** It brings no news by itself: they are there when it is polled. */
  readonly polled: boolean;
  poll(): void;
  show(feedback: Feedback): void;
  close(): Promise<void>;
}
