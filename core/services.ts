import type { Board, Body } from "./board.ts";
import type { Connect } from "./realtime/transport.ts";
import type { Pose } from "./topics.ts";

/**
 * Driver interfaces. Each has at most one provider at a time; `ctx.use(name)` gives a handle that finds the
 * provider at each call. Third parties add theirs by declaration merging.
 */
export interface Services {
  drive: Drive;
  head: Head;
  distance: DistanceSensor;
  line: LineSensor;
  battery: Battery;
  led: Led;
  camera: Camera;
  sounds: Sounds;
  speaker_enable: SpeakerEnable;
  speech: SpeechSynthesizer;
  world: World;
  board: Board;
  body: Body;
  brain: RealtimeEndpoint;
  transport: RealtimeTransport;
  web: WebDoor;
}

/** Name of a service, third parties' included. */
export type ServiceName = keyof Services & string;

/** What the body did, measured, and why it ended; not what was asked. */
export interface MotionReport {
  /** Signed distance along the path, metres; backwards is negative. */
  movedM: number;
  /** Signed change of heading, degrees, counter-clockwise positive. */
  turnedDeg: number;
  ended: "completed" | "obstacle" | "cliff" | "stopped" | "superseded" | "lease" | "link_lost" | "failed";
  /** Distance to what stopped it, metres, where it was an obstacle. */
  obstacleM?: number;
}

/** How far a motion has come: the same signs as its report. */
export interface MotionProgress {
  movedM: number;
  turnedDeg: number;
}

/** The wheels. A motion has a lease: it ends when `signal` aborts, when the lease runs out, or when `stop` is called. */
export interface Drive {
  /** Along the present heading; negative is backwards. A motion under way is superseded. `onProgress` is told some ten times a second. */
  move(
    intent: { distanceM: number; speedMps?: number; onProgress?: (progress: MotionProgress) => void },
    signal?: AbortSignal,
  ): Promise<MotionReport>;
  /** Counter-clockwise positive. */
  turn(
    intent: { angleDeg: number; speedMps?: number; onProgress?: (progress: MotionProgress) => void },
    signal?: AbortSignal,
  ): Promise<MotionReport>;
  /**
   * One of a stream of intents, for a gamepad or a line follower: each replaces the one before, and the wheels stop when none
   * comes for `leaseMs` (default 250, at most 1000). Speed is signed, backwards negative; the steering is in degrees of its
   * servo, -30 to 30, left positive, clamped. A motion under way is superseded. Numbers that are none, and speeds beyond the
   * drive's, stop the wheels and throw MOTION_REFUSED. `by` says whose stream it is, "program" where it is left out: that of a
   * "person" at a pad or a page takes the wheels, and as long as it goes on `move`, `turn` and other streams are refused with
   * MOTION_TAKEN. After a stop, and while nothing may move, a person's intents throw MOTION_REFUSED until they have let go:
   * see `stop`; none for the lease of the last one is the same.
   */
  steer(intent: { speedMps: number; steerDeg: number; leaseMs?: number; by?: "person" | "program" }): void;
  /**
   * Tells the wheels to stop; they are at zero within 50 ms. Never queued, never throws. Whoever holds on through it drives no
   * further; `letGo` says that it is the person who steers, and who lets go.
   */
  stop(reason: string, how?: { letGo?: boolean }): void;
  pose(): Pose & { moving: boolean };
}

/** The camera's pan and tilt servos. */
export interface Head {
  /** Degrees; pan is counter-clockwise positive, tilt is up positive. Clamped to the servo limits; answers what was reached. */
  look(target: { panDeg?: number; tiltDeg?: number }): Promise<{ panDeg: number; tiltDeg: number }>;
  angles(): { panDeg: number; tiltDeg: number };
}

/** A reading of a range sensor. "no_echo" is neither near nor far: it is not known. */
export type DistanceReading =
  { kind: "distance"; distanceM: number } | { kind: "no_echo" } | { kind: "failed"; message: string };

/** A range sensor that looks where the body looks. */
export interface DistanceSensor {
  read(): Promise<DistanceReading>;
}

/** What the sensors under the nose see. */
export interface LineReading {
  /** Raw values of left, middle, right, 0 to 4095; more is lighter. */
  raw: readonly [number, number, number];
  /** Where the line is, 1 (left) to -1 (right); undefined where none is seen. */
  offset: number | undefined;
  /** All sensors see a line: a crossing, or dark floor. */
  crossing: boolean;
  /** One of them sees no floor. */
  cliff: boolean;
}

/** Line sensors, left to right under the nose. */
export interface LineSensor {
  /** Of the last reading; DEVICE_FAILED where there is none, or none fresh. */
  read(): LineReading;
  /** Each new reading: about 20 times a second while the robot moves. */
  onReading(handler: (reading: LineReading) => void): () => void;
}

/** How full the battery is. "critical" lets nothing move any more. */
export interface BatteryReading {
  voltage: number;
  /** 0 to 100, from the voltage at rest: a rough figure. */
  percent: number;
  level: "ok" | "low" | "critical";
}

/** The robot's battery. */
export interface Battery {
  /** Undefined until it was measured. */
  read(): BatteryReading | undefined;
}

/** What the robot's light shows; "auto" is how the robot does, as it shows by itself. */
export type LedPattern = "auto" | "off" | "on" | "blink" | "pulse";

