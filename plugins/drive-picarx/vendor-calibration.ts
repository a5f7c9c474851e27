/** What SunFounder's calibration tools keep in /opt/picar-x/picar-x.conf; only what the file has. */
export interface VendorCalibration {
  steeringDeg?: number;
  panDeg?: number;
  tiltDeg?: number;
  motors?: [1 | -1, 1 | -1];
  cliff?: [number, number, number];
}

/**
 * Reads the lines `name = value`. What is malformed is left out: the file was written by a program that can leave half a
 * line behind, and a default drives better than nothing.
 */
export function parseVendorCalibration(text: string): VendorCalibration {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\s*(\w+)\s*=\s*(.+?)\s*$/.exec(line.replace(/#.*/, ""));
    if (match) values.set(match[1]!, match[2]!);
  }
  const angle = (name: string): number | undefined => {
    const value = Number(values.get(name) ?? NaN);
    return Math.abs(value) <= 20 ? value : undefined;
  };
  const list = (name: string): number[] => {
    const numbers =
      /^\[(.*)\]$/
        .exec(values.get(name) ?? "")?.[1]
        ?.split(",")
        .map(Number) ?? [];
    return numbers.every(Number.isFinite) ? numbers : [];
  };
  const [left, right] = list("picarx_dir_motor");
  const cliff = list("cliff_reference");
  const [steeringDeg, panDeg, tiltDeg] = ["dir_servo", "cam_pan_servo", "cam_tilt_servo"].map((name) =>
    angle(`picarx_${name}`),
  );
  return {
    ...(steeringDeg !== undefined && { steeringDeg }),
    ...(panDeg !== undefined && { panDeg }),
    ...(tiltDeg !== undefined && { tiltDeg }),
    ...(isSign(left) && isSign(right) && { motors: [left, right] }),
    ...(cliff.length === 3 &&
      cliff.every((value) => value >= 0 && value <= 4095) && { cliff: cliff as [number, number, number] }),
  };
}

function isSign(value: number | undefined): value is 1 | -1 {
  return value === 1 || value === -1;
}
