import { statfsSync } from "node:fs";
import type { DoctorVisit, Finding } from "myna";

const MB = 1_000_000;

/** Left for a user that is not root on the system's disk, megabytes. */
export function freeMb(path: DoctorVisit["path"]): number {
  const { bavail, bsize } = statfsSync(path("/"));
  return Math.round((bavail * bsize) / MB);
}

/** Whether the disk has room for logs, updates and what the robot keeps. */
export function checkDisk({ path }: Pick<DoctorVisit, "path">, leastMb: number): Finding {
  const name = "disk";
  const leftMb = freeMb(path);
  const message = `${leftMb} MB left`;
  if (leftMb >= leastMb) return { name, state: "ok", message };
  const fix =
    "sudo journalctl --vacuum-size=100M; sudo apt clean; see what is large: sudo du -xh / | sort -h | tail";
  return { name, state: "failed", message: `${message}, less than ${leastMb}`, fix };
}
