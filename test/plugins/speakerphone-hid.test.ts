import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  descriptorOf,
  fieldsOf,
  outputReports,
  usagesIn,
} from "../../plugins/speakerphone-hid/descriptor.ts";
import { Phone } from "../../plugins/speakerphone-hid/phone.ts";
import { startTestRobot } from "../kit/index.ts";
import { ARRAY_HEADSET, SPEAKERPHONE } from "../fixtures/phone-descriptors.ts";

const HOOK = 0x0b0020;
const MUTE = 0x0b002f;
const VOLUME_UP = 0x0c00e9;
const VOLUME_DOWN = 0x0c00ea;

function phoneOf(descriptor: Uint8Array) {
  const told: string[] = [];
  const phone = new Phone(fieldsOf(descriptor), {
    hook: () => void told.push("hook"),
    mute: (muted) => void told.push(`mute ${muted ?? "other"}`),
  });
  return { phone, told };
}

describe("a report descriptor", () => {
  const fields = fieldsOf(SPEAKERPHONE);

  test("says which bit is which key and which light", () => {
    const at = (usage: number) => fields.find(({ usages }) => usages.includes(usage));
    expect(at(HOOK)).toMatchObject({ kind: "input", reportId: 2, bitOffset: 0, bitSize: 1, relative: false });
    expect(at(MUTE)).toMatchObject({ kind: "input", reportId: 2, bitOffset: 3, relative: true });
    expect(at(VOLUME_UP)).toMatchObject({ kind: "input", reportId: 1, bitOffset: 0 });
    expect(at(0x080017)).toMatchObject({ kind: "output", reportId: 2, bitOffset: 0 });
    expect(at(0x080009)).toMatchObject({ kind: "output", reportId: 2, bitOffset: 1 });
    expect([...usagesIn(fields, Uint8Array.of(2, 0b1001))]).toEqual([HOOK, MUTE]);
    expect([...usagesIn(fields, Uint8Array.of(1, 2))]).toEqual([VOLUME_DOWN]);
    expect([...usagesIn(fields, Uint8Array.of(2))]).toEqual([]);
    expect([...usagesIn(fields, Uint8Array.of(9, 255))]).toEqual([]);
  });

  test("may give keys as a list of what is pressed, without numbers for reports", () => {
    const array = fieldsOf(ARRAY_HEADSET);
    expect([...usagesIn(array, Uint8Array.of(0))]).toEqual([]);
    expect([...usagesIn(array, Uint8Array.of(1))]).toEqual([HOOK]);
    expect([...usagesIn(array, Uint8Array.of(2))]).toEqual([MUTE]);
    expect([...usagesIn(array, Uint8Array.of(200))]).toEqual([]);
  });

  test("gives the reports that set lights, with the other lights off", () => {
    const lights = new Set([0x080017, 0x080009]);
    expect(outputReports(fields, lights, new Set([0x080009]))).toEqual([Uint8Array.of(2, 0b10)]);
    expect(outputReports(fields, lights, lights)).toEqual([Uint8Array.of(2, 0b11)]);
    expect(outputReports(fieldsOf(ARRAY_HEADSET), lights, lights)).toEqual([]);
  });

  test("that is damaged at any place is read as far as it goes, and never for long", () => {
    for (let end = 0; end < SPEAKERPHONE.length; end++) {
      const cut = fieldsOf(SPEAKERPHONE.subarray(0, end));
      expect(cut.length).toBeLessThanOrEqual(fields.length);
    }
    for (let at = 0; at < SPEAKERPHONE.length; at++) {
      for (const byte of [0, 0xff, 0x95, 0xfe]) {
        const damaged = SPEAKERPHONE.slice();
        damaged[at] = byte;
        expect(fieldsOf(damaged).length).toBeLessThan(40_000);
      }
    }
    // Four thousand million fields of four thousand million bits.
    expect(
      fieldsOf(Uint8Array.of(0x77, 255, 255, 255, 255, 0x97, 255, 255, 255, 255, 0x08, 1, 0x81, 2)),
    ).toEqual([]);
  });
});

describe("a speakerphone", () => {
  test("mutes at each press of a key, and not when it is let go", () => {
    const { phone, told } = phoneOf(SPEAKERPHONE);
    expect(phone.useful).toBe(true);
    for (const bits of [0b1000, 0, 0b1000, 0b1000, 0]) phone.take(Uint8Array.of(2, bits));
    expect(told).toEqual(["mute other", "mute other"]);
  });

  test("has a hook that follows its light by itself; what differs was a hand", () => {
    const { phone, told } = phoneOf(SPEAKERPHONE);
    expect(phone.lights({ offHook: true, muted: false })).toEqual([Uint8Array.of(2, 1)]);
    phone.take(Uint8Array.of(2, 1));
    expect(told).toEqual([]);
    phone.take(Uint8Array.of(2, 0));
    expect(told).toEqual(["hook"]);
    phone.take(Uint8Array.of(2, 0));
    phone.take(Uint8Array.of(2, 1));
    expect(told).toEqual(["hook"]);
    expect(phone.lights({ offHook: false, muted: true })).toEqual([Uint8Array.of(2, 2)]);
  });

  test("keeps what a report of another number does not tell of, and passes garbage over", () => {
    const { phone, told } = phoneOf(SPEAKERPHONE);
    phone.take(Uint8Array.of(2, 0b1000));
    for (const report of [[1, 1], [1, 0], [2], [], [7, 255, 255]]) phone.take(Uint8Array.from(report));
    phone.take(Uint8Array.of(2, 0b1000));
    expect(told).toEqual(["mute other"]);
  });

  test("with a mute switch says how it stands", () => {
    const { phone, told } = phoneOf(ARRAY_HEADSET);
    phone.take(Uint8Array.of(2));
    phone.take(Uint8Array.of(0));
    expect(told).toEqual(["mute true", "mute false"]);
  });

  test("that has no telephone keys is of no use", () => {
    expect(phoneOf(new Uint8Array()).phone.useful).toBe(false);
  });
});

test("the descriptor is where the kernel shows it", () => {
  const folder = mkdtempSync(join(tmpdir(), "myna-hidraw-"));
  mkdirSync(join(folder, "hidraw3", "device"), { recursive: true });
  writeFileSync(join(folder, "hidraw3", "device", "report_descriptor"), SPEAKERPHONE);
  expect(new Uint8Array(descriptorOf("/dev/hidraw3", folder))).toEqual(SPEAKERPHONE);
  rmSync(folder, { recursive: true });
});

test("without a speakerphone the robot runs, says so, and keeps what was muted", async () => {
  await using robot = await startTestRobot({
    plugins: { phone: { use: "speakerphone-hid", device: "no phone has this name" } },
  });
  const phone = () => robot.health().plugins[0]!;
  expect(phone()).toMatchObject({ state: "degraded", inspect: { device: null, muted: false } });
  expect(phone().message).toStartWith("no speakerphone is connected");
  robot.publish("user.mute_changed", { muted: true });
  await robot.reload("phone");
  expect(phone()).toMatchObject({ state: "degraded", inspect: { muted: true } });
});
