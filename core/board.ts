import type { DistanceReading } from "./services.ts";

/**
 * What a robot's board has on its wires, as the body's plugins see it. The types are met in two processes: the runtime,
 * and the motion process, which owns the motor controller.
 */

/**
 * A module with code for one kind of wire, loaded where it is used: the motion process, or the plugin that opens it. It
 * may import types from "myna" but no values. What it throws may carry a `code` of ERRORS (DEVICE_NOT_FOUND, DEVICE_BUSY …).
 */
export interface WireSpec {
  /** Absolute path or file URL of a module that exports `openI2c(options)` or `openLines(options)`. */
  module: string;
  /** Handed to that function; survives JSON. */
  options: Record<string, unknown>;
}

/** An I2C bus; every call is one transaction, blocks for it (0.1 ms a byte at 100 kHz) and throws when it fails. */
export interface I2cBus {
  write(address: number, bytes: Uint8Array): void;
  /** Fills `into`. */
  read(address: number, into: Uint8Array): void;
  close(): void;
}

/** Pulls of an input line. */
export type LinePull = "up" | "down" | "none";

/** Lines of the board's GPIO chip, by BCM number. A line has one owner: a second one is refused with DEVICE_BUSY. */
export interface LineChip {
  output(line: number, options: { consumer: string; high: boolean }): OutputLine;
  /** `onEdge` is told of both edges. */
  input(
    line: number,
    options: { consumer: string; pull: LinePull; activeLow?: boolean; debounceUs?: number },
    onEdge?: (edge: LineEdge) => void,
  ): InputLine;
  close(): void;
}

/** The line keeps its level when it is closed or its owner dies, as on Raspberry Pi's kernel. */
export interface OutputLine {
  set(high: boolean): void;
  close(): void;
}

/** Closing ends its events. */
export interface InputLine {
  /** True while active. */
  get(): boolean;
  close(): void;
}

/** An edge with the kernel's time: CLOCK_MONOTONIC, taken in the interrupt; only differences of two edges mean something. */
export interface LineEdge {
  active: boolean;
  timestampNs: bigint;
}

/** Which board it is: pins and the motors' wiring follow from it (Robot HAT documentation; old boards are "type1"). */
export type BoardRevision = "v4" | "v5" | "type1";

/** Roles of lines, with their BCM number on each board; null where the board has none. */
export interface BoardLines {
  motorReset: number;
  leftDirection: number | null;
  rightDirection: number | null;
  ultrasonicTrigger: number;
  ultrasonicEcho: number;
  led: number;
  userButton: number;
  resetButton: number;
  speakerEnable: number;
}

const V4: BoardLines = {
  motorReset: 5,
  leftDirection: 23,
  rightDirection: 24,
  ultrasonicTrigger: 27,
  ultrasonicEcho: 22,
  led: 26,
  userButton: 25,
  resetButton: 16,
  speakerEnable: 20,
};

/** BCM numbers by role on each board (robot-hat 2.5, device.py and pin.py; type1: its main branch, pin.py, `_dict_1`). */
export const BOARD_LINES: Readonly<Record<BoardRevision, Readonly<BoardLines>>> = {
  v4: V4,
  v5: { ...V4, leftDirection: null, rightDirection: null, speakerEnable: 12 },
  type1: { ...V4, motorReset: 21, userButton: 19 },
};

/** What a board is and how its wires are reached. */
export interface BoardDescription {
  revision: BoardRevision;
  lines: Readonly<BoardLines>;
  /** For the motion process alone. */
  i2c: WireSpec;
  lineChip: WireSpec;
}

/** Provided by `board-picarx` (real) or `board-sim`. */
export interface Board {
  describe(): BoardDescription;
  /** The chip of `lineChip`, opened in the runtime's process for LED, button and loudspeaker. Closed by the board's plugin. */
  openLines(): Promise<LineChip>;
}

/** What the motion process knows, as of `atMs` on the runtime's `performance.now()`. */
export interface BodyState {
  atMs: number;
  /** Dead reckoning from the speed map; the car has no encoders. */
  moving: boolean;
  /** Last duty written to each motor, -1 to 1; forward is positive. */
  duty: { left: number; right: number };
  distance: DistanceReading;
  /** Raw 0 to 4095 of left, middle and right; more is lighter. Undefined until read. */
  grayscale: readonly [number, number, number] | undefined;
  /** Low-passed at rest, volts; undefined until read. */
  batteryV: number | undefined;
  /** Why nothing moves until `release`; undefined when free. */
  latched: string | undefined;
  /**
   * What keeps the wheels still though they are asked to turn: what a guard sees, a sensor that says nothing, or the motor
   * controller, which starts. Left out while nothing does.
   */
  held?: "obstacle" | "cliff" | "blind" | "starting";
}

/** What lies behind the motion process; provided by the drive. */
export interface Body {
  state(): BodyState | undefined;
  onState(handler: (state: BodyState) => void): () => void;
  /** A servo channel of the HAT, degrees -90 to 90 from its centre; clamped, slewed; `layer` "add" is put on top of "base". */
  servo(channel: number, angleDeg: number, layer?: "base" | "add"): Promise<{ angleDeg: number }>;
  /** Latched: wheels to zero, what is queued is dropped, and nothing moves until `release`. Never throws. */
  emergencyStop(reason: string): void;
  /** Nothing moves by it: the next intent does. */
  release(): Promise<void>;
}
