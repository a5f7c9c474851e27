import type { DoctorVisit, Finding } from "myna";
import { NAMES, candidates } from "./device.ts";

/** Whether there is a USB camera of that name, and the program that reads it; it is not opened. */
export async function checkCamera({
  config: { device, program },
  path,
  run,
}: DoctorVisit<{ device: string; program: string }>): Promise<Finding[]> {
  const name = "camera";
  if (!(await run([program, "--version"]))) {
    const message = `${program} is not installed`;
    return [{ name, state: "failed", message, fix: "sudo apt install v4l-utils" }];
  }
  const found = candidates(device, path(NAMES));
  if (found.length > 0) return [{ name, state: "ok", message: found.join(", ") }];
  const what = device === "auto" ? "no USB camera" : `no camera "${device}"`;
  const fix = "plug it in; which there are: v4l2-ctl --list-devices";
  return [{ name, state: "failed", message: `there is ${what}`, fix }];
}
