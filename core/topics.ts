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
  /** Every plugin has been tried once; `start_ms` counts from the start of the process. */
  "runtime.ready": { profile: string; start_ms: number };
  /** The robot is being switched off. */
  "runtime.stopping": { reason: string };
  /** A plugin started, failed, waits for a device, or was stopped. */
  "plugin.state_changed": { id: string; use: string; state: PluginState; code?: string; message?: string };
  /** `ok` is false where the new code could not start and the old one runs on. */
  "plugin.reloaded": { id: string; ok: boolean; duration_ms: number; message?: string };

  /** The link to the Realtime server changed its state. */
  "session.state_changed": {
    state: LinkState;
    url: string;
    attempt: number;
    retry_in_ms?: number;
    code?: string;
    message?: string;
  };
  /**
   * Another of the servers in `[[session.endpoints]]` answers from now on; `preferred` for the first of the list.
   */
  "session.endpoint_changed": {
    endpoint: string;
    previous: string;
    url: string;
    preferred: boolean;
    reason: string;
  };
  /** The link failed, or the server reported an error event. */
  "session.error": { code: string; message: string; fatal: boolean };

  /** `source`: "local" from a VAD plugin on the robot, "server" from the Realtime server's VAD. */
  "user.speech_started": { source: "local" | "server"; speech_at_ms: number };
  /** A word was recognised on the robot itself; with `stop` wheels and speech have been stopped already. */
  "keyword.heard": { phrase: string; role: "stop" | "wake"; heard_at_ms: number };
  /** Somebody shuts the robot's ears, or opens them: it hears silence. Published by whoever has a mute key. */
  "user.mute_changed": { muted: boolean };
  /** Somebody stopped the robot by a plain request; wheels and speech have been stopped already, and a held key drives no further. */
  "user.stopped": { by: string };
  /** Somebody presses or lets go the talk key; published by whoever has one (terminal, gamepad, page). */
  "user.talk_changed": { talking: boolean };
  /** `speech_at_ms` is when the last sound of speech was heard, not when the silence was long enough. */
  "user.speech_stopped": { source: "local" | "server"; speech_at_ms: number };
  /** The server took the user's sentence as an item of the conversation. */
  "user.committed": { item_id: string; committed_at_ms: number };
  /** What the user said: the whole text so far, at last with `final`. */
  "user.transcript": { item_id: string; text: string; final: boolean };

  /** The server began an answer. */
  "response.started": { response_id: string };
  /** The first sound of an answer arrived. */
  "response.first_audio": { response_id: string; item_id: string; received_at_ms: number };
  /** An answer ended, in full or not. */
  "response.finished": {
    response_id: string;
    status: "completed" | "cancelled" | "failed" | "incomplete";
    message?: string;
  };
  /** `text` is the whole text so far; on an interruption the final one is only what was heard. */
  "assistant.transcript": { item_id: string; text: string; final: boolean; interrupted: boolean };
  /** The user spoke over the robot; `played_ms` of the item were heard. */
  "assistant.interrupted": { item_id: string; played_ms: number };

  /** Nobody interrupted after all: the rest of what was cut is said as `item_id`. */
  "assistant.resumed": { item_id: string; interrupted_item_id: string; rest_ms: number };

  /** The first sample of an item left the loudspeaker. */
  "playback.started": { item_id: string; played_at_ms: number };
  /** The last sample of an item left the loudspeaker, or the rest was dropped. */
  "playback.stopped": { item_id: string; played_ms: number; reason: "finished" | "flushed" };
  /** The robot began or ceased to send what it hears. */
  "audio.listening_changed": { listening: boolean };
  /** How long a spoken turn took, step by step. */
  "turn.latency": TurnLatency;

  /** What an answer or a transcription consumed; `usd` is null where the price is not known. `input` is without `cached`. */
  "usage.updated": {
    kind: "response" | "transcription";
    id: string;
    model: string;
    input: TokenKinds;
    cached: TokenKinds;
    output: TokenKinds;
    /** Seconds of speech, where the recogniser is paid for by time. */
    seconds: number;
    usd: number | null;
    /** True where the server left details open. */
    estimated: boolean;
  };
  /**
   * What the robot has cost since its start and since midnight, US dollars; null where no price is known. With
   * `unpriced` answers or transcriptions it has cost more than that.
   */
  "cost.updated": {
    day: string;
    session_usd: number | null;
    day_usd: number | null;
    unpriced: number;
    estimated: boolean;
  };
  /** A share of a cap of [budget] is spent; once for each cap. */
  "budget.warned": { scope: "session" | "day"; spent_usd: number; cap_usd: number };
  /** What the budget makes the robot do: "none" is as configured. */
  "budget.degraded": {
    step: "none" | "smaller_model" | "local_brain" | "sleep";
    scope: "session" | "day";
    model?: string;
  };
  /** Estimated size of what goes in front of every conversation, tokens; `limit_tokens` is the server's. */
  "context.measured": {
    instructions_tokens: number;
    tools_tokens: number;
    tools: number;
    limit_tokens: number;
  };
  /** Old camera images were taken out of the conversation. */
  "context.trimmed": { images: number };
  /** How much the server lets us send; `reset_s` is the time until the limit is whole again. */
  "rate_limits.updated": {
    limits: { name: string; limit?: number; remaining?: number; reset_s?: number }[];
  };
  /** Nobody wants an answer to what was said so far: somebody stopped the robot. */
  "response.dismissed": Record<string, never>;
  /** An answer is not asked for yet because the server's rate limit is used up; once for each wait. */
  "response.delayed": { wait_ms: number; limit: string };
  /** The link was closed on purpose: nobody spoke, or the budget is spent. Speech or typing opens it, unless it is the budget. */
  "session.hung_up": { reason: "idle" | "budget" };

  /** The model called a tool. */
  "tool.started": { call_id: string; name: string; arguments: unknown };
  /** How far a long tool has come, in its own words. */
  "tool.progress": { call_id: string; name: string; progress: unknown };
  /** A tool ended, well or not. */
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

  /** Where the body is, many times a second while it moves. */
  "body.pose": Pose & { moving: boolean };
  /** The body began a movement; `asked` is metres, degrees, or metres per second of a stream of intents ("drive"). */
  "motion.started": { motion_id: number; kind: "move" | "turn" | "drive"; asked: number };
  /** A movement ended: what the body did and why it ended. */
  "motion.stopped": {
    motion_id: number;
    kind: "move" | "turn" | "drive";
    ended: string;
    moved_m: number;
    turned_deg: number;
  };
  /** A button of the body was pressed, or let go after `held_ms`. */
  "button.changed": { button: string; pressed: boolean; held_ms: number };
  /** The camera took a picture. */
  "camera.frame_captured": { width: number; height: number; bytes: number };
  /** A sound left the loudspeaker to its end. */
  "sound.played": { name: string };
  /** How many pages talk or listen through the gateway, and how many may. */
  "talk.calls_changed": { open: number; most: number };
  /**
   * A figure of a call with a conversation of its own: `offer` until its answer; `latency` from the last sound of speech, and
   * `first_audio` from the beginning of the answer at the server, to the first sound on its way to the page; `barge_in` from the
   * first speech over the robot to the order to be silent.
   */
  "talk.measured": { figure: "offer" | "latency" | "first_audio" | "barge_in"; ms: number };
  /** The robot went into another mode. */
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

/** Tokens by what they stand for. */
export interface TokenKinds {
  text: number;
  audio: number;
  image: number;
}

/** How a plugin does; "degraded" still works, "retrying" waits for a device or a service. */
export type PluginState =
  "starting" | "ready" | "degraded" | "retrying" | "failed" | "quarantined" | "stopped";

/** Name of a topic, third parties' included. */
export type TopicName = keyof Topics & string;

/** Topics that say how things are: a late subscriber gets the last event at once. */
export const RETAINED_TOPICS: ReadonlySet<string> = new Set<TopicName>([
  "runtime.ready",
  "session.state_changed",
  "cost.updated",
  "budget.degraded",
  "context.measured",
  "audio.listening_changed",
  "user.mute_changed",
  "body.pose",
  "mode.changed",
  "talk.calls_changed",
]);
