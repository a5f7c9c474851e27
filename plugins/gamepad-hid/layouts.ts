import { pressed, pressedHat } from "./pad-state.ts";
import type { Button, PadState } from "./pad-state.ts";

/** How the pad is connected, as its reports tell: what is written to it differs. */
export type Wire = "usb" | "bluetooth";

/** A report understood; "other" is one of the pad's that says nothing about sticks; "garbage" is none of the pad's. */
export type Report = { state: PadState; wire: Wire } | "other" | "garbage";

/** A kind of gamepad. */
export interface Layout {
  name: string;
  vendorId: number;
  productIds: readonly number[];
  /** It reports all the time: silence means that it is gone. */
  streams: boolean;
  parse(report: Uint8Array): Report;
}

const SHOULDERS: readonly Button[] = ["l1", "r1", "l2", "r2", "select", "start", "l3", "r3"];
const CRC_BYTES = 4;
/** Goes into the check sum before an input report of a Sony pad over Bluetooth (linux, hid-playstation.c). */
const INPUT_SEED = 0xa1;

/** Sony DualShock 4 (SDL_hidapi_ps4.c). */
const DUALSHOCK4: Layout = {
  name: "DualShock 4",
  vendorId: 0x054c,
  productIds: [0x05c4, 0x09cc, 0x0ba0],
  streams: true,
  parse(report) {
    if (report[0] === 0x01 && report.length >= 10)
      return { state: dualshock(report, 1), wire: report.length >= 64 ? "usb" : "bluetooth" };
    if (report[0] === 0x11)
      return isWhole(report) ? { state: dualshock(report, 3), wire: "bluetooth" } : "garbage";
    return "garbage";
  },
};

/** Sony DualSense and Edge (linux, hid-playstation.c; SDL_hidapi_ps5.c). */
const DUALSENSE: Layout = {
  name: "DualSense",
  vendorId: 0x054c,
  productIds: [0x0ce6, 0x0df2],
  streams: true,
  parse(report) {
    if (report[0] === 0x01 && report.length >= 64) return { state: dualsense(report, 1), wire: "usb" };
    if (report[0] === 0x01 && report.length >= 10) return { state: dualshock(report, 1), wire: "bluetooth" };
    if (report[0] === 0x31)
      return isWhole(report) ? { state: dualsense(report, 2), wire: "bluetooth" } : "garbage";
    return "garbage";
  },
};

/** Microsoft's pads over Bluetooth (SDL_hidapi_xboxone.c; xpadneo, docs/descriptors/xb1s_linux.md). By cable the kernel speaks to them. */
const XBOX: Layout = {
  name: "Xbox Wireless Controller",
  vendorId: 0x045e,
  productIds: [0x02e0, 0x02fd, 0x0b05, 0x0b13, 0x0b20],
  streams: false,
  parse(report) {
    if (report[0] === 0x01 && report.length >= 16) return { state: xbox(report), wire: "bluetooth" };
    // Guide button of old firmware, battery.
    return report[0] === 0x02 || report[0] === 0x04 ? "other" : "garbage";
  },
};

/** Gamepads whose reports are known. */
export const LAYOUTS: readonly Layout[] = [DUALSHOCK4, DUALSENSE, XBOX];

function dualshock(report: Uint8Array, at: number): PadState {
  const buttons = new Set<Button>();
  faces(report[at + 4]!, buttons);
  pressed(report[at + 5]!, SHOULDERS, buttons);
  pressed(report[at + 6]!, ["home", "touchpad"], buttons);
  return { ...sticks(report, at), buttons };
}

function dualsense(report: Uint8Array, at: number): PadState {
  const buttons = new Set<Button>();
  faces(report[at + 7]!, buttons);
  pressed(report[at + 8]!, SHOULDERS, buttons);
  pressed(report[at + 9]!, ["home", "touchpad", "mute"], buttons);
  return { ...sticks(report, at), buttons };
}

function faces(byte: number, buttons: Set<Button>): void {
  pressedHat(byte & 15, buttons);
  pressed(byte >> 4, ["west", "south", "east", "north"], buttons);
}

function sticks(report: Uint8Array, at: number): Omit<PadState, "buttons"> {
  const axis = (offset: number) => Math.max(-1, (report[at + offset]! - 128) / 127);
  return { leftX: axis(0), leftY: -axis(1), rightX: axis(2), rightY: -axis(3) };
}

function xbox(report: Uint8Array): PadState {
  const data = new DataView(report.buffer, report.byteOffset, report.length);
  const axis = (at: number) => Math.max(-1, (data.getUint16(at, true) - 0x8000) / 0x7fff);
  const buttons = new Set<Button>();
  const trigger = (at: number) => data.getUint16(at, true) > 511;
  if (trigger(9)) buttons.add("l2");
  if (trigger(11)) buttons.add("r2");
  pressedHat(report[13]! - 1, buttons);
  // Firmware of before 2019 sends one byte less and no gaps between the buttons.
  if (report.length === 16) {
    pressed(report[14]!, ["south", "east", "west", "north", "l1", "r1", "select", "start"], buttons);
    pressed(report[15]!, ["l3", "r3"], buttons);
  } else {
    pressed(report[14]!, ["south", "east", "", "west", "north", "", "l1", "r1"], buttons);
    pressed(report[15]!, ["", "", "select", "start", "home", "l3", "r3"], buttons);
  }
  return { leftX: axis(1), leftY: -axis(3), rightX: axis(5), rightY: -axis(7), buttons };
}

/** A long report over Bluetooth carries a check sum of itself in its last four bytes. */
function isWhole(report: Uint8Array): boolean {
  if (report.length !== 78) return false;
  const end = report.length - CRC_BYTES;
  const told = new DataView(report.buffer, report.byteOffset, report.length).getUint32(end, true);
  return told === checkSum(INPUT_SEED, report.subarray(0, end));
}

/** CRC-32 over a byte that is not sent, and the report. */
export function checkSum(seed: number, report: Uint8Array): number {
  const bytes = new Uint8Array(report.length + 1);
  bytes[0] = seed;
  bytes.set(report, 1);
  return Bun.hash.crc32(bytes);
}
