/**
 * What the console's page and its server say to each other over `/console/socket`, as JSON text. Times are milliseconds on the
 * robot's `performance.now()` clock; `Update.now` tells the page what it shows.
 */

/** One message to the page: what has changed since the last one that reached it. The first one holds everything. */
export interface Update {
  type: "update";
  now: number;
  /** Values of this page alone, whole, where they changed. */
  own?: Own;
  /** Values that changed, whole. */
  set?: Partial<Values>;
  /** Entries that are new or changed, by list; those of one key replace each other. */
  put?: { [L in keyof Lists]?: { key: string; order: number; value: Lists[L] }[] };
  /** Events of the tap that this page asked for. */
  tap?: TapEvent[];
  /** Events that matched and were left out because there were too many. */
  tapSkipped?: number;
}

/** Answer to a message that carried a number. */
export interface Reply {
  type: "reply";
  to: number;
  ok: boolean;
  message?: string;
}

/** Answer to a ping. */
export interface Pong {
  type: "pong";
  sent_at_ms: number;
  now: number;
}

/** What became of a page's driving; sent when it changes. */
export interface Steering {
  type: "steering";
  state: "driving" | "late" | "taken" | "let_go_first" | "refused";
  message?: string;
}

export type FromRobot = Update | Reply | Pong | Steering;

export interface Pose {
  x_m: number;
  y_m: number;
  heading_deg: number;
}

/** Values of which only the newest counts. */
export interface Values {
  robot: {
    profile: string;
    /** Every plugin has been tried: what is not there now does not come by itself. */
    ready: boolean;
    /** Fingerprint of the page that this robot serves. */
    build: string;
    /** False, with a hint, where the robot has no ears of its own. */
    hearing: { available: boolean; hint?: string };
    /** What there is to look at and to steer. */
    has: { drive: boolean; body: boolean; head: boolean; camera: boolean; world: boolean };
    max_speed_mps: number;
    camera_fps: number;
  };
  /** When each source was last heard of; null for never. */
  pulse: { world: number | null; body: number | null; microphone: number | null; camera: number | null };
  link: {
    state: string;
    url: string;
    attempt: number;
    retry_in_ms?: number | undefined;
    message?: string | undefined;
    since_ms: number;
    /** Beginning of the present session; null while there is none. */
    ready_at_ms: number | null;
  };
  cost: {
    session_usd: number | null;
    day_usd: number | null;
    unpriced: number;
    estimated: boolean;
    budget: string;
  };
  ears: { muted: boolean; talking: boolean; user: boolean; robot: boolean };
  /** dB below full scale, of the loudest sample of the last 50 ms; -90 is silence. */
  levels: { microphone_db: number; loudspeaker_db: number };
  audio: {
    target_ms: number;
    queued_ms: number;
    underruns: number;
    concealed_ms: number;
    device_xruns: number;
    overruns: number;
    half_duplex: boolean;
    echo_rung: string;
    /** Echo return loss enhancement and its kin as the echo stage measures them; null where no stage does. */
    echo: { stage: string; erle_db: number | null; coupling_db: number | null } | null;
    microphone: boolean;
    loudspeaker: boolean;
  };
  /** Where the body thinks it is, by dead reckoning; and what its own process tells. */
  body: {
    pose: Pose & { moving: boolean };
    duty: { left: number; right: number } | null;
    distance_m: number | null;
    /** Why there is no distance: "no_echo", "failed", "none". */
    distance: string;
    grayscale: readonly [number, number, number] | null;
    battery_v: number | null;
    latched: string | null;
    head: { pan_deg: number; tilt_deg: number };
  };
  /** Where it really is; only a simulator knows. */
  truth: (Pose & { moving: boolean; pan_deg: number; tilt_deg: number }) | null;
  room: RoomPlan | null;
}

