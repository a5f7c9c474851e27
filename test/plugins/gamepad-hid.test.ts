import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import type { Body, BodyState, Drive, Head, HidLibrary } from "../../core/index.ts";
import { lightReport } from "../../plugins/gamepad-hid/feedback.ts";
import { openHidPad } from "../../plugins/gamepad-hid/hid-pad.ts";
import { LAYOUTS } from "../../plugins/gamepad-hid/layouts.ts";
import type { PadState } from "../../plugins/gamepad-hid/pad-state.ts";
import { AT_REST } from "../../plugins/gamepad-hid/pad-state.ts";
import { Teleop } from "../../plugins/gamepad-hid/teleop.ts";
import { until } from "../fixtures/hat-robot.ts";
import { JoystickPipe } from "../fixtures/joystick-pipe.ts";
import { startTestRobot } from "../kit/index.ts";
import { dualsense, dualshock, report, signed } from "./gamepad-layouts.ts";

const [DUALSHOCK4, DUALSENSE, XBOX] = LAYOUTS as [
  (typeof LAYOUTS)[0],
  (typeof LAYOUTS)[0],
  (typeof LAYOUTS)[0],
];

function parsed(layout: (typeof LAYOUTS)[0], bytes: Uint8Array): PadState {
  const found = layout.parse(bytes);
  if (typeof found === "string") throw new Error(`parsed as ${found}`);
  return found.state;
}

function names(state: PadState): string {
  return [...state.buttons].sort().join(" ");
}

describe("reports of a DualShock 4", () => {
  test("have each button in its place", () => {
    const faces = [0x18, 0x28, 0x48, 0x88].map((byte) => names(parsed(DUALSHOCK4, dualshock([byte, 0, 0]))));
    expect(faces).toEqual(["west", "south", "east", "north"]);
    const shoulders = [1, 2, 4, 8, 16, 32, 64, 128].map((byte) =>
      names(parsed(DUALSHOCK4, dualshock([8, byte, 0]))),
    );
    expect(shoulders).toEqual(["l1", "r1", "l2", "r2", "select", "start", "l3", "r3"]);
    // The upper six bits of the third byte count reports.
    expect(names(parsed(DUALSHOCK4, dualshock([8, 0, 0xfd])))).toBe("home");
    expect(names(parsed(DUALSHOCK4, dualshock([8, 0, 2])))).toBe("touchpad");
  });

  test("have eight directions and none", () => {
    const hats = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((hat) => names(parsed(DUALSHOCK4, dualshock([hat, 0, 0]))));
    expect(hats).toEqual([
      ...["up", "right up", "right", "down right", "down", "down left", "left", "left up", ""],
    ]);
  });

  test("have sticks with right and up positive, at rest zero, never beyond one", () => {
    const state = parsed(DUALSHOCK4, dualshock([8, 0, 0], [255, 0, 0, 255]));
    expect([state.leftX, state.rightX, state.rightY]).toEqual([1, -1, -1]);
    expect(state.leftY).toBe(1);
    const { leftX, leftY, rightX, rightY } = parsed(DUALSHOCK4, dualshock());
    expect([leftX, leftY, rightX, rightY].map(Math.abs)).toEqual([0, 0, 0, 0]);
  });

  test("are shorter over Bluetooth, or longer with a check sum that has to be right", () => {
    const short = report(10, { 0: 1, 1: [128, 0, 128, 128], 5: [8, 1, 0] });
    expect(DUALSHOCK4.parse(short)).toMatchObject({ wire: "bluetooth", state: { leftY: 1 } });
    const long = signed(report(78, { 0: 0x11, 1: [0xc0, 0], 3: [128, 0, 128, 128, 8, 1, 0] }));
    expect(DUALSHOCK4.parse(long)).toMatchObject({ wire: "bluetooth", state: { leftY: 1 } });
    expect(names(parsed(DUALSHOCK4, long))).toBe("l1");
    long[4] = 255;
    expect(DUALSHOCK4.parse(long)).toBe("garbage");
    expect(DUALSHOCK4.parse(long.subarray(0, 30))).toBe("garbage");
    expect(DUALSHOCK4.parse(new Uint8Array())).toBe("garbage");
  });
});

