import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BoardLines, BoardRevision } from "myna";

/** The EEPROM of Robot HAT V5 names itself so; V4 has none (robot-hat 2.5, device.py). */
const V5_UUID = "9daeea78-0000-076e-0032-582369ac3e02";

const V4: BoardLines = {
  motorReset: 5,
  leftDirection: 23,
  rightDirection: 24,
  ultrasonicTrigger: 27,
  ultrasonicEcho: 22,
  led: 26,
  userButton: 25,
  resetButton: 16,
  speakerEnable: 20,
};

/** BCM numbers by role on each board (robot-hat 2.5, device.py and pin.py; type1: its main branch, pin.py, `_dict_1`). */
export const BOARD_LINES: Readonly<Record<BoardRevision, Readonly<BoardLines>>> = {
  v4: V4,
  v5: { ...V4, leftDirection: null, rightDirection: null, speakerEnable: 12 },
  type1: { ...V4, motorReset: 21, userButton: 19 },
};

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
