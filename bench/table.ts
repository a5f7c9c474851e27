import { roundFigure } from "./runner.ts";
import type { Score } from "./score.ts";

const HEADERS = ["part", "limit", "best peer", "ours", "unit", "ours/limit", "goal", "", "load"] as const;

/** The table for people, one line per row. */
export function renderTable(scores: Readonly<Record<string, Score>>): string {
  const lines = Object.entries(scores).map(([name, score]) => cells(name, score));
  const widths = HEADERS.map((header, column) =>
    Math.max(header.length, ...lines.map((line) => line[column]!.length)),
  );
  const rendered = [[...HEADERS], ...lines].map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  const errors = Object.entries(scores).flatMap(([name, score]) =>
    score.error === undefined ? [] : [`${name} was not measured: ${score.error}`],
  );
  return `${[...rendered, ...errors].join("\n")}\n`;
}

/** The same for docs/performance.md: ratios first, and every row in words. */
export function renderMarkdown(scores: Readonly<Record<string, Score>>): string {
  const rows = Object.entries(scores).map(([name, score]) => {
    const [, limit, peer, ours, unit, ratio, goal, met, load] = cells(name, score);
    return `| \`${name}\` | ${score.title} | ${ratio} | ${ours} ${unit} | ${limit} | ${peer} | ${goal} | ${bold(met)} | ${load} |`;
  });
  const head = "| part | what | ours / limit | ours | limit | best peer | goal | | load |";
  return `${[head, "|---|---|---|---|---|---|---|---|---|", ...rows].join("\n")}\n`;
}

function bold(verdict = ""): string {
  return verdict === "MISSED" || verdict === "FAILED" ? `**${verdict}**` : verdict;
}

function cells(name: string, score: Score): string[] {
  const figure = (value: number | null) => (value === null ? "-" : roundFigure(value));
  const peer = score.peer_name === null ? "-" : `${figure(score.peer)} ${score.peer_name}`;
  return [
    name,
    figure(score.limit),
    peer,
    figure(score.ours),
    score.unit,
    score.ratio === null ? "-" : `${figure(score.ratio)}x`,
    score.goal === "" ? "(informs)" : score.goal,
    verdict(score),
    `${score.load_before} → ${score.load_after}`,
  ];
}

function verdict(score: Score): string {
  if (score.error !== undefined) return "FAILED";
  if (score.met === null) return score.goal === "" ? "" : "?";
  return score.met ? "met" : "MISSED";
}
