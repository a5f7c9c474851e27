import { checkSum } from "./layouts.ts";
import type { Layout, Wire } from "./layouts.ts";

/** What the lights of a pad show. */
export interface Feedback {
  muted: boolean;
  /** Nothing moves until the stop is released. */
  latched: boolean;
  talking: boolean;
}

/** Goes into the check sum before an output report over Bluetooth (linux, hid-playstation.c). */
const OUTPUT_SEED = 0xa2;
const RED = [255, 0, 0] as const;
const AMBER = [255, 80, 0] as const;
const GREEN = [0, 255, 0] as const;
const BLUE = [0, 0, 64] as const;

/** The output report for a pad with lights; undefined for others. */
export function lightReport(layout: Layout, wire: Wire, feedback: Feedback): Uint8Array | undefined {
  const { muted, latched, talking } = feedback;
  const color = latched ? RED : muted ? AMBER : talking ? GREEN : BLUE;
  if (layout.name === "DualSense") return dualsense(wire, muted, color);
  return layout.name === "DualShock 4" ? dualshock(wire, color) : undefined;
}

/** dualsense_output_report_common at 1 (USB, id 0x02) or 3 (Bluetooth, id 0x31). */
function dualsense(wire: Wire, muted: boolean, color: readonly number[]): Uint8Array {
  const report = new Uint8Array(wire === "usb" ? 63 : 78);
  const at = wire === "usb" ? 1 : 3;
  report[0] = wire === "usb" ? 0x02 : 0x31;
  if (wire === "bluetooth") report[2] = 0x10;
  // Mute light and light bar are set, nothing else.
  report[at + 1] = 0x01 | 0x04;
  report[at + 8] = muted ? 1 : 0;
  report.set(color, at + 44);
  return wire === "usb" ? report : signed(report);
}

/** dualshock4_output_report_common at 1 (USB, id 0x05) or 3 (Bluetooth, id 0x11). */
function dualshock(wire: Wire, color: readonly number[]): Uint8Array {
  const report = new Uint8Array(wire === "usb" ? 32 : 78);
  const at = wire === "usb" ? 1 : 3;
  report[0] = wire === "usb" ? 0x05 : 0x11;
  // Over Bluetooth: a report with a check sum follows.
  if (wire === "bluetooth") report[1] = 0xc0;
  report[at] = 0x02;
  report.set(color, at + 5);
  return wire === "usb" ? report : signed(report);
}

function signed(report: Uint8Array): Uint8Array {
  const end = report.length - 4;
  new DataView(report.buffer).setUint32(end, checkSum(OUTPUT_SEED, report.subarray(0, end)), true);
  return report;
}