test("reports of a DualSense have the triggers before the buttons, and a mute button", () => {
  expect(names(parsed(DUALSENSE, dualsense([0x28, 3, 4])))).toBe("l1 mute r1 south");
  const long = signed(report(78, { 0: 0x31, 1: 0x10, 2: [128, 128, 255, 128], 9: [0x88, 1, 1] }));
  expect(DUALSENSE.parse(long)).toMatchObject({ wire: "bluetooth", state: { rightX: 1 } });
  expect(names(parsed(DUALSENSE, long))).toBe("home l1 north");
  const short = report(10, { 0: 1, 1: [0, 128, 128, 128], 5: [0x48, 0, 0] });
  expect(parsed(DUALSENSE, short)).toMatchObject({ leftX: -1 });
  expect(names(parsed(DUALSENSE, short))).toBe("east");
});

test("reports of an Xbox pad have 16-bit sticks, and other gaps between the buttons with old firmware", () => {
  const at = { 0: 1, 1: [0, 0x80], 3: [0, 0], 5: [0xff, 0xff], 7: [0, 0x80], 9: [0xff, 3] };
  const now = report(17, { ...at, 13: 1, 14: [0x01 | 0x40, 0x10] });
  expect(parsed(XBOX, now)).toMatchObject({ leftX: 0, leftY: 1, rightX: 1 });
  expect(names(parsed(XBOX, now))).toBe("home l1 l2 south up");
  const old = report(16, { ...at, 13: 0, 14: [0x04 | 0x20, 0x01] });
  expect(names(parsed(XBOX, old))).toBe("l2 l3 r1 west");
  expect(XBOX.parse(report(2, { 0: 4 }))).toBe("other");
  expect(XBOX.parse(report(9, { 0: 1 }))).toBe("garbage");
});

test("lights are written as the pads take them, with the check sum over Bluetooth", () => {
  const feedback = { muted: true, latched: false, talking: false };
  const usb = lightReport(DUALSENSE, "usb", feedback)!;
  expect(usb.length).toBe(63);
  expect([usb[0], usb[2], usb[9], ...usb.subarray(45, 48)]).toEqual([0x02, 0x05, 1, 255, 80, 0]);
  const air = lightReport(DUALSENSE, "bluetooth", { ...feedback, muted: false })!;
  expect([air.length, air[0], air[2], air[4], air[11]]).toEqual([78, 0x31, 0x10, 0x05, 0]);
  expect(air).toEqual(signed(air.slice(), 0xa2));
  const four = lightReport(DUALSHOCK4, "usb", { ...feedback, latched: true })!;
  expect([four.length, four[0], four[1], ...four.subarray(6, 9)]).toEqual([32, 0x05, 0x02, 255, 0, 0]);
  const fourAir = lightReport(DUALSHOCK4, "bluetooth", { muted: false, latched: false, talking: true })!;
  expect([fourAir.length, fourAir[0], fourAir[1], ...fourAir.subarray(8, 11)]).toEqual([
    78, 0x11, 0xc0, 0, 255, 0,
  ]);
  expect(fourAir).toEqual(signed(fourAir.slice(), 0xa2));
  expect(lightReport(XBOX, "bluetooth", feedback)).toBeUndefined();
});

const SETTINGS = {
  ...({ deadMan: "l1", talk: "r1", mute: "mute", emergencyStop: "east", release: "start" } as const),
  ...{
    releaseMs: 1000,
    maxSpeedMps: 0.4,
    maxSteerDeg: 30,
    deadZone: 0.1,
    expo: 0.5,
    lookDegPerS: 100,
    silentMs: 500,
    stillMs: 2000,
  },
};

function state(
  buttons: PadState["buttons"] extends ReadonlySet<infer B> ? B[] : never,
  sticks: Partial<PadState> = {},
): PadState {
  return { ...AT_REST, ...sticks, buttons: new Set(buttons) };
}

