import { BOARD_LINES } from "myna";
import type { HatMemory } from "./hat-memory.ts";
import { dutyOf } from "./pwm.ts";

/** Robot HATs that can be simulated. */
export type SimulatedRevision = "v4" | "v5";

/** Channels of the motors: V4 has one PWM each, V5 one for each direction, forward first. */
const LEFT = { v4: 13, v5: [12, 13] } as const;
const RIGHT = { v4: 12, v5: [14, 15] } as const;

/** What the HAT gives both motors, -1 to 1, forward positive for both. */
export function motorDuties(hat: HatMemory, revision: SimulatedRevision): { left: number; right: number } {
  if (revision === "v5") return { left: bridged(hat, LEFT.v5), right: bridged(hat, RIGHT.v5) };
  const { leftDirection, rightDirection } = BOARD_LINES.v4;
  // Low is forward at the left motor, high at the right one, which is mounted the other way round (picarx.py).
  const left = hat.levels[leftDirection!] === 0 ? 1 : -1;
  const right = hat.levels[rightDirection!] === 1 ? 1 : -1;
  return { left: left * dutyOf(hat, LEFT.v4), right: right * dutyOf(hat, RIGHT.v4) };
}

/** Both channels high brake. */
function bridged(hat: HatMemory, [forward, backward]: readonly [number, number]): number {
  return dutyOf(hat, forward) - dutyOf(hat, backward);
}
