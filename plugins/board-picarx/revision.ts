import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BoardRevision } from "myna";

export { BOARD_LINES } from "myna";

/** The EEPROM of Robot HAT V5 names itself so; V4 has none (robot-hat 2.5, device.py). */
const V5_UUID = "9daeea78-0000-076e-0032-582369ac3e02";

/** Which board the device tree tells of; a board of "type1" tells nothing and counts as v4. */
export function detectRevision(deviceTree: string): BoardRevision {
  let names: string[];
  try {
    names = readdirSync(deviceTree);
  } catch {
    return "v4";
  }
  const uuids = names
    .filter((name) => name.includes("hat"))
    .map((name) => {
      try {
        return readFileSync(join(deviceTree, name, "uuid"), "utf8")
          .replaceAll("\0", "")
          .trim();
      } catch {
        return "";
      }
    });
  return uuids.includes(V5_UUID) ? "v5" : "v4";
}
