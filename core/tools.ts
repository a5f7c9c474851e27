import type { z } from "zod";

/** A value that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A tool's result with pictures for the model to look at. */
export class ToolPictures {
  /** `jpegs` are added to the conversation after the result. */
  constructor(
    readonly result: Json,
    readonly jpegs: Uint8Array[],
  ) {}
}

/** One call of a tool. */
export interface ToolCall {
  id: string;
  /** Aborts at the time limit, when the user interrupts and when the plugin is unloaded. */
  signal: AbortSignal;
  /**
   * Aborts when the connection that asked for the call is lost, which `signal` does not: most work may go on then. What
   * the asker has to be able to stop, such as a motion of the body, must not begin any more.
   */
  link: AbortSignal;
  /** Tells how far a long tool has come; published as "tool.progress". */
  progress(report: Json): void;
}

/** A function that the model may call. */
export interface ToolDefinition<Parameters extends z.ZodObject> {
  /** snake_case. */
  name: string;
  /** Names it had before: a call by one of them reaches it, and the model is not told of them. */
  formerNames?: readonly string[];
  /** For the model: what it does and when to use it. */
  description: string;
  /** Arguments; units belong in the names (`distance_m`), ranges and descriptions in the schema. */
  parameters: Parameters;
  /**
   * What a person says to have it called, with `{argument}` where a value stands: "roll a dice with {sides} sides".
   * They are appended to the description; the local brain builds its grammar from them.
   */
  examples?: readonly string[];
  /** Milliseconds; 30,000 if not given. */
  timeoutMs?: number;
  /** Says what was *done*. A thrown error reaches the model as text with its code. */
  execute(args: z.infer<Parameters>, call: ToolCall): Json | ToolPictures | Promise<Json | ToolPictures>;
}
