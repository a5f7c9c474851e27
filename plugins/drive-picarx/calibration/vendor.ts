import { existsSync, readFileSync } from "node:fs";
import type { CalibrationStep } from "myna";
import type { DriveConfig } from "../config.ts";
import { parseVendorCalibration } from "../vendor-calibration.ts";

/** Offers what SunFounder's tools measured. */
export const vendorStep: CalibrationStep<DriveConfig> = {
  title: "take over what SunFounder's calibration tools found, where they were used",
  async run({ config, say, choose, set }) {
    const path = config.calibration_file;
    if (!existsSync(path)) return say(`There is no ${path}: nothing to take over.`);
    const { steeringDeg, panDeg, tiltDeg, motors, cliff } = parseVendorCalibration(
      readFileSync(path, "utf8"),
    );
    const keys = {
      ...(steeringDeg !== undefined && { steering_offset_deg: steeringDeg }),
      ...(panDeg !== undefined && { pan_offset_deg: panDeg }),
      ...(tiltDeg !== undefined && { tilt_offset_deg: tiltDeg }),
      ...(motors && { left_motor_sign: motors[0], right_motor_sign: motors[1] }),
      ...(cliff && { cliff_reference: cliff }),
    };
    if (Object.keys(keys).length === 0) return say(`${path} has nothing that can be read.`);
    say(`${path} says:`);
    for (const [key, value] of Object.entries(keys)) say(`  ${key} = ${JSON.stringify(value)}`);
    if ((await choose("Take it over? The steps that follow then begin with it.", ["y", "n"])) === "y")
      set(keys);
  },
};
