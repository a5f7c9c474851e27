import type { CalibrationStep, CalibrationVisit } from "myna";
import type { DriveConfig } from "../config.ts";
import { STEERING_CHANNEL } from "../settings-of.ts";
import { SpeedMap } from "../motion/speed-map.ts";
import type { SpeedPoint } from "../motion/speed-map.ts";
import { bodyReady, driveShortly } from "./short-drive.ts";

const SECONDS = 2;
const SLOW_MPS = 0.2;
/** A drive whose motors did not have the duty of its speed was slowed by a guard, and says nothing. */
const DUTY_TOLERANCE = 0.02;
/** Farther or nearer than this times the reckoning: a slip of the pen. */
const MOST_RATIO = 4;
const TRIES = 3;

/** How many metres a drive really makes of those it reckons. */
export const speedStep: CalibrationStep<DriveConfig> = {
  title:
    "how fast it drives; needs a level floor, 2 m free ahead of it, something at most 3 m ahead, and a tape measure",
  async run(visit) {
    const { config, say, set } = visit;
    await bodyReady(visit, STEERING_CHANNEL);
    const fastest = Math.min(config.max_speed_mps, config.speed_map.at(-1)![1]);
    const ratios: [mps: number, ratio: number][] = [];
    for (const mps of new Set([Math.min(SLOW_MPS, fastest), fastest])) {
      const ratio = await measured(visit, mps);
      if (ratio === undefined) return say("The speeds stay as they are.");
      ratios.push([mps, ratio]);
    }
    const scaled = scaledMap(config.speed_map, ratios);
    if (!scaled)
      return say(
        "These two measurements contradict each other: measure once more. The speeds stay as they are.",
      );
    set({ speed_map: scaled });
  },
};

/** The real way for each reckoned metre at a speed; undefined where it cannot be measured. */
async function measured(visit: CalibrationVisit<DriveConfig>, mps: number): Promise<number | undefined> {
  const { config, say, choose, number } = visit;
  const wantedDuty = new SpeedMap(config.speed_map).duty(mps);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const question = `It drives forward for ${SECONDS} s at ${mps} m/s. Is where it stands marked, and the way free?`;
    if ((await choose(question, ["n", "y"])) === "n") return undefined;
    const { reckonedM, duty } = await driveShortly(visit, mps, SECONDS);
    if (Math.abs(duty - wantedDuty) > DUTY_TOLERANCE) {
      say(
        "Something held it back: an obstacle, an edge, or nothing at all that echoes. Give it more room, and a wall far ahead.",
      );
      continue;
    }
    const reckoned = `it reckons ${reckonedM.toFixed(2)} m`;
    const wayM = await number(`How far did it go, metres (${reckoned}; Enter to drive again)?`, {
      min: 0,
      max: 5,
    });
    if (wayM === undefined) continue;
    const ratio = wayM / reckonedM;
    if (ratio < MOST_RATIO && ratio > 1 / MOST_RATIO) return ratio;
    say("That cannot be: metres, please, and not centimetres.");
  }
  return undefined;
}

/**
 * The map with each speed times the ratio that was measured near it, between measurements by a straight line. Undefined where its
 * speeds would not rise any more.
 */
export function scaledMap(
  points: readonly SpeedPoint[],
  ratios: readonly (readonly [mps: number, ratio: number])[],
): SpeedPoint[] | undefined {
  const [slow, fast = slow] = ratios;
  if (!slow || !fast) return undefined;
  const scaled = points.map(([duty, mps]) => {
    const share = fast === slow ? 0 : Math.min(1, Math.max(0, (mps - slow[0]) / (fast[0] - slow[0])));
    return [duty, Number((mps * (slow[1] + share * (fast[1] - slow[1]))).toFixed(3))] as const;
  });
  return scaled.every(([, mps], at) => mps >= 0.01 && (at === 0 || mps > scaled[at - 1]![1]))
    ? scaled
    : undefined;
}
