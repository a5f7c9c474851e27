import { MynaError, commandText } from "myna";
import type { BodyState, CalibrationStep, CalibrationVisit } from "myna";

type Triple = [number, number, number];

/** What the sensors saw for a while. */
interface Seen {
  least: Triple;
  most: Triple;
}

const SAMPLES = 6;
const SAMPLE_LIMIT_MS = 5000;
/** Lighter and darker have to differ by so much, raw: else a shadow decides. */
const LEAST_GAP = 80;

/** Raw values of floor, line and nothing, and the thresholds between them. */
export const grayscaleStep: CalibrationStep = {
  title: "what the sensors under the nose see of the floor, a line and an edge; the wheels stand still",
  async run(visit) {
    const { say, ask, choose, set, setOf } = visit;
    await ask("Stand it on the floor it drives on, no line under it. Enter:");
    const floor = await look(visit);
    let darkest = floor;
    if (
      (await choose("Is it to follow lines? Then hold all three sensors over the line.", ["y", "n"])) === "y"
    ) {
      const line = await look(visit);
      const reference = between(line, floor);
      if (reference) {
        set({ line_reference: reference });
        darkest = line;
      } else
        say("The line is not darker than the floor at each sensor: the line's threshold stays as it is.");
    }
    if ((await choose("Now hold its nose over an edge, nothing below the sensors.", ["y", "n"])) === "n")
      return;
    const nothing = await look(visit);
    const cliff = between(nothing, darkest);
    if (!cliff)
      return say("Nothing is not darker than the floor or the line: the edge's threshold stays as it is.");
    set({ cliff_reference: cliff });
    setOf("drive", { cliff_reference: cliff });
  },
};

/** Sees a few times what is below, and says it. */
async function look({ use, say, signal }: Pick<CalibrationVisit, "use" | "say" | "signal">): Promise<Seen> {
  const seen: Triple[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const undo = use("body").onState(({ grayscale }: BodyState) => {
    if (grayscale) seen.push([...grayscale]);
    if (seen.length >= SAMPLES) resolve();
  });
  try {
    await Promise.race([promise, Bun.sleep(SAMPLE_LIMIT_MS)]);
  } finally {
    undo();
  }
  if (seen.length === 0 || signal.aborted)
    throw new MynaError("DEVICE_FAILED", `the line sensors tell nothing; see: ${commandText("doctor")}`);
  const each = (pick: (...values: number[]) => number) =>
    [0, 1, 2].map((at) => pick(...seen.map((one) => one[at]!))) as Triple;
  const found = { least: each(Math.min), most: each(Math.max) };
  say(`  left, middle, right: ${found.least.map((low, at) => `${low} to ${found.most[at]}`).join(", ")}`);
  return found;
}

/** In the middle of the gap between the dark and the light, at each sensor; undefined where there is none at one of them. */
export function between(dark: Seen, light: Seen): Triple | undefined {
  const gaps = dark.most.map((value, at) => light.least[at]! - value);
  if (!gaps.every((gap) => gap >= LEAST_GAP)) return undefined;
  return dark.most.map((value, at) => Math.round(value + gaps[at]! / 2)) as Triple;
}