/** A light that tools may set; seen at once. */
export interface Led {
  set(pattern: LedPattern): void;
}

/** One picture of the camera. */
export interface Picture {
  jpeg: Uint8Array;
  width: number;
  height: number;
  /** What a person would say is in it, where the driver knows (the simulator does). */
  description?: string;
}

/** The robot's eye. */
export interface Camera {
  /** The newest picture; without waiting where the camera runs all the time. */
  capture(): Promise<Picture>;
  /** Pictures as they come, for somebody who watches; the camera decides how many. Returns the undo. */
  onPicture(handler: (picture: Picture) => void): () => void;
}

/** Sounds the robot can make, by name. */
export interface Sounds {
  names(): string[];
  /** Resolves when the sound has left the loudspeaker. */
  play(name: string): Promise<{ durationMs: number }>;
}

/** The amplifier of the loudspeaker, where a pin or a relay switches it. */
export interface SpeakerEnable {
  /**
   * On before a sound leaves the loudspeaker, off when the last one was heard and its tail is over. Must be quick: the
   * loudspeaker does not wait.
   */
  set(on: boolean): void | Promise<void>;
}

/** Text to speech on the robot, used to speak a typed sentence into the simulated microphone. */
export interface SpeechSynthesizer {
  /** PCM16 mono at 24 kHz. */
  synthesize(text: string, voice?: string): Promise<Int16Array<ArrayBuffer>>;
}

/** A room as data; metres, origin anywhere. */
export interface Room {
  name: string;
  walls: { x1: number; y1: number; x2: number; y2: number }[];
  obstacles: { name: string; x: number; y: number; radius: number; heightM: number; color: string }[];
  /** Polygons where the floor ends. */
  cliffs: { points: [number, number][] }[];
  /** Lines drawn on the floor. */
  lines: { points: [number, number][]; widthM: number }[];
  /** Lamps: full `brightness` (0 to 1) under them, half of it at `reachM`. Without any the room is light everywhere. */
  lights: { x: number; y: number; reachM: number; brightness: number }[];
  start: Pose;
}

/** The simulated world; only simulator drivers use it. */
export interface World {
  room(): Room;
  pose(): Pose & { moving: boolean };
  head(): { panDeg: number; tiltDeg: number };
  /** Metres from the body's centre to the first wall or obstacle on a ray `bearingDeg` from the heading; null beyond 10 m. */
  rangeM(bearingDeg: number): { rangeM: number; hit: string } | null;
}

/** A Realtime server that a plugin runs or knows of. */
export interface RealtimeEndpoint {
  /** `ws:` or `wss:` URL without a model parameter. */
  url(): string;
  /** False when it has no speech recogniser: then the robot is typed to. `hint` says how to get one. */
  hearing(): { available: boolean; hint?: string };
}

/** A wire to Realtime servers other than WebSocket, used where `[session] transport` asks for it. */
export interface RealtimeTransport {
  /** Starts to connect, by a `ws:` or `wss:` URL like all Realtime servers; never throws. */
  connect: Connect;
}

/** What a caller of the web door may do: look, or also move and talk. "public" asks for nothing. */
export type WebRole = "public" | "viewer" | "operator";

/** Who called, after token, origin and rate were checked. */
export interface WebCaller {
  role: WebRole;
  /** Remote address, for logs and limits. */
  address: string;
}

/** An HTTP endpoint behind the web door. */
export interface WebRoute {
  method: "GET" | "POST" | "DELETE";
  /** Exact, or ending in "/*" for all below. The most specific one wins. */
  path: string;
  /** The least role that may call it. */
  role: WebRole;
  /** Largest body, bytes, at most 1 MiB; a larger one is answered with 413 and not read further. Default 64 KiB. */
  maxBodyBytes?: number;
  /** Calls per minute and caller; more are answered with 429. Default 600. */
  maxPerMinute?: number;
  /** The body was read already. What it throws is answered with 500; an answer later than the route's end with 503. */
  handle(request: Request, caller: WebCaller): Response | Promise<Response>;
}

/** One open web socket. */
export interface WebPeer {
  readonly caller: WebCaller;
  /** False where the reader is too slow and the text was dropped: say it again later, whole. */
  send(text: string | Uint8Array): boolean;
  close(code: number, reason: string): void;
}

/**
 * What a page's socket is answered with. Messages beyond the limits close it with 1009 (size) or 1008 (rate), binary ones with
 * 1003; 1012 tells the page that the plugin is loaded anew, and to connect again.
 */
export interface WebSocketRoute {
  path: string;
  role: WebRole;
  /** Default 16 KiB. */
  maxMessageBytes?: number;
  /** Of one caller, all its sockets of this path together. Default 100. */
  maxMessagesPerSecond?: number;
  open(peer: WebPeer): { message(text: string): void; closed(): void };
}

/**
 * The robot's one web address. It listens, keeps strangers out (token, origin, size, rate, TLS) and hands requests to the
 * plugins that asked for them; a plugin's routes go with it, and stay while the door itself is reloaded.
 */
export interface WebDoor {
  /** Address without a token, for people: `http://127.0.0.1:8321/`. */
  url(): string;
  /** WEB_PATH_TAKEN where two plugins want one path. */
  route(route: WebRoute): () => void;
  socket(route: WebSocketRoute): () => void;
}
