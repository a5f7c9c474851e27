import type { CaseOptions, Measures, Part } from "./part.ts";

/** Case name → what each round measured, in order of the rounds. */
export type Rounds = Record<string, Measures[]>;

const RUN_CASE = `${import.meta.dir}/run-case.ts`;
const DEFAULT_LIMIT_S = 60;

/** A case that did not end well; the message carries the end of its stderr. */
export class CaseFailed extends Error {}

/**
 * Runs every case of a part `rounds` times, interleaved, each in a fresh process; every other round in reverse order, so that
 * no case always follows the same one. Where the part says so, the cases of a round run side by side. `progress` is told of each run as it ends.
 */
export async function runPart(
  name: string,
  part: Part,
  rounds: number,
  options: CaseOptions,
  progress: (line: string) => void,
): Promise<Rounds> {
  const names = Object.keys(part.cases);
  const measured: Rounds = Object.fromEntries(names.map((one) => [one, []]));
  for (let round = 1; round <= rounds; round++) {
    const run = async (caseName: string): Promise<void> => {
      const measures = await runCase(name, caseName, part.limitS ?? DEFAULT_LIMIT_S, options);
      measured[caseName]!.push(measures);
      const figures = Object.entries(measures).map(([metric, value]) => `${metric} ${roundFigure(value)}`);
      progress(`${name} ${round}/${rounds} ${caseName}: ${figures.join(", ")}`);
    };
    if (part.sideBySide) await Promise.all(names.map(run));
    else for (const caseName of round % 2 === 1 ? names : names.toReversed()) await run(caseName);
  }
  return measured;
}

async function runCase(part: string, name: string, limitS: number, options: CaseOptions): Promise<Measures> {
  const flags = options.long ? ["--long"] : [];
  const child = Bun.spawn([process.execPath, RUN_CASE, part, name, ...flags], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, limitS * 1000);
  try {
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (late) throw new CaseFailed(`${part} ${name} did not end within ${limitS} s`);
    if (code !== 0)
      throw new CaseFailed(`${part} ${name} ended with code ${code}: ${stderr.trim().slice(-2000)}`);
    const last = stdout.trimEnd().split("\n").at(-1) ?? "";
    return JSON.parse(last) as Measures;
  } finally {
    clearTimeout(timer);
    process.off("exit", kill);
  }
}

/** Three significant digits, for people. */
export function roundFigure(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