describe("driving by the sticks", () => {
  let wishes: string[];
  let teleop: Teleop;
  beforeEach(() => {
    wishes = [];
    teleop = new Teleop(SETTINGS, (wish) => wishes.push(wish));
    teleop.update(AT_REST, 0);
  });

  test("needs the dead-man button, and letting go of it stops", () => {
    teleop.update(state([], { leftY: 1 }), 0);
    expect(teleop.tick(0, 0.05, false)).toBeUndefined();
    teleop.update(state(["l1"], { leftY: 1 }), 10);
    expect(teleop.tick(50, 0.05, false)).toMatchObject({ speedMps: 0.4 });
    teleop.update(state([], { leftY: 1 }), 60);
    expect(wishes).toEqual(["stop"]);
    expect(teleop.tick(100, 0.05, false)).toBeUndefined();
  });

  test("is finer in the middle, nothing in the dead zone, and left is positive", () => {
    const at = (leftX: number, leftY: number) => {
      teleop.update(state(["l1"], { leftX, leftY }), 0);
      return teleop.tick(0, 0.05, false)!;
    };
    expect(at(0.09, -0.09)).toMatchObject({ speedMps: 0 });
    expect(Math.abs(at(0.09, 0).steerDeg)).toBe(0);
    expect(at(1, -1)).toMatchObject({ speedMps: -0.4, steerDeg: -30 });
    expect(at(-1, 0).steerDeg).toBe(30);
    expect(at(0, 0.55).speedMps).toBeCloseTo(0.4 * (0.5 * 0.125 + 0.5 * 0.5), 6);
    // A stick beyond its way, or a number that is none.
    expect(at(0, 7).speedMps).toBe(0.4);
    expect(at(0, Number.NaN).speedMps).toBe(0);
  });

  test("ends with the stop button, and holding the dead-man button on does not begin it again", () => {
    teleop.update(state(["l1"], { leftY: 1 }), 0);
    teleop.update(state(["l1", "east"], { leftY: 1 }), 10);
    expect(wishes).toEqual(["emergency_stop"]);
    teleop.update(state(["l1"], { leftY: 1 }), 20);
    expect(teleop.tick(50, 0.05, false)).toBeUndefined();
    teleop.update(state([]), 30);
    teleop.update(state(["l1", "east"]), 40);
    expect(teleop.tick(100, 0.05, false)).toBeUndefined();
    expect(wishes).toEqual(["emergency_stop", "emergency_stop"]);
  });

  test("ends when a pad that reports all the time falls silent", () => {
    teleop.update(state(["l1"], { leftY: 1 }), 0);
    expect(teleop.tick(500, 0.05, true)).toMatchObject({ speedMps: 0.4 });
    expect(teleop.tick(501, 0.05, true)).toBeUndefined();
    expect(wishes).toEqual(["stop"]);
  });

  test("ends when one that tells changes only has told none for the time that is allowed, until the button is pressed anew", () => {
    const last: number[] = [];
    teleop.update(state(["l1"], { leftY: 1 }), 0);
    for (let ms = 0; ms <= 30_000; ms += 50) if (teleop.tick(ms, 0.05, false)) last.push(ms);
    expect(last.at(-1)).toBe(2000);
    expect(wishes).toEqual(["stop"]);
    teleop.update(state(["l1"], { leftY: 0.9 }), 30_000);
    expect(teleop.tick(30_000, 0.05, false)).toBeUndefined();
    teleop.update(state([], { leftY: 0.9 }), 30_010);
    teleop.update(state(["l1"], { leftY: 0.9 }), 30_020);
    expect(teleop.tick(30_050, 0.05, false)).toBeDefined();
  });

  test("ends with a stop, and a button that is held on does not begin it again", () => {
    teleop.update(state(["l1"], { leftY: 1 }), 0);
    teleop.stopped();
    teleop.update(state(["l1"], { leftY: 0.5 }), 10);
    expect(teleop.tick(50, 0.05, false)).toBeUndefined();
    expect(wishes).toEqual([]);
    teleop.update(state([], { leftY: 1 }), 60);
    teleop.update(state(["l1"], { leftY: 1 }), 70);
    expect(teleop.tick(100, 0.05, false)).toBeDefined();
  });

  test("ends, and talking with it, when the pad is lost", () => {
    teleop.update(state(["l1", "r1"], { leftY: 1 }), 0);
    teleop.drop();
    teleop.drop();
    expect(wishes).toEqual(["talk", "stop", "talk_end"]);
    expect(teleop.tick(50, 0.05, false)).toBeUndefined();
  });

  test("does not begin by a button that was held when the pad came back, but its stop button counts", () => {
    teleop.drop();
    teleop.update(state(["l1", "r1", "start"], { leftY: 1 }), 0);
    teleop.update(state(["l1", "r1", "start"], { leftY: 1 }), 10);
    expect(teleop.tick(5000, 0.05, false)).toBeUndefined();
    expect(wishes).toEqual([]);
    teleop.update(state([]), 5010);
    teleop.update(state(["l1"], { leftY: 1 }), 5020);
    expect(teleop.tick(5050, 0.05, false)).toMatchObject({ speedMps: 0.4 });
    teleop.drop();
    teleop.update(state(["east"]), 5060);
    expect(wishes).toEqual(["stop", "emergency_stop"]);
  });

  test("turns the head by the time that the stick is held", () => {
    teleop.update(state(["l1"], { rightX: 1, rightY: 1 }), 0);
    const { panDeg, tiltDeg } = teleop.tick(50, 0.05, false)!;
    expect(panDeg).toBeCloseTo(-5, 6);
    expect(tiltDeg).toBeCloseTo(5, 6);
  });

  test("is released by a button that is held, once", () => {
    teleop.update(state(["start"]), 0);
    teleop.tick(900, 0.05, false);
    expect(wishes).toEqual([]);
    teleop.tick(1000, 0.05, false);
    teleop.tick(3000, 0.05, false);
    expect(wishes).toEqual(["release"]);
    teleop.update(state([]), 3100);
    teleop.update(state(["start", "mute"]), 3200);
    teleop.update(state([]), 3300);
    teleop.tick(9000, 0.05, false);
    expect(wishes).toEqual(["release", "mute"]);
  });
});

