import type { BodyState, MotionReport } from "myna";

/** A motion that is asked for. `lease_ms` counts from when the line was sent; the motion ends with it. */
export type Intent =
  | { type: "move"; id: number; distance_m: number; speed_mps: number; lease_ms: number }
  | { type: "turn"; id: number; angle_deg: number; speed_mps: number; lease_ms: number }
  /** One of a stream: the newest replaces the one before, and keeps its id. */
  | { type: "drive"; id: number; speed_mps: number; steer_deg: number; lease_ms: number };

/** What the parent asks, one JSON object a line, with `seq` (counts up by 1) and `at_ms` (the parent's clock) in each. */
export type Request =
  | { type: "alive" }
  | Intent
  /** With `id` it ends that motion only, wherever it is by now. */
  | { type: "stop"; ended: MotionReport["ended"]; id?: number }
  | { type: "latch"; reason: string }
  | { type: "release" }
  | { type: "servo"; channel: number; angle_deg: number; layer: "base" | "add" };

/** What the motion process says. */
export type Reply =
  /** It owns the robot's wires; "ready" follows when the controller has started. */
  | { type: "claimed" }
  | { type: "ready" }
  | { type: "started"; id: number }
  | ({ type: "ended"; id: number } & MotionReport)
  | { type: "refused"; id: number; code: string; message: string }
  | {
      type: "pose";
      x_m: number;
      y_m: number;
      heading_deg: number;
      moving: boolean;
      /** The motion under way and how far it has come. */
      motion?: { id: number; movedM: number; turnedDeg: number };
    }
  /** `heard` is the number of the last line that was taken before it; 0 where there is none. */
  | ({ type: "state"; heard?: number } & Omit<BodyState, "atMs">)
  | { type: "fault"; code: string; message: string };

/** A line as it came. */
export interface Numbered {
  request: Request;
  seq: number;
  atMs: number;
}

const ENDS: ReadonlySet<string> = new Set(["stopped", "superseded", "lease", "link_lost", "failed"]);

/** Numbers that each type must have, finite. */
const NUMBERS: Readonly<Record<Request["type"], readonly string[]>> = {
  alive: [],
  release: [],
  latch: [],
  stop: [],
  move: ["id", "distance_m", "speed_mps", "lease_ms"],
  turn: ["id", "angle_deg", "speed_mps", "lease_ms"],
  drive: ["id", "speed_mps", "steer_deg", "lease_ms"],
  servo: ["channel", "angle_deg"],
};

/** The request of a line, or what is wrong with it. Numbers are finite, times not negative. */
export function parseRequest(line: string): Numbered | { wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { wrong: "is not JSON" };
  }
  if (typeof value !== "object" || value === null) return { wrong: "is not an object" };
  const request = value as Record<string, unknown>;
  const type = String(request["type"]);
  if (!Object.hasOwn(NUMBERS, type)) return { wrong: "has an unknown type" };
  const numbers = ["seq", "at_ms", ...NUMBERS[type as Request["type"]]];
  const wrong =
    numbers.find((key) => !Number.isFinite(request[key])) ??
    (type === "servo" && request["layer"] !== "base" && request["layer"] !== "add" ? "layer" : undefined) ??
    (type === "stop" && !ENDS.has(String(request["ended"])) ? "ended" : undefined) ??
    (type === "stop" && request["id"] !== undefined && !Number.isFinite(request["id"]) ? "id" : undefined) ??
    (type === "latch" && typeof request["reason"] !== "string" ? "reason" : undefined) ??
    (typeof request["lease_ms"] === "number" && request["lease_ms"] < 0 ? "lease_ms" : undefined);
  if (wrong !== undefined) return { wrong: `has no valid ${wrong}` };
  return { request: value as Request, seq: Number(request["seq"]), atMs: Number(request["at_ms"]) };
}
