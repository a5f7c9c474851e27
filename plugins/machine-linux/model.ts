import { readFileSync } from "node:fs";
import type { DoctorVisit, Finding } from "myna";

/** Which computer it is, by the device tree. */
export function checkModel({ path }: Pick<DoctorVisit, "path">): Finding {
  const name = "computer";
  let model: string;
  try {
    model = readFileSync(path("/proc/device-tree/model"), "utf8").replaceAll("\0", "").trim();
  } catch {
    return { name, state: "not_here", message: "no device tree: not a Raspberry Pi" };
  }
  if (/^Raspberry Pi (4|5|Compute Module [45]|400|500)/.test(model))
    return { name, state: "ok", message: model };
  const message = `${model}: Myna is made for a Raspberry Pi 4; on a slower one expect gaps in speech`;
  return { name, state: "warning", message, fix: "use a Raspberry Pi 4 or newer, with a 64-bit system" };
}
