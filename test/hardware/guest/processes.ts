import { readFileSync, readdirSync } from "node:fs";

/** The motion processes of this machine that have not ended. */
export function motionPids(): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      if (!readFileSync(`/proc/${name}/cmdline`, "utf8").includes("motion/main.ts")) return [];
      return /\) Z/.test(readFileSync(`/proc/${name}/stat`, "utf8")) ? [] : [Number(name)];
    } catch {
      return [];
    }
  });
}
