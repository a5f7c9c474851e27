import { RobotProcess } from "../../test/e2e/run-robot.ts";
import type { Measures, Part } from "../part.ts";
import { percentile } from "../stopwatch.ts";

const SENTENCES = [
  "how far is the wall",
  "look up",
  "what did I just ask you",
  "take a picture",
  "turn left ten degrees",
];
/** `silence_duration_ms` of the desktop-sim profile: a turn is over when the user has been quiet for so long. */
const SILENCE_MS = 400;

async function spokenTurns(): Promise<Measures> {
  const says = SENTENCES.flatMap((sentence) => ["--say", sentence]);
  const run = await new RobotProcess(["--profile", "desktop-sim", "--exit", ...says]).finished();
  const turns = run.events("turn.latency") as Record<string, number | null>[];
  if (run.exitCode !== 0 || turns.length < SENTENCES.length) {
    throw new Error(
      `${turns.length} of ${SENTENCES.length} sentences were answered: ${run.stderr.slice(-1000)}`,
    );
  }
  const median = (key: string) =>
    percentile(
      turns.map((turn) => turn[key]).filter((ms) => typeof ms === "number"),
      50,
    );
  return {
    total_ms: median("total_ms"),
    commit_ms: median("speech_end_to_commit_ms"),
    delta_ms: median("commit_to_first_delta_ms"),
    sample_ms: median("first_delta_to_first_sample_ms"),
  };
}

const row = { unit: "ms", peers: [], ours: "myna", across: "median", goals: [] } as const;

/** Spoken turns of the offline robot, as it tells them itself; the limit is the silence that ends a turn. */
export const part: Part = {
  rounds: 1,
  limitS: 120,
  rows: [
    {
      ...row,
      name: "turn",
      title: "end of the user's speech to the first sample of the answer, median of five turns",
      metric: "total_ms",
      limit: SILENCE_MS,
    },
    {
      ...row,
      name: "turn_commit",
      title: "end of speech to the commit, of which the silence is the most",
      metric: "commit_ms",
      limit: SILENCE_MS,
    },
    {
      ...row,
      name: "turn_first_delta",
      title: "commit to the first audio of the answer: recognition, tools and synthesis",
      metric: "delta_ms",
    },
    {
      ...row,
      name: "turn_first_sample",
      title: "first audio received to its first sample out of the loudspeaker",
      metric: "sample_ms",
    },
  ],
  cases: { myna: spokenTurns },
};