/** What differs between pages. */
export interface Own {
  /** What the caller of this page may do. */
  role: "viewer" | "operator";
  /** Somebody drives by a page at the moment; whether it is this one. */
  driven: boolean;
  mine: boolean;
}

/** A room as the simulator tells it; metres. */
export interface RoomPlan {
  name: string;
  walls: { x1: number; y1: number; x2: number; y2: number }[];
  obstacles: { name: string; x: number; y: number; radius: number; heightM: number; color: string }[];
  cliffs: { points: [number, number][] }[];
  lines: { points: [number, number][]; widthM: number }[];
  start: Pose;
}

/** Lists; each keeps its newest entries only. */
export interface Lists {
  talk: Talk;
  turns: Turn;
  plugins: PluginCard;
  log: LogEntry;
  /** Where the robot has been: in the room where that is known, else by dead reckoning; metres. */
  path: { x_m: number; y_m: number };
}

/** Entries that each list keeps. */
export const KEPT: Readonly<Record<keyof Lists, number>> = {
  talk: 200,
  turns: 40,
  plugins: 200,
  log: 300,
  path: 500,
};

/** One entry of the conversation. */
export type Talk =
  | { kind: "user"; at: number; text: string; final: boolean; typed: boolean }
  /** `text` is all that was received; `heard_chars` of it were heard where an interruption cut it off. */
  | {
      kind: "robot";
      at: number;
      text: string;
      heard_chars: number | null;
      state: "speaking" | "heard" | "interrupted";
    }
  | {
      kind: "tool";
      at: number;
      name: string;
      arguments: unknown;
      progress: unknown;
      /** What the body did meanwhile. */
      motion: string;
      state: "running" | "done" | "failed";
      result: unknown;
      code: string;
      duration_ms: number | null;
    }
  | { kind: "note"; at: number; tone: "plain" | "good" | "bad"; text: string };

/** A turn's latency, step by step; null where a step did not happen. */
export interface Turn {
  at: number;
  turn: number;
  commit_ms: number | null;
  first_delta_ms: number | null;
  first_sample_ms: number | null;
  total_ms: number | null;
}

export interface PluginCard {
  id: string;
  use: string;
  state: string;
  message: string;
  required: boolean;
  /** Switching it off would end this page. */
  vital: boolean;
  reloads: number;
  provides: readonly string[];
  config: Record<string, unknown>;
  inspect: Record<string, unknown>;
}

export interface LogEntry {
  /** ISO 8601. */
  time: string;
  level: string;
  name: string;
  message: string;
  fields: Record<string, unknown>;
}

export interface TapEvent {
  at: number;
  topic: string;
  /** JSON, cut at {@link TAP_CHARS}. */
  event: string;
}

/** Longest text of a tapped event. */
export const TAP_CHARS = 600;

/** An intent counts for so long: the page sends five of them in it. */
export const LEASE_MS = 250;
/** How often a page sends intents while its dead-man key is held. */
export const INTENT_PERIOD_MS = 50;
/** The page hears of the robot at least so often; later is stale. */
export const BEAT_MS = 500;

/** What a page can ask for; `n` asks for a {@link Reply}. */
export type Ask =
  | { type: "ping"; sent_at_ms: number }
  | { type: "text"; text: string; n?: number | undefined }
  | { type: "talk"; talking: boolean }
  | { type: "mute"; muted: boolean; n?: number | undefined }
  /** `speed` and `steer` are -1 to 1, forward and left positive. */
  | { type: "drive"; speed: number; steer: number; sent_at_ms: number }
  | { type: "halt" }
  | { type: "stop"; n?: number | undefined }
  | { type: "release"; n?: number | undefined }
  | { type: "plugin"; action: "reload" | "enable" | "disable"; id: string; n?: number | undefined }
  /** Topics that contain `filter`; "" is all, null ends it. */
  | { type: "tap"; filter: string | null }
  | { type: "camera"; on: boolean };

/** First byte of a binary message to the page that holds a JPEG. */
export const PICTURE = 1;
