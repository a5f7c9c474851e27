/** What the light can do. */
export type Pattern = "off" | "on" | "blink" | "fast" | "pulse" | "flashes";

/** Milliseconds on, off, on, off … and again; a single number never changes: on where it is above zero. */
export const PATTERNS: Readonly<Record<Pattern, readonly number[]>> = {
  off: [0],
  on: [1],
  blink: [500, 500],
  fast: [100, 100],
  pulse: [60, 1940],
  flashes: [120, 120, 120, 120, 120, 1000],
};

/** What the light knows of the robot. */
export interface RobotState {
  latched: boolean;
  failed: boolean;
  link: "ready" | "idle" | "other";
  userSpeaks: boolean;
  robotSpeaks: boolean;
  /** The user's sentence is with the server, and no answer is heard yet. */
  waiting: boolean;
}

/** How the light shows it; what needs a person comes first. */
export function patternOf(robot: RobotState): Pattern {
  if (robot.latched) return "fast";
  if (robot.failed) return "flashes";
  if (robot.userSpeaks || robot.robotSpeaks) return "on";
  if (robot.waiting || robot.link === "other") return "blink";
  return "pulse";
}
