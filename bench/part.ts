/** What one run of a case measured: metric name (with its unit) → value. */
export type Measures = Record<string, number>;

/** How a case is to be run. */
export interface CaseOptions {
  /** Take the long form where a case has one (ten minutes of playback instead of ten seconds). */
  long: boolean;
}

/** One way of doing the work; runs alone in a fresh process and imports there what it needs. */
export type Case = (options: CaseOptions) => Measures | Promise<Measures>;

/** What a figure has to satisfy. */
export type Goal =
  | { kind: "times_limit"; most: number }
  | { kind: "at_most"; most: number }
  | { kind: "faster_than"; peer: string; least: number }
  | { kind: "times_peer"; peer: string; most: number }
  | { kind: "above_limit"; most: number };

/** One line of the table, and one key of `--json`. */
export interface Row {
  /** snake_case; the key of `--json`. */
  name: string;
  /** What the figure is, in words. */
  title: string;
  unit: string;
  /** Key in the {@link Measures} of each case; smaller is better. */
  metric: string;
  /** The case that stands for what physics or the machine allows, or that figure itself. */
  limit?: string | number;
  /** Cases of other people's ways to do the same; the smallest figure is shown. */
  peers: readonly string[];
  /** The case that runs Myna's code. */
  ours: string;
  /** How the rounds become one figure: the smallest, the middle, or the largest. */
  across: "best" | "median" | "worst";
  /** Our case takes many runs of its own: `--json` shows their `median_ms`, `max_ms` and `runs` as well. */
  spread?: boolean;
  /** All must hold; none where the figure only informs. */
  goals: readonly Goal[];
}

/** Something measured: limit, peers and ours, always in one interleaved run. */
export interface Part {
  rows: readonly Row[];
  /** Case name → what it runs. */
  cases: Readonly<Record<string, Case>>;
  /** Rounds where `--rounds` does not say. */
  rounds: number;
  /** The cases of a round run at the same time: for cases that mostly sleep, so that all meet the same neighbours. */
  sideBySide?: boolean;
  /** Seconds after which one case counts as hung; default 60. */
  limitS?: number;
}
