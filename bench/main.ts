import { loadavg } from "node:os";
import { benchHelp, parseBenchFlags, UsageError } from "./flags.ts";
import type { BenchFlags } from "./flags.ts";
import { PARTS } from "./registry.ts";
import { CaseFailed, runPart } from "./runner.ts";
import { failedRow, scoreRow } from "./score.ts";
import type { Score } from "./score.ts";
import { renderMarkdown, renderTable } from "./table.ts";

/** Above this one-minute load, other programs disturb the figures. */
const QUIET_LOAD = 1;
const EXIT_USAGE = 2;

/** Answers the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const flags = parseBenchFlags(argv);
  if (flags.help) {
    process.stdout.write(benchHelp());
    return 0;
  }
  const scores: Record<string, Score> = {};
  for (const name of flags.parts) Object.assign(scores, await scorePart(name, flags));
  process.stdout.write(render(scores, flags));
  return Object.values(scores).some((score) => score.error !== undefined) ? 1 : 0;
}

function render(scores: Record<string, Score>, { json, markdown }: BenchFlags): string {
  if (json) return `${JSON.stringify(scores, null, 2)}\n`;
  return markdown ? renderMarkdown(scores) : renderTable(scores);
}

async function scorePart(name: string, flags: BenchFlags): Promise<Record<string, Score>> {
  const { part } = await PARTS[name]!.load();
  const rounds = flags.rounds ?? (flags.long ? 1 : part.rounds);
  const loadBefore = load();
  if (loadBefore > QUIET_LOAD)
    tell(`${name}: the load average is ${loadBefore}; other programs disturb this`);
  const run = () => ({ rounds, loadBefore, loadAfter: load() });
  try {
    const measured = await runPart(name, part, rounds, flags, tell);
    return Object.fromEntries(part.rows.map((row) => [row.name, scoreRow(row, measured, run())]));
  } catch (error) {
    if (!(error instanceof CaseFailed)) throw error;
    tell(error.message);
    return Object.fromEntries(part.rows.map((row) => [row.name, failedRow(row, run(), error.message)]));
  }
}

/** One-minute load average of the machine. */
function load(): number {
  return Math.round(loadavg()[0]! * 100) / 100;
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  tell(error.message);
  process.exitCode = EXIT_USAGE;
}
