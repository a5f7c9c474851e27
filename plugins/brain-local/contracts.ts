/** A tool as the session announces it in `session.tools`. */
export interface SpokenTool {
  name: string;
  description: string;
  /** JSON Schema, type object. */
  parameters: JsonSchema;
}

/** The part of JSON Schema that tool parameters use. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  enum?: (string | number | boolean | null)[];
  minimum?: number;
  maximum?: number;
  default?: unknown;
  items?: JsonSchema;
}

/** What a recogniser made of one utterance. */
export interface Hearing {
  /** Lower-case words; empty when nothing was understood. */
  text: string;
  /** False when the sound is probably not one of the sentences of the grammar. */
  accepted: boolean;
  /** 0 to 1. */
  confidence: number;
  /** What was heard and what may have been said instead ("forward", "back"), where the two would move the robot otherwise. */
  doubt?: [heard: string, rival: string];
}

/** Speech to text for one session: one utterance at a time. Not thread-safe; blocks the thread for its computing. */
export interface Recognizer {
  /** The tools whose sentences are to be understood from the next utterance on. */
  setTools(tools: SpokenTool[]): void;
  /** A new utterance; drops an unfinished one. */
  start(): void;
  /** PCM16 mono 24 kHz; answers the words so far when they changed, else null. */
  write(pcm: Int16Array): string | null;
  finish(): Hearing;
  close(): void;
}

/** Text to speech. */
export interface Voice {
  names(): string[];
  /** PCM16 mono 24 kHz; an unknown voice name falls back to the default one. */
  synthesize(text: string, voice?: string): Promise<Int16Array<ArrayBuffer>>;
}

/** One entry of the conversation as the mind sees it. */
export type Remembered =
  | {
      kind: "user";
      text: string;
      /** False when the recogniser did not trust it. */
      accepted: boolean;
      spoken: boolean;
      /** As in {@link Hearing}; the sentence is not accepted then. */
      doubt?: [heard: string, rival: string];
    }
  | { kind: "image"; caption?: string }
  | { kind: "assistant"; text: string }
  | { kind: "system"; text: string }
  | { kind: "call"; callId: string; name: string; arguments: string }
  | { kind: "result"; callId: string; output: string };

/** What to do next. */
export interface Thought {
  /** Said aloud before the calls, if both are given. */
  say?: string;
  calls?: { name: string; arguments: Record<string, unknown> }[];
}

/** Decides on an answer; pure and fast. */
export interface Mind {
  think(
    conversation: Remembered[],
    session: { tools: SpokenTool[]; instructions: string },
  ): Thought | Promise<Thought>;
}
