import { existsSync } from "node:fs";
import { commandText } from "myna";
import type { DoctorVisit, Finding } from "myna";
import type { DriveConfig } from "./config.ts";
import { findOwners } from "./motion/robot-lock.ts";
import { runFolders } from "./motion/run-folder.ts";

/** Keys that `bun run calibrate` writes. */
const CALIBRATED = ["steering_offset_deg", "left_motor_sign", "right_motor_sign"] as const;

/** Who drives at the moment, and whether the car was calibrated. */
export function checkDrive({ config, env, path }: DoctorVisit<DriveConfig>): Finding[] {
  const owners = findOwners(runFolders(env).map((folder) => path(folder)));
  const driven = owners.map(({ owner, pid }) => `${owner} (motion process ${pid})`).join(", ");
  return [
    {
      ...{ name: "motion process", state: "ok" },
      message: driven === "" ? "nobody drives at the moment" : `driven by ${driven}`,
    },
    calibration(config, path),
  ];
}

function calibration(config: DriveConfig, path: DoctorVisit["path"]): Finding {
  const name = "calibration";
  const lacking = CALIBRATED.filter((key) => config[key] === undefined);
  if (lacking.length === 0) return { name, state: "ok", message: "of this robot, from its profile" };
  const vendor = existsSync(path(config.calibration_file));
  if (!vendor && !existsSync(path("/proc/device-tree/model"))) {
    const message = "none in the profile, and no Raspberry Pi here; simulated wheels need none";
    return { name, state: "not_here", message };
  }
  const message = vendor
    ? `as SunFounder's tools left it in ${config.calibration_file}`
    : "none: it drives as other people's cars do, and not straight";
  const fix = commandText("calibrate --profile pi4-picar", { writes: true });
  return { name, state: vendor ? "ok" : "warning", message, fix };
}
