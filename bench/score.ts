import type { Goal, Measures, Row } from "./part.ts";
import type { Rounds } from "./runner.ts";

/** A row of the table with its figures; the keys are those of `--json`. */
export interface Score {
  limit: number | null;
  /** The best peer's figure. */
  peer: number | null;
  ours: number | null;
  unit: string;
  /** ours / limit. */
  ratio: number | null;
  title: string;
  peer_name: string | null;
  goal: string;
  /** Null where the row has no goal, or could not be measured. */
  met: boolean | null;
  rounds: number;
  /** One-minute load average of the machine before and after the part. */
  load_before: number;
  load_after: number;
  /** Every case's figure. */
  cases: Record<string, number>;
  /** Of a row with `spread`. */
  median_ms?: number;
  max_ms?: number;
  runs?: number;
  /** Why it could not be measured. */
  error?: string;
}

/** What all rows of a part share. */
export interface PartRun {
  rounds: number;
  loadBefore: number;
  loadAfter: number;
}

/** Turns the rounds of a part into one row's figures, and holds them against its goals. */
export function scoreRow(row: Row, measured: Rounds, run: PartRun): Score {
  const cases: Record<string, number> = {};
  for (const [name, rounds] of Object.entries(measured)) {
    const values = rounds.map((measures) => measures[row.metric]).filter((value) => value !== undefined);
    if (values.length > 0) cases[name] = across(values, row.across);
  }
  const ours = cases[row.ours] ?? null;
  const limit = typeof row.limit === "number" ? row.limit : (cases[row.limit ?? ""] ?? null);
  const peerName = row.peers
    .filter((name) => name in cases)
    .reduce<string | null>((best, name) => (best && cases[best]! <= cases[name]! ? best : name), null);
  const checks = row.goals.map((goal) => holds(goal, ours, limit, cases));
  return {
    limit: significant(limit),
    peer: significant(peerName === null ? null : cases[peerName]!),
    ours: significant(ours),
    unit: row.unit,
    ratio: significant(ours !== null && limit ? ours / limit : null),
    title: row.title,
    peer_name: peerName,
    goal: row.goals.map((goal) => goalText(goal, row.unit)).join(", "),
    met: checks.length === 0 || checks.includes(null) ? null : checks.every((check) => check === true),
    rounds: run.rounds,
    load_before: run.loadBefore,
    load_after: run.loadAfter,
    cases: Object.fromEntries(Object.entries(cases).map(([name, value]) => [name, significant(value)!])),
    ...(row.spread && ours !== null && spread(measured[row.ours]!)),
  };
}

/** Median, maximum and number of the runs that the rounds of a case took. */
function spread(rounds: readonly Measures[]): Pick<Score, "median_ms" | "max_ms" | "runs"> {
  const all = (name: string) => rounds.map((measures) => measures[name] ?? 0);
  return {
    median_ms: significant(across(all("median_ms"), "median"))!,
    max_ms: significant(across(all("max_ms"), "worst"))!,
    runs: all("runs").reduce((sum, runs) => sum + runs, 0),
  };
}

/** A row of a part that could not be measured. */
export function failedRow(row: Row, run: PartRun, error: string): Score {
  return { ...scoreRow(row, {}, run), limit: null, error };
}

/** A goal in words. */
function goalText(goal: Goal, unit: string): string {
  if (goal.kind === "times_limit") return `≤ ${goal.most}x limit`;
  if (goal.kind === "at_most") return `≤ ${goal.most} ${unit}`;
  if (goal.kind === "times_peer") return `≤ ${goal.most}x ${goal.peer}`;
  if (goal.kind === "above_limit") return `≤ limit + ${goal.most} ${unit}`;
  return `≥ ${goal.least}x faster than ${goal.peer}`;
}

function across(values: readonly number[], how: Row["across"]): number {
  if (how === "best") return Math.min(...values);
  if (how === "worst") return Math.max(...values);
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}

/** Null where a figure that the goal needs is missing. */
function holds(
  goal: Goal,
  ours: number | null,
  limit: number | null,
  cases: Record<string, number>,
): boolean | null {
  if (ours === null) return null;
  if (goal.kind === "at_most") return ours <= goal.most;
  if (goal.kind === "times_limit") return limit === null ? null : ours <= goal.most * limit;
  if (goal.kind === "above_limit") return limit === null ? null : ours <= limit + goal.most;
  const peer = cases[goal.peer];
  if (goal.kind === "times_peer") return peer === undefined ? null : ours <= goal.most * peer;
  return peer === undefined ? null : peer >= goal.least * ours;
}

/** Four significant digits: more would be noise. */
function significant(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
