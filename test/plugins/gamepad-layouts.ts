import { checkSum } from "../../plugins/gamepad-hid/layouts.ts";

/** A report with these bytes set, by offset. */
export function report(length: number, bytes: Record<number, number | number[]>): Uint8Array {
  const data = new Uint8Array(length);
  for (const [at, value] of Object.entries(bytes)) data.set([value].flat(), Number(at));
  return data;
}

/** A DualShock 4 by cable: sticks at rest, `buttons` in bytes 5 to 7. */
export function dualshock(
  buttons: [number, number, number] = [8, 0, 0],
  sticks = [128, 128, 128, 128],
): Uint8Array {
  return report(64, { 0: 1, 1: sticks, 5: buttons });
}

/** A DualSense by cable. */
export function dualsense(
  buttons: [number, number, number] = [8, 0, 0],
  sticks = [128, 128, 128, 128],
): Uint8Array {
  return report(64, { 0: 1, 1: sticks, 8: buttons });
}

/** The report with the check sum that Sony's pads put behind it over Bluetooth. */
export function signed(bytes: Uint8Array, seed = 0xa1): Uint8Array {
  const sum = checkSum(seed, bytes.subarray(0, bytes.length - 4));
  new DataView(bytes.buffer).setUint32(bytes.length - 4, sum, true);
  return bytes;
}
