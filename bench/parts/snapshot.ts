import { scriptBrain } from "../../test/kit/scripted-brain.ts";
import { startDesktopSim, until } from "../fixtures/desktop-sim.ts";
import type { Measures, Part } from "../part.ts";
import { percentile } from "../stopwatch.ts";

/** As many as tools-camera takes in a minute. */
const SNAPSHOTS = 10;
const LIMIT_MS = 10_000;
const LOOK = { calls: [{ name: "take_snapshot", arguments: {} }] };

/** The call is known to the runtime when it announces it, and the picture to the model when its item is at the server. */
async function snapshots(): Promise<Measures> {
  let answers = 0;
  const brain = await scriptBrain({ answers: () => (answers++ % 2 === 0 ? LOOK : "I see.") });
  const robot = await startDesktopSim(
    "plugins.brain.enabled=false",
    'session.service=""',
    `session.url=${JSON.stringify(brain.url)}`,
  );
  const pictures = (): number =>
    brain.received.filter(({ event }) => JSON.stringify(event["item"] ?? null).includes('"input_image"'))
      .length;
  const tookMs: number[] = [];
  try {
    let calledAtMs = 0;
    robot.bus.on("tool.started", () => (calledAtMs = performance.now()));
    while (tookMs.length < SNAPSHOTS) {
      const before = pictures();
      robot.session.port.sendText("What do you see?");
      for (const endMs = performance.now() + LIMIT_MS; pictures() === before; await Bun.sleep(1))
        if (performance.now() > endMs) throw new Error(`No picture came within ${LIMIT_MS} ms.`);
      tookMs.push(performance.now() - calledAtMs);
      await until(() => answers % 2 === 0, LIMIT_MS, "the answer");
      await Bun.sleep(300);
    }
  } finally {
    await robot.stop("bench");
    await brain.close();
  }
  return { median_ms: percentile(tookMs, 50), max_ms: Math.max(...tookMs), runs: tookMs.length };
}

const row = { unit: "ms", peers: [], ours: "myna", across: "worst" } as const;

/** The simulated camera draws its picture in the time; a Raspberry Pi's has the newest one at hand. */
export const part: Part = {
  rounds: 1,
  rows: [
    {
      ...row,
      name: "snapshot",
      title: "call of take_snapshot to its picture at the Realtime server, median of ten",
      metric: "median_ms",
      goals: [],
    },
    {
      ...row,
      name: "snapshot_max",
      title: "the same, slowest",
      metric: "max_ms",
      goals: [{ kind: "at_most", most: 100 }],
    },
  ],
  cases: { myna: snapshots },
};
