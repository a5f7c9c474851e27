import { describe, expect, test } from "bun:test";
import { MynaError } from "myna";
import type { BatteryReading, DistanceReading, LineReading } from "myna";
import { startTestRobot } from "myna/testing";
import { ScriptedBody } from "../fixtures/scripted-body.ts";

const plugins = { sensors: { use: "tools-sensors" } };
const LINE: LineReading = { raw: [1400, 300, 1400], offset: 0, crossing: false, cliff: false };
const CHARGE: BatteryReading = { voltage: 7.2, percent: 50, level: "ok" };
const distance = (reading: DistanceReading) => ({ read: async () => reading });
const line = (reading: LineReading) => ({ read: () => reading, onReading: () => () => {} });
const battery = (reading: BatteryReading | undefined) => ({ read: () => reading });

describe("read_sensors", () => {
  test("tells all that the robot has, in numbers and sentences", async () => {
    const head = {
      look: async () => ({ panDeg: 0, tiltDeg: 0 }),
      angles: () => ({ panDeg: 30.2, tiltDeg: -9.8 }),
    };
    await using robot = await startTestRobot({
      plugins,
      services: {
        body: new ScriptedBody(),
        head,
        distance: distance({ kind: "distance", distanceM: 0.834 }),
        line: line(LINE),
        battery: battery(CHARGE),
      },
    });
    expect((await robot.call("read_sensors")).result).toEqual({
      distance_m: 0.83,
      grayscale: [1400, 300, 1400],
      line_seen: true,
      floor_ends: false,
      pan_deg: 30,
      tilt_deg: -10,
      battery_v: 7.2,
      battery_percent: 50,
      summary:
        "The nearest obstacle ahead is 83 centimeters away. There is a line under me. My battery is at 50 percent, 7.2 volts.",
    });
  });

  test("leaves out what there is none of, and names what failed", async () => {
    const broken = {
      read: (): LineReading => {
        throw new MynaError("DEVICE_FAILED", "the line sensors tell nothing");
      },
      onReading: () => () => {},
    };
    await using robot = await startTestRobot({
      plugins,
      services: {
        body: new ScriptedBody(),
        distance: distance({ kind: "failed", message: "stuck" }),
        line: broken,
      },
    });
    expect((await robot.call("read_sensors")).result).toEqual({
      failed: ["distance", "line"],
      summary: "I cannot read: distance, line.",
    });
  });

  test("says that there is no echo, and that the floor ends", async () => {
    await using robot = await startTestRobot({
      plugins,
      services: {
        body: new ScriptedBody(),
        distance: distance({ kind: "no_echo" }),
        line: line({ raw: [80, 80, 80], offset: undefined, crossing: false, cliff: true }),
      },
    });
    expect((await robot.call("read_sensors")).result).toMatchObject({
      distance_m: null,
      floor_ends: true,
      line_seen: false,
      summary: "I get no echo ahead. The floor ends under my nose.",
    });
  });
});

describe("battery", () => {
  const ask = async (reading: BatteryReading | undefined) => {
    await using robot = await startTestRobot({
      plugins,
      services: { body: new ScriptedBody(), battery: battery(reading) },
    });
    return await robot.call("battery");
  };

  test("tells voltage, percent and what follows from a low level", async () => {
    expect((await ask(CHARGE)).result).toEqual({
      voltage_v: 7.2,
      percent: 50,
      level: "ok",
      summary: "My battery is at 50 percent, 7.2 volts.",
    });
    expect((await ask({ voltage: 6.71, percent: 30, level: "low" })).result).toMatchObject({
      summary: "My battery is at 30 percent, 6.7 volts: it is low.",
    });
    expect((await ask({ voltage: 6.3, percent: 12, level: "critical" })).result).toMatchObject({
      summary: "My battery is at 12 percent, 6.3 volts: I cannot move any more.",
    });
  });

  test("that was not measured yet is told as an error", async () => {
    expect(await ask(undefined)).toMatchObject({ ok: false, code: "DEVICE_FAILED" });
  });
});
