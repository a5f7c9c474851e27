import type { LinkState } from "../topics.ts";

/** The part of the session that a plugin sees as `ctx.session`. */
export interface SessionPort {
  state(): LinkState;
  /** A user's message in writing, answered like a spoken one. Waits in the outbox while the link is down. */
  sendText(text: string): void;
  /** A system note for the conversation; no answer is asked for. */
  note(text: string): void;
  /** A picture for the conversation; no answer is asked for. */
  addImage(jpeg: Uint8Array, caption?: string): void;
  /** Asks for an answer now (or after the one under way). */
  respond(instructions?: string): void;
  /** Silences the robot and cancels its answer, as a barge-in does. */
  interrupt(): void;
}

/** What the session needs of the tool registry: definitions, and a call that never throws. */
export interface ToolPort {
  definitions(): ToolDescription[];
  /** Runs a tool: arguments are the JSON text the model wrote. Always resolves, exactly once. */
  call(request: {
    callId: string;
    name: string;
    argumentsJson: string;
    signal: AbortSignal;
    /** Aborts when the connection that asked is lost; absent where nobody asks by a connection. */
    link?: AbortSignal;
  }): Promise<ToolOutcome>;
  /** Called after tools were added or removed. */
  onChanged(handler: () => void): () => void;
}

/** A tool as `session.tools` describes it. */
export interface ToolDescription {
  name: string;
  description: string;
  /** JSON Schema of the arguments, an object. */
  parameters: Record<string, unknown>;
}

/** What a tool call came to. */
/** What became of a call. */
export interface ToolOutcome {
  ok: boolean;
  /** What the model reads as `function_call_output.output`. */
  output: string;
  images: Uint8Array[];
  code?: string;
}
