import type { BodyState, MotionReport } from "myna";

/** What the parent asks, one JSON object a line. `lease_ms` counts from its arrival. */
export type Request =
  | { type: "alive" }
  | { type: "move"; id: number; distance_m: number; speed_mps: number; lease_ms: number }
  | { type: "turn"; id: number; angle_deg: number; speed_mps: number; lease_ms: number }
  | { type: "drive"; id: number; speed_mps: number; steer_deg: number; lease_ms: number }
  | { type: "stop"; ended: MotionReport["ended"] }
  | { type: "latch"; reason: string }
  | { type: "release" }
  | { type: "servo"; channel: number; angle_deg: number; layer: "base" | "add" };

/** What the motion process says. */
export type Reply =
  | { type: "ready" }
  | { type: "started"; id: number }
  | ({ type: "ended"; id: number } & MotionReport)
  | { type: "refused"; id: number; code: string; message: string }
  | { type: "pose"; x_m: number; y_m: number; heading_deg: number; moving: boolean }
  | ({ type: "state" } & Omit<BodyState, "atMs">)
  | { type: "fault"; code: string; message: string };

const ENDS: ReadonlySet<string> = new Set(["stopped", "superseded", "lease", "link_lost", "failed"]);

/** The request of a line, or what is wrong with it. Numbers are finite, times not negative. */
export function parseRequest(line: string): Request | { wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { wrong: "is not JSON" };
  }
  if (typeof value !== "object" || value === null) return { wrong: "is not an object" };
  const request = value as Record<string, unknown>;
  const need = (...keys: string[]) => keys.find((key) => !Number.isFinite(request[key]));
  let missing: string | undefined;
  switch (request["type"]) {
    case "alive":
    case "release":
      return { type: request["type"] };
    case "move":
      missing = need("id", "distance_m", "speed_mps", "lease_ms");
      break;
    case "turn":
      missing = need("id", "angle_deg", "speed_mps", "lease_ms");
      break;
    case "drive":
      missing = need("id", "speed_mps", "steer_deg", "lease_ms");
      break;
    case "servo":
      missing = need("channel", "angle_deg");
      if (missing === undefined && request["layer"] !== "base" && request["layer"] !== "add")
        missing = "layer";
      break;
    case "stop":
      if (!ENDS.has(String(request["ended"]))) missing = "ended";
      break;
    case "latch":
      if (typeof request["reason"] !== "string") missing = "reason";
      break;
    default:
      return { wrong: "has an unknown type" };
  }
  if (missing !== undefined) return { wrong: `has no valid ${missing}` };
  if (typeof request["lease_ms"] === "number" && request["lease_ms"] < 0)
    return { wrong: "has a negative lease_ms" };
  return value as Request;
}
