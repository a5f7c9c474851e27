import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder in memory where the system has one. */
const MEMORY = "/dev/shm";
const FOLDER = /^myna-hat-(\d+)-/;

/**
 * The path of a new simulated HAT of this process. Those of processes that died without {@link removeHatFile} go with it:
 * whoever still has one mapped keeps it.
 */
export function makeHatFile(): string {
  const parent = existsSync(MEMORY) ? MEMORY : tmpdir();
  for (const name of readdirSync(parent)) {
    const pid = Number(FOLDER.exec(name)?.[1]);
    if (pid && !isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  return join(mkdtempSync(join(parent, `myna-hat-${process.pid}-`)), "hat");
}

/** Removes a file of {@link makeHatFile}. */
export function removeHatFile(path: string): void {
  rmSync(dirname(path), { recursive: true, force: true });
}

/** Also of a process that is not ours; a dead one that nobody has taken leave of holds nothing any more. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
