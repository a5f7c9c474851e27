import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { DoctorVisit, Finding } from "myna";

const MEASURE_MS = 1000;
const TICK_MS = 10;
/** The robot takes up to 15 % of a Raspberry Pi 4 in conversation; as much again is left for what comes and goes. */
const LEAST_FREE_SHARE = 0.3;
/** Later than this a frame of 20 ms has been missed; the sound device's own thread has some 60 ms in hand. */
const LATE_MS = 20;
const TOO_LATE_MS = 60;

/** How much of the processors other programs leave, and how late timers of a program run: measured for a second. */
export async function checkLoad({ path }: Pick<DoctorVisit, "path">): Promise<Finding[]> {
  const before = cpuTimes(path);
  const latenessMs: number[] = [];
  const endMs = performance.now() + MEASURE_MS;
  while (performance.now() < endMs) {
    const dueMs = performance.now() + TICK_MS;
    await Bun.sleep(TICK_MS);
    latenessMs.push(Math.max(0, performance.now() - dueMs));
  }
  return [headroom(before, cpuTimes(path)), lateness(latenessMs)];
}

/** By two readings of /proc/stat. */
export function headroom(before: CpuTimes | undefined, after: CpuTimes | undefined): Finding {
  const name = "processor";
  if (!before || !after || after.totalTicks <= before.totalTicks)
    return { name, state: "not_here", message: "how busy it is, is not known" };
  const free = (after.idleTicks - before.idleTicks) / (after.totalTicks - before.totalTicks);
  const message = `${Math.round(free * 100)} % of ${availableParallelism()} cores is free`;
  if (free >= LEAST_FREE_SHARE) return { name, state: "ok", message };
  return { name, state: "warning", message, fix: "see which program works: top -o %CPU" };
}

/** By how late timers ran, milliseconds; at least one. */
export function lateness(latenessMs: readonly number[]): Finding {
  const name = "event loop";
  const sorted = latenessMs.toSorted((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)]!;
  const worstMs = sorted.at(-1)!;
  const message = `timers run ${medianMs.toFixed(1)} ms late in the middle, ${worstMs.toFixed(1)} ms at worst`;
  if (worstMs < LATE_MS) return { name, state: "ok", message };
  const fix = "see which program works: top -o %CPU; is the processor throttled (temperature, supply)?";
  return {
    name,
    state: worstMs < TOO_LATE_MS ? "ok" : "warning",
    message,
    ...(worstMs >= TOO_LATE_MS && { fix }),
  };
}

/** Times of all processors since the start, clock ticks. */
export interface CpuTimes {
  idleTicks: number;
  totalTicks: number;
}

/** The first line of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal. */
export function cpuTimes(path: DoctorVisit["path"]): CpuTimes | undefined {
  let text: string;
  try {
    text = readFileSync(path("/proc/stat"), "utf8");
  } catch {
    return undefined;
  }
  const ticks = (/^cpu +(.+)$/m.exec(text)?.[1] ?? "").split(" ").slice(0, 8).map(Number);
  if (ticks.length < 5 || !ticks.every(Number.isFinite)) return undefined;
  return { idleTicks: ticks[3]! + ticks[4]!, totalTicks: ticks.reduce((sum, one) => sum + one, 0) };
}
