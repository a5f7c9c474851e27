import { dlopen, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { setPriority } from "node:os";

/** sched(7); the lowest of its priorities is above every ordinary program's. */
const SCHED_RR = 2;
const REAL_TIME = 1;
/** Where real time is not granted. */
const NICE = -10;

/**
 * Has this process run before other programs as soon as it has something to do: all of its threads, as the one that collects
 * garbage keeps the others waiting, and those that they start. Takes root or LimitRTPRIO= of systemd, or less well LimitNICE=;
 * without the right to either nothing changes.
 */
export function runBeforeOthers(): void {
  if (process.platform === "linux" && runInRealTime()) return;
  try {
    setPriority(NICE);
  } catch {
    // Only root may.
  }
}

function runInRealTime(): boolean {
  const { symbols, close } = dlopen("libc.so.6", {
    sched_setscheduler: { args: ["i32", "i32", "ptr"], returns: "i32" },
  });
  const priority = Int32Array.of(REAL_TIME);
  const granted = readdirSync("/proc/self/task").map(
    (thread) => symbols.sched_setscheduler(Number(thread), SCHED_RR, ptr(priority)) === 0,
  );
  close();
  return granted.some(Boolean);
}
