import { expect, test } from "bun:test";
import type { Row } from "../bench/part.ts";
import { failedRow, scoreRow } from "../bench/score.ts";
import { nsPerTurn } from "../bench/stopwatch.ts";
import { renderMarkdown, renderTable } from "../bench/table.ts";

const MAIN = `${import.meta.dir}/../bench/main.ts`;

async function bench(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

test("one round of a part prints one JSON object and nothing else on stdout", async () => {
  const { code, stdout, stderr } = await bench("bus", "--rounds", "1", "--json");
  expect(code).toBe(0);
  const scores = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
  expect(Object.keys(scores)).toEqual(["bus"]);
  const bus = scores["bus"]!;
  for (const key of ["limit", "peer", "ours", "ratio"]) expect(bus[key]).toBeGreaterThan(0);
  expect(bus["unit"]).toBe("ns");
  // All three are rounded, each by less than a hundredth of itself.
  const ratio = (bus["ours"] as number) / (bus["limit"] as number);
  expect((bus["ratio"] as number) / ratio).toBeCloseTo(1, 1);
  expect(bus["load_before"]).toBeNumber();
  expect(bus["load_after"]).toBeNumber();
  expect(stderr).toContain("bus 1/1 myna: ns");
});

test("an unknown part is named together with the parts there are, and exits with 2", async () => {
  const { code, stdout, stderr } = await bench("buss");
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain('there is no part "buss"');
  expect(stderr).toMatch(/the parts are bus\b/);
});

test("an unknown flag and a wrong number of rounds exit with 2 and name the flag", async () => {
  const [flag, rounds] = await Promise.all([bench("--jsn"), bench("bus", "--rounds", "none")]);
  expect(flag.code).toBe(2);
  expect(flag.stderr).toContain("--jsn");
  expect(rounds.code).toBe(2);
  expect(rounds.stderr).toContain('--rounds takes a whole number from 1, not "none"');
});

test("help names every flag and every part", async () => {
  const { code, stdout } = await bench("--help");
  expect(code).toBe(0);
  for (const word of ["--json", "--markdown", "--rounds", "--long", "--help", "  bus "])
    expect(stdout).toContain(word);
});

test("time in which the thread did not run is not counted", () => {
  const { ns } = nsPerTurn((turns) => {
    let sum = 0;
    for (let i = 0; i < turns; i++) {
      Bun.sleepSync(1);
      sum += i;
    }
    return sum;
  });
  expect(ns).toBeWithin(1000, 500_000);
});

const ROW: Row = {
  name: "ring",
  title: "a frame",
  unit: "ns",
  metric: "ns",
  limit: "bare",
  peers: ["slow", "slower"],
  ours: "myna",
  across: "best",
  goals: [
    { kind: "times_limit", most: 2 },
    { kind: "faster_than", peer: "slow", least: 8 },
  ],
};
const RUN = { rounds: 2, loadBefore: 0.1, loadAfter: 0.2 };

test("a row takes the best round of every case and shows the best peer", () => {
  const score = scoreRow(
    ROW,
    {
      bare: [{ ns: 30 }, { ns: 20 }],
      slow: [{ ns: 400 }, { ns: 500 }],
      slower: [{ ns: 900 }, { ns: 800 }],
      myna: [{ ns: 60 }, { ns: 36 }],
    },
    RUN,
  );
  expect(score).toMatchObject({ limit: 20, ours: 36, peer: 400, peer_name: "slow", ratio: 1.8, met: true });
});

test("a row with one missed goal is shown as missed, with its figure", () => {
  const measured = { bare: [{ ns: 20 }], slow: [{ ns: 200 }], slower: [{ ns: 900 }], myna: [{ ns: 36 }] };
  const score = scoreRow(ROW, measured, RUN);
  expect(score.met).toBe(false);
  const table = renderTable({ ring: score });
  expect(table).toContain("MISSED");
  expect(table).toContain("36");
});

test("the table for the documentation names the row in words and shows a miss in bold", () => {
  const measured = { bare: [{ ns: 20 }], slow: [{ ns: 200 }], slower: [{ ns: 900 }], myna: [{ ns: 36 }] };
  const lines = renderMarkdown({ ring: scoreRow(ROW, measured, RUN) }).split("\n");
  expect(lines[2]).toBe(
    "| `ring` | a frame | 1.8x | 36 ns | 20 | 200 slow | ≤ 2x limit, ≥ 8x faster than slow | **MISSED** | 0.1 → 0.2 |",
  );
});

test("a goal whose comparison is missing is neither met nor missed", () => {
  const score = scoreRow(ROW, { bare: [{ ns: 20 }], myna: [{ ns: 36 }] }, RUN);
  expect(score.met).toBeNull();
  expect(score.peer).toBeNull();
});

test("a goal may be a part of a peer's figure, or so much above the limit", () => {
  const measured = { bare: [{ ns: 20 }], slow: [{ ns: 200 }], myna: [{ ns: 36 }] };
  const metFor = (goals: Row["goals"]) => scoreRow({ ...ROW, goals }, measured, RUN).met;
  expect(metFor([{ kind: "times_peer", peer: "slow", most: 0.18 }])).toBe(true);
  expect(metFor([{ kind: "times_peer", peer: "slow", most: 0.17 }])).toBe(false);
  expect(metFor([{ kind: "times_peer", peer: "slower", most: 9 }])).toBeNull();
  expect(metFor([{ kind: "above_limit", most: 16 }])).toBe(true);
  expect(metFor([{ kind: "above_limit", most: 15 }])).toBe(false);
  expect(scoreRow({ ...ROW, goals: [{ kind: "above_limit", most: 16 }] }, measured, RUN).goal).toBe(
    "≤ limit + 16 ns",
  );
});

test("a row that could not be measured says why", () => {
  const score = failedRow(ROW, RUN, "the case ended with code 1: no such device");
  expect(score).toMatchObject({ ours: null, ratio: null, met: null });
  const table = renderTable({ ring: score });
  expect(table).toContain("FAILED");
  expect(table).toContain("ring was not measured: the case ended with code 1: no such device");
});

test("the slowest round counts where a row says so", () => {
  const score = scoreRow(
    { ...ROW, across: "worst", goals: [{ kind: "at_most", most: 50 }] },
    { myna: [{ ns: 40 }, { ns: 51 }] },
    RUN,
  );
  expect(score).toMatchObject({ ours: 51, met: false });
});
