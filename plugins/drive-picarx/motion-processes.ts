import { readFileSync, readdirSync } from "node:fs";

/** A process by its number in /proc. */
const PID = /^\d+$/;

/**
 * The motion processes of this machine by the system's own list: also those that could leave no file of themselves. Where
 * `env` has a `MYNA_RUN_FOLDER` or none, only those count that were started with the same.
 */
export function motionProcesses(env: Readonly<Record<string, string | undefined>>): number[] {
  const own = env["MYNA_RUN_FOLDER"] ?? "";
  return readdirSync("/proc")
    .filter((name) => PID.test(name))
    .map(Number)
    .filter((pid) => isMotionProcess(pid) && (runFolderOf(pid) ?? own) === own);
}

function isMotionProcess(pid: number): boolean {
  const [program, script] = read(pid, "cmdline")?.split("\0") ?? [];
  return /(^|\/)bun[^/]*$/.test(program ?? "") && /\/drive-picarx\/motion\/main\.ts$/.test(script ?? "");
}

/** Undefined for a process of somebody else, whose environment is not ours to read. */
function runFolderOf(pid: number): string | undefined {
  const line = read(pid, "environ")
    ?.split("\0")
    .find((one) => one.startsWith("MYNA_RUN_FOLDER="));
  return read(pid, "environ") === undefined ? undefined : (line?.slice("MYNA_RUN_FOLDER=".length) ?? "");
}

/** True for a process that runs or may run again; a dead one that nobody has taken leave of is none. */
export function isRunning(pid: number): boolean {
  return /^\d+ \(.*\) [^ZX]/s.test(read(pid, "stat") ?? "");
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