describe("a pad of node-hid", () => {
  class Connection extends EventEmitter {
    written: Buffer[] = [];
    closed = false;
    getFeatureReport = async () => new Uint8Array();
    write = async (bytes: Buffer) => this.written.push(bytes);
    close = async () => void (this.closed = true);
  }

  function library(
    connection: Connection,
    devices = [{ vendorId: 0x054c, productId: 0x0ce6, path: "/dev/hidraw3" }],
  ) {
    const opened: string[] = [];
    const hid = {
      devicesAsync: async () => [{ vendorId: 1, productId: 2, path: "/dev/hidraw0" }, ...devices],
      HIDAsync: {
        open: async (path: string) => {
          opened.push(path);
          return connection;
        },
      },
    } as unknown as HidLibrary;
    return { hid, opened };
  }

  function events() {
    const told: string[] = [];
    return {
      told,
      events: {
        state: (one: PadState) => void told.push(`state ${names(one)}`.trim()),
        garbage: () => void told.push("garbage"),
        lost: (reason: string) => void told.push(`lost: ${reason}`),
      },
    };
  }

  test("is opened when its kind is known, shows its lights once it is known how it is connected, and is lost by an error", async () => {
    const connection = new Connection();
    const { hid, opened } = library(connection);
    const { told, events: handlers } = events();
    const pad = (await openHidPad(hid, handlers))!;
    expect([pad.name, pad.streams, opened]).toEqual(["DualSense", true, ["/dev/hidraw3"]]);
    pad.show({ muted: true, latched: false, talking: false });
    expect(connection.written).toEqual([]);
    connection.emit("data", dualsense([8, 1, 0]));
    connection.emit("data", dualsense([8, 1, 0]));
    connection.emit("data", Uint8Array.of(1, 2, 3));
    expect(connection.written.map((bytes) => [bytes[0], bytes.length])).toEqual([[2, 63]]);
    connection.emit("error", new Error("device disconnected"));
    expect(told).toEqual(["state l1", "state l1", "garbage", "lost: device disconnected"]);
    await pad.close();
    connection.emit("data", dualsense());
    expect(connection.closed).toBe(true);
    expect(told.length).toBe(4);
  });

  test("of an unknown kind is left to the kernel", async () => {
    const { hid, opened } = library(new Connection(), []);
    expect(await openHidPad(hid, events().events)).toBeUndefined();
    expect(opened).toEqual([]);
  });
});

