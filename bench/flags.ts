import { parseArgs } from "node:util";
import { PARTS } from "./registry.ts";

/** What the command line of the bench asks for. */
export interface BenchFlags {
  parts: string[];
  json: boolean;
  markdown: boolean;
  long: boolean;
  help: boolean;
  /** Undefined: each part's own number. */
  rounds?: number;
}

/** A wrong command line; the message is for the person who wrote it. */
export class UsageError extends Error {}

/** Throws a UsageError that names the flag or part and what there is instead. */
export function parseBenchFlags(argv: readonly string[]): BenchFlags {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        markdown: { type: "boolean" },
        long: { type: "boolean" },
        help: { type: "boolean" },
        rounds: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(". To specify")[0]} (see --help)`);
  }
  const { values, positionals } = parsed;
  const unknown = positionals.filter((name) => !Object.hasOwn(PARTS, name));
  if (unknown.length > 0) {
    throw new UsageError(`there is no part "${unknown[0]}"; the parts are ${Object.keys(PARTS).join(", ")}`);
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1)) {
    throw new UsageError(`--rounds takes a whole number from 1, not "${values.rounds}"`);
  }
  return {
    parts: positionals.length > 0 ? [...new Set(positionals)] : Object.keys(PARTS),
    json: values.json === true,
    markdown: values.markdown === true,
    long: values.long === true,
    help: values.help === true,
    ...(rounds !== undefined && { rounds }),
  };
}

/** The text of `--help`. */
export function benchHelp(): string {
  const parts = Object.entries(PARTS).map(([name, { title }]) => `  ${name.padEnd(22)}${title}`);
  return `Usage: bun run bench [PART…] [options]

Measures Myna against what the machine allows and against other ways to do the same. Each case runs in a fresh process,
the cases of a part interleaved. Progress goes to stderr, the table to stdout. Exit code 1 when something could not be
measured; a goal that is missed is shown, and is no failure.

  --json          one object {"PART": {"limit", "peer", "ours", "unit", "ratio", …}} instead of the table
  --markdown      the table as docs/performance.md has it
  --rounds N      rounds of each case, instead of the part's own number
  --long          one round, and the long form of the parts that have one: ten minutes of playback_tick, rejection
                  with every voice
  --help          print this and leave

Parts:
${parts.join("\n")}
`;
}
