import { closeSync, constants, openSync, readSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AT_REST } from "./pad-state.ts";
import type { Button, PadState } from "./pad-state.ts";
import type { Pad, PadEvents } from "./pad.ts";

/** struct js_event (linux/joystick.h): time u32, value s16, type u8, number u8. */
const EVENT_BYTES = 8;
const TYPE_BUTTON = 1;
const TYPE_AXIS = 2;
/** Set in events that tell how things were when the device was opened. */
const TYPE_INITIAL = 0x80;
const EVENTS_AT_ONCE = 64;
const FULL_SCALE = 32_767;

/** Numbers of the kernel's xpad driver, which most pads that it knows share. */
const XPAD_BUTTONS: readonly Button[] = [
  ...(["south", "east", "west", "north", "l1", "r1", "select", "start", "home", "l3", "r3"] as const),
];
const XPAD_AXES = { leftX: 0, leftY: 1, l2: 2, rightX: 3, rightY: 4, r2: 5, hatX: 6, hatY: 7 };

/** The first joystick of `folder` (/dev/input), opened; undefined where there is none. */
export function openJoystick(folder: string, events: PadEvents): Pad | undefined {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  for (const name of names.filter((one) => /^js\d+$/.test(one)).sort()) {
    try {
      const fd = openSync(join(folder, name), constants.O_RDONLY | constants.O_NONBLOCK);
      return new JoystickPad(`joystick ${name}`, fd, events);
    } catch {
      // Another may be ours to open.
    }
  }
  return undefined;
}

/** A pad as the kernel sees it, through its joystick device: any pad that the kernel has a driver for. */
class JoystickPad implements Pad {
  readonly name: string;
  readonly streams = false;
  readonly polled = true;
  readonly #fd: number;
  readonly #events: PadEvents;
  readonly #bytes = new Uint8Array(EVENT_BYTES * EVENTS_AT_ONCE);
  readonly #axes = new Map<number, number>();
  readonly #buttons = new Map<number, boolean>();
  #begun = false;
  #closed = false;

  constructor(name: string, fd: number, events: PadEvents) {
    this.name = name;
    this.#fd = fd;
    this.#events = events;
  }

  poll(): void {
    if (this.#closed) return;
    let length: number;
    try {
      length = readSync(this.#fd, this.#bytes);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EAGAIN") this.#begin();
      else this.#events.lost(code ?? String(error));
      return;
    }
    if (length === 0) return this.#events.lost("it ended");
    const data = new DataView(this.#bytes.buffer);
    let at = 0;
    for (; at + EVENT_BYTES <= length; at += EVENT_BYTES) {
      const flags = data.getUint8(at + 6);
      const type = flags & ~TYPE_INITIAL;
      if (type === flags) this.#begin();
      const value = data.getInt16(at + 4, true);
      const number = data.getUint8(at + 7);
      if (type === TYPE_AXIS) this.#axes.set(number, value);
      else if (type === TYPE_BUTTON && (value === 0 || value === 1)) this.#buttons.set(number, value === 1);
      else return this.#events.garbage();
      // One by one: a button that was pressed and let go between two polls was pressed.
      if (this.#begun) this.#events.state(this.#state());
    }
    if (at !== length) return this.#events.garbage();
    this.#begin();
  }

  show(): void {}

  /** Tells first how things were when it was opened. */
  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#events.state(this.#state());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  #state(): PadState {
    const axis = (number: number) => Math.max(-1, (this.#axes.get(number) ?? 0) / FULL_SCALE);
    const buttons = new Set<Button>();
    XPAD_BUTTONS.forEach((name, number) => this.#buttons.get(number) && buttons.add(name));
    if ((this.#axes.get(XPAD_AXES.l2) ?? -FULL_SCALE) > 0) buttons.add("l2");
    if ((this.#axes.get(XPAD_AXES.r2) ?? -FULL_SCALE) > 0) buttons.add("r2");
    if (axis(XPAD_AXES.hatX) < -0.5) buttons.add("left");
    if (axis(XPAD_AXES.hatX) > 0.5) buttons.add("right");
    if (axis(XPAD_AXES.hatY) < -0.5) buttons.add("up");
    if (axis(XPAD_AXES.hatY) > 0.5) buttons.add("down");
    return {
      ...AT_REST,
      leftX: axis(XPAD_AXES.leftX),
      leftY: -axis(XPAD_AXES.leftY),
      rightX: axis(XPAD_AXES.rightX),
      rightY: -axis(XPAD_AXES.rightY),
      buttons,
    };
  }
}