describe("a joystick of the kernel", () => {
  let joystick: JoystickPipe;
  const axis = (number: number, value: number) => joystick.axis(number, value);
  const press = (number: number, down: boolean) => joystick.press(number, down);

  beforeEach(() => {
    joystick = new JoystickPipe();
  });
  afterEach(() => joystick[Symbol.dispose]());

  /** A body that notes what it is asked. */
  function body() {
    const asked: string[] = [];
    const steered: Parameters<Drive["steer"]>[0][] = [];
    const drive = {
      stop: () => void asked.push("stop"),
      steer: (intent: (typeof steered)[number]) => void steered.push(intent),
      pose: () => ({ x_m: 0, y_m: 0, heading_deg: 0, moving: false }),
    } as unknown as Drive;
    const service = {
      state: () => undefined as BodyState | undefined,
      emergencyStop: () => void asked.push("latch"),
      release: async () => void asked.push("release"),
    } as unknown as Body;
    return { asked, steered, services: { drive, body: service } };
  }

  test("drives, talks, mutes and stops the robot; unplugged it is the same as let go, and it may come back", async () => {
    const { asked, steered, services } = body();
    await using robot = await startTestRobot({
      plugins: {
        pad: { use: "gamepad-hid", hid: false, input_folder: joystick.folder, mute: "north", release_s: 0.2 },
      },
      services,
    });
    const health = () => robot.health().plugins[0]!;
    await until(() => health().inspect["pad"] === "joystick js0", "the joystick is found");
    press(4, true);
    axis(1, -32_767);
    await until(() => steered.some(({ speedMps }) => speedMps === 0.4), "it drives");
    expect(steered.at(-1)).toEqual({
      speedMps: 0.4,
      steerDeg: expect.any(Number),
      leaseMs: 250,
      by: "person",
    });
    press(1, true);
    await until(() => asked.includes("latch"), "the stop button");
    expect(asked).toEqual(["latch", "stop"]);
    press(1, false);
    press(7, true);
    await until(() => asked.includes("release"), "the release button");
    const before = steered.length;
    await Bun.sleep(150);
    expect(steered.length).toBe(before);

    press(5, true);
    expect(await robot.waitFor("user.talk_changed")).toEqual({ talking: true });
    press(3, true);
    expect(await robot.waitFor("user.mute_changed")).toEqual({ muted: true });
    press(4, false);
    press(4, true);
    await until(() => steered.length > before, "it drives again");
    asked.length = 0;
    joystick.unplug();
    await until(() => asked.includes("stop"), "the lost pad stops the robot");
    expect(await robot.waitFor("user.talk_changed", ({ talking }) => !talking)).toEqual({ talking: false });
    expect(health()).toMatchObject({ state: "degraded", message: "no gamepad is connected" });
    joystick.plugIn();
    await until(() => health().state === "ready", "it is found again");
  });

  test("does not ask the head again and again while nothing may move", async () => {
    const { steered, services } = body();
    let latched: string | undefined;
    let looks = 0;
    const head = {
      angles: () => ({ panDeg: 0, tiltDeg: 0 }),
      look: () => (looks++, Promise.reject(new Error("release it first"))),
    } as unknown as Head;
    await using robot = await startTestRobot({
      plugins: { pad: { use: "gamepad-hid", hid: false, input_folder: joystick.folder } },
      services: {
        ...services,
        head,
        body: { ...services.body, state: () => ({ latched }) as BodyState },
      },
    });
    await until(() => robot.health().plugins[0]!.inspect["pad"] !== null, "the joystick is found");
    press(4, true);
    axis(3, 32_767);
    await until(() => looks > 0, "the head is asked");
    latched = "a test";
    const [before, ticks] = [looks, steered.length];
    await until(() => steered.length > ticks + 4, "the stick is held on");
    expect(looks - before).toBeLessThan(2);
  });

  test("that sends garbage never drives", async () => {
    const { asked, steered, services } = body();
    await using robot = await startTestRobot({
      plugins: { pad: { use: "gamepad-hid", hid: false, input_folder: joystick.folder } },
      services,
    });
    const inspect = () => robot.health().plugins[0]!.inspect;
    await until(() => inspect()["pad"] !== null, "the joystick is found");
    press(4, true);
    axis(1, -32_767);
    await until(() => steered.length > 0, "it drives");
    joystick.write(Uint8Array.from({ length: 64 }, (_, at) => (at * 37 + 5) % 256));
    await until(() => asked.includes("stop"), "garbage stops it");
    expect(inspect()).toMatchObject({ driving: false });
    expect(inspect()["garbage"]).toBeGreaterThan(0);
    const before = steered.length;
    for (let round = 0; round < 20; round++) {
      joystick.write(Uint8Array.from({ length: 21 }, (_, at) => (at * 91 + round * 13) % 256));
      await Bun.sleep(5);
    }
    await Bun.sleep(60);
    expect(steered.length).toBe(before);
  });
});
