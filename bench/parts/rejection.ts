import type { CaseOptions, Measures, Part } from "../part.ts";

/** Of 50 sentences that are no commands, ten may move something. */
const MOVED_PERCENT = 20;
const REFUSED_PERCENT = 5;

/** The short form takes the sentences that were kept apart, in one voice; the long form all of both sets. */
async function measure({ long }: CaseOptions): Promise<Measures> {
  const { measureRejection } = await import("../rejection.ts");
  const rows = await measureRejection(long ? {} : { voices: ["slt"], sets: ["held-out"] });
  const sum = (count: (row: (typeof rows)[number]) => number) =>
    rows.reduce((total, row) => total + count(row), 0);
  const commands = sum((row) => row.commands);
  return {
    moved_percent: (100 * sum((row) => row.acted)) / sum((row) => row.others),
    refused_percent: (100 * sum((row) => row.refused)) / commands,
    misheard_percent: (100 * sum((row) => row.wrong)) / commands,
    finish_ms: Math.max(...rows.map((row) => row.finishMs)),
  };
}

const row = { unit: "%", peers: [], ours: "myna", across: "median" } as const;

/** A count, not a time: the same in every round. The full table with every voice is made by bench/rejection.ts. */
export const part: Part = {
  rounds: 1,
  limitS: 1200,
  rows: [
    {
      ...row,
      name: "rejection",
      title: "sentences that are no commands and moved something all the same",
      metric: "moved_percent",
      goals: [{ kind: "at_most", most: MOVED_PERCENT }],
    },
    {
      ...row,
      name: "rejection_refused",
      title: "good commands that were not believed",
      metric: "refused_percent",
      goals: [{ kind: "at_most", most: REFUSED_PERCENT }],
    },
    {
      ...row,
      name: "rejection_misheard",
      title: "good commands that were believed to be others",
      metric: "misheard_percent",
      goals: [],
    },
    {
      ...row,
      name: "rejection_finish",
      title: "end of the audio to the sentence, slowest",
      unit: "ms",
      metric: "finish_ms",
      across: "best",
      goals: [{ kind: "at_most", most: 150 }],
    },
  ],
  cases: { myna: measure },
};
