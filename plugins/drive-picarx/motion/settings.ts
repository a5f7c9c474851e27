import type { BoardLines, BoardRevision, WireSpec } from "myna";
import type { SpeedPoint } from "./speed-map.ts";

/** What the motion process is told once, as its first line. Lengths in metres, angles in degrees, times in milliseconds. */
export interface MotionSettings {
  revision: BoardRevision;
  lines: BoardLines;
  i2c: WireSpec;
  lineChip: WireSpec;
  /** Named to whoever starts a second time. */
  owner: string;
  /** Why nothing is to move until it is released, from before this process. */
  latched?: string;
  motors: {
    /** -1 where a motor is wired the other way round. */
    leftSign: 1 | -1;
    rightSign: 1 | -1;
    speedMap: readonly SpeedPoint[];
    maxSpeedMps: number;
    defaultSpeedMps: number;
    accelerationMps2: number;
    /** Time constants of the car: what it needs to reach a speed, and to roll out. */
    lagMs: number;
    coastMs: number;
  };
  steering: {
    channel: number;
    /** Added to every angle. */
    offsetDeg: number;
    maxDeg: number;
    /** Front wheels turn this much for each degree of the servo. */
    gain: number;
    wheelbaseM: number;
  };
  servos: readonly { channel: number; offsetDeg: number; minDeg: number; maxDeg: number; sign: 1 | -1 }[];
  limits: {
    /** Longest motion of one intent. */
    maxMotionMs: number;
    maxReverseMs: number;
    /** The parent's sign of life may be this old. */
    aliveMs: number;
    /** A reading older than this guards nothing. */
    freshMs: number;
    obstacleMarginM: number;
    /** Highest speed forward while there is no echo. */
    noEchoMps: number;
  };
  grayscale: {
    inputs: readonly [number, number, number];
    /** At or below, the floor ends; null: not guarded. */
    cliffBelow: readonly [number, number, number] | null;
  } | null;
  ultrasonic: boolean;
  battery: { input: number; voltsPerCount: number; criticalV: number } | null;
}
