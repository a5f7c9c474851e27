/** State of the link to the Realtime server. */
export type LinkState = "idle" | "connecting" | "ready" | "waiting" | "closed";

/** Where the body is: metres in the room, degrees counter-clockwise from the x axis. */
export interface Pose {
  x_m: number;
  y_m: number;
  /** -180 to 180, counter-clockwise positive. */
  heading_deg: number;
}

/**
 * Every topic and the event it carries. A plugin adds its own by declaration merging:
 * `declare module "myna" { interface Topics { "dice.rolled": { value: number } } }`.
 * Times that end in `_at_ms` are on the clock of `performance.now()` of the main thread.
 */
export interface Topics {
  "runtime.ready": { profile: string; start_ms: number };
  "runtime.stopping": { reason: string };
  "plugin.state_changed": { id: string; use: string; state: PluginState; code?: string; message?: string };
  /** `ok` is false where the new code could not start and the old one runs on. */
  "plugin.reloaded": { id: string; ok: boolean; duration_ms: number; message?: string };

  "session.state_changed": {
    state: LinkState;
    url: string;
    attempt: number;
    retry_in_ms?: number;
    code?: string;
    message?: string;
  };
  "session.error": { code: string; message: string; fatal: boolean };

  /** `source`: "local" from a VAD plugin on the robot, "server" from the Realtime server's VAD. */
  "user.speech_started": { source: "local" | "server"; speech_at_ms: number };
  /** `speech_at_ms` is when the last sound of speech was heard, not when the silence was long enough. */
  "user.speech_stopped": { source: "local" | "server"; speech_at_ms: number };
  "user.committed": { item_id: string; committed_at_ms: number };
  "user.transcript": { item_id: string; text: string; final: boolean };

  "response.started": { response_id: string };
  "response.first_audio": { response_id: string; item_id: string; received_at_ms: number };
  "response.finished": {
    response_id: string;
    status: "completed" | "cancelled" | "failed" | "incomplete";
    message?: string;
  };
  /** `text` is the whole text so far; on an interruption the final one is only what was heard. */
  "assistant.transcript": { item_id: string; text: string; final: boolean; interrupted: boolean };
  "assistant.interrupted": { item_id: string; played_ms: number };

  "playback.started": { item_id: string; played_at_ms: number };
  "playback.stopped": { item_id: string; played_ms: number; reason: "finished" | "flushed" };
  "audio.listening_changed": { listening: boolean };
  "turn.latency": TurnLatency;

  "tool.started": { call_id: string; name: string; arguments: unknown };
  "tool.finished": {
    call_id: string;
    name: string;
    arguments: unknown;
    ok: boolean;
    /** What the tool returned, as the model reads it. */
    result: unknown;
    code?: string;
    duration_ms: number;
  };

  "body.pose": Pose & { moving: boolean };
  "motion.started": { motion_id: number; kind: "move" | "turn"; asked: number };
  "motion.stopped": {
    motion_id: number;
    kind: "move" | "turn";
    ended: string;
    moved_m: number;
    turned_deg: number;
  };
  "camera.frame_captured": { width: number; height: number; bytes: number };
  "sound.played": { name: string };
  "mode.changed": { mode: string };
}

/** Milliseconds from one step of a turn to the next; null where the step did not happen. */
export interface TurnLatency {
  turn: number;
  /** Last sound of speech → input buffer committed by the server. */
  speech_end_to_commit_ms: number | null;
  /** Commit → first audio delta received. */
  commit_to_first_delta_ms: number | null;
  /** First audio delta → its first sample out of the loudspeaker. */
  first_delta_to_first_sample_ms: number | null;
  /** Last sound of speech → first sample of the answer. */
  total_ms: number | null;
}

export type PluginState =
  "starting" | "ready" | "degraded" | "retrying" | "failed" | "quarantined" | "stopped";

export type TopicName = keyof Topics & string;

/** Topics that say how things are: a late subscriber gets the last event at once. */
export const RETAINED_TOPICS: ReadonlySet<string> = new Set<TopicName>([
  "runtime.ready",
  "session.state_changed",
  "audio.listening_changed",
  "body.pose",
  "mode.changed",
]);

/** Topics whose events carry spoken words: never in a log at info level. */
export const SPOKEN_TOPICS: ReadonlySet<string> = new Set<TopicName>([
  "user.transcript",
  "assistant.transcript",
  "tool.started",
  "tool.finished",
]);
