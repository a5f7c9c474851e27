import type { DoctorVisit, Finding } from "myna";

const UNIT = "myna.service";
const PROPERTIES = "LoadState,UnitFileState,ActiveState,SubState,Result,NRestarts,WatchdogUSec";

/** How the robot's service does, and whether somebody watches that it lives. */
export async function checkUnit({ run }: Pick<DoctorVisit, "run">): Promise<Finding[]> {
  const name = UNIT;
  const told = await run(["systemctl", "show", UNIT, `--property=${PROPERTIES}`]);
  if (!told || told.code !== 0)
    return [{ name, state: "not_here", message: "systemd does not run this computer" }];
  const unit = Object.fromEntries(told.text.split("\n").map((line) => line.split(/=(.*)/).slice(0, 2)));
  if (unit["LoadState"] !== "loaded")
    return [{ name, state: "not_here", message: "not installed", fix: "sudo deploy/install.sh" }];
  const state = `${unit["ActiveState"]} (${unit["SubState"]}), restarts: ${unit["NRestarts"]}`;
  return [activity(unit, state), watchdog(unit["WatchdogUSec"] ?? "")];
}

function activity(unit: Record<string, string | undefined>, state: string): Finding {
  const name = UNIT;
  const log = "journalctl -u myna -n 50; sudo systemctl restart myna";
  if (unit["ActiveState"] === "failed")
    return { name, state: "failed", message: `${state}: ${unit["Result"]}`, fix: log };
  if (Number(unit["NRestarts"]) > 0)
    return { name, state: "warning", message: state, fix: `why it was started again: ${log.split(";")[0]}` };
  if (unit["UnitFileState"] === "disabled") {
    const fix = "sudo systemctl enable --now myna";
    return { name, state: "warning", message: `${state}; not started with the computer`, fix };
  }
  return { name, state: "ok", message: state };
}

function watchdog(limit: string): Finding {
  const name = "watchdog";
  if (limit !== "" && limit !== "0" && limit !== "infinity")
    return { name, state: "ok", message: `a runtime that hangs is started again after ${limit}` };
  const message = "nobody notices a runtime that hangs";
  return { name, state: "warning", message, fix: "sudo deploy/install.sh writes the unit anew" };
}
