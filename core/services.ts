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
  camera: Camera;
  sounds: Sounds;
  speech: SpeechSynthesizer;
  world: World;
  board: Board;
  body: Body;
  brain: RealtimeEndpoint;
  transport: RealtimeTransport;
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

/** The wheels. A motion has a lease: it ends when `signal` aborts, when the lease runs out, or when `stop` is called. */
export interface Drive {
  /** Along the present heading; negative is backwards. A motion under way is superseded. */
  move(intent: { distanceM: number; speedMps?: number }, signal?: AbortSignal): Promise<MotionReport>;
  /** Counter-clockwise positive. */
  turn(intent: { angleDeg: number; speedMps?: number }, signal?: AbortSignal): Promise<MotionReport>;
  /** Wheels to zero before it returns. Never queued, never throws. */
  stop(reason: string): void;
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
  capture(): Promise<Picture>;
}

/** Sounds the robot can make, by name. */
export interface Sounds {
  names(): string[];
  /** Resolves when the sound has left the loudspeaker. */
  play(name: string): Promise<{ durationMs: number }>;
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
