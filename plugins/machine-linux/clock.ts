import { existsSync } from "node:fs";
import type { DoctorVisit, Finding } from "myna";

/** A Raspberry Pi has no clock of its own: without the network it begins where it was switched off, or in the past. */
const BUILT_MS = Date.UTC(2026, 0, 1);
const SYNCHRONIZED = "/run/systemd/timesync/synchronized";
const FIX = "sudo timedatectl set-ntp true; it needs the network";

/** Whether the clock is right: certificates and keys are refused where it is not. */
export async function checkClock(
  { path, run }: Pick<DoctorVisit, "path" | "run">,
  nowMs: number = Date.now(),
): Promise<Finding> {
  const name = "clock";
  const now = new Date(nowMs).toISOString().slice(0, 16).replace("T", " ");
  if (nowMs < BUILT_MS)
    return {
      name,
      state: "failed",
      message: `it is not ${now}: servers' certificates are refused`,
      fix: FIX,
    };
  if (existsSync(path(SYNCHRONIZED))) return { name, state: "ok", message: `${now} UTC, set by the network` };
  const told = await run(["timedatectl", "show", "--property=NTPSynchronized", "--value"]);
  if (told?.text === "yes") return { name, state: "ok", message: `${now} UTC, set by the network` };
  if (told?.text === "no")
    return { name, state: "warning", message: `${now} UTC, not set by the network`, fix: FIX };
  return { name, state: "not_here", message: `${now} UTC; who sets it is not known here` };
}
