import type { Measures } from "./part.ts";

const WARM_MS = 150;
const BLOCK_MS = 8;
const BLOCKS = 41;
const NS_PER_US = 1000;

/**
 * Nanoseconds of one turn of a loop. `loop(turns)` runs it that many times; it answers something that depends on the work,
 * so that the work cannot be dropped. `ns` is the median of 41 blocks of about 8 ms, after the compiler has warmed up; or the
 * thread's processor time for all of them where that is less, as it is on a machine that is busy with other things.
 */
export function nsPerTurn(loop: (turns: number) => number): Measures {
  let turns = 64;
  let sink = 0;
  const warmUntilMs = performance.now() + WARM_MS;
  while (performance.now() < warmUntilMs) sink += loop(turns);
  for (;;) {
    const startMs = performance.now();
    sink += loop(turns);
    const tookMs = performance.now() - startMs;
    if (tookMs >= BLOCK_MS) break;
    turns = tookMs < BLOCK_MS / 8 ? turns * 4 : Math.ceil((turns * BLOCK_MS * 1.1) / tookMs);
  }
  const before = process.threadCpuUsage();
  const blocks = Array.from({ length: BLOCKS }, () => {
    const startNs = Bun.nanoseconds();
    sink += loop(turns);
    return (Bun.nanoseconds() - startNs) / turns;
  });
  const { user, system } = process.threadCpuUsage(before);
  if (Number.isNaN(sink)) throw new Error("The measured loop computed nothing.");
  return { ns: Math.min(percentile(blocks, 50), ((user + system) * NS_PER_US) / (turns * BLOCKS)) };
}

/** The value below which `percent` of the values lie (nearest rank); the values are not changed. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new Error("A percentile of nothing was asked for.");
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.ceil((percent / 100) * sorted.length) - 1;
  return sorted[Math.max(0, rank)]!;
}
