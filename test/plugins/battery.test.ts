import { expect, test } from "bun:test";
import { startTestRobot } from "myna/testing";
import { levelOf, percentOf } from "../../plugins/battery/level.ts";
import { ScriptedBody } from "../fixtures/scripted-body.ts";

const LIMITS = { fullV: 8.4, emptyV: 6, lowV: 6.8, criticalV: 6.4 };

test("the percentage is a straight line between empty and full, and never beyond", () => {
  expect([5, 6, 7.2, 8.4, 9].map((voltage) => percentOf(voltage, LIMITS))).toEqual([0, 0, 50, 100, 100]);
});

test("a level is entered at its limit, and left only well above it", () => {
  expect([6.81, 6.8, 6.41, 6.4].map((voltage) => levelOf(voltage, LIMITS, "ok"))).toEqual([
    "ok",
    "low",
    "low",
    "critical",
  ]);
  expect(levelOf(6.9, LIMITS, "low")).toBe("low");
  expect(levelOf(6.96, LIMITS, "low")).toBe("ok");
  expect(levelOf(6.5, LIMITS, "critical")).toBe("critical");
  expect(levelOf(6.56, LIMITS, "critical")).toBe("low");
});

test("changes are told once, with the health of the plugin", async () => {
  const body = new ScriptedBody();
  await using robot = await startTestRobot({
    plugins: { battery: { use: "battery" } },
    services: { body },
  });
  const battery = robot.service("battery");
  expect(battery.read()).toBeUndefined();
  for (const batteryV of [undefined, 7.2, 7.21, 7.19, 7.05, 6.7, 6.7, 6.3, 7.9]) body.tell({ batteryV });
  expect(robot.events("battery.changed")).toEqual([
    { voltage: 7.2, percent: 50, level: "ok" },
    { voltage: 7.05, percent: 44, level: "ok" },
    { voltage: 6.7, percent: 29, level: "low" },
    { voltage: 6.3, percent: 12, level: "critical" },
    { voltage: 7.9, percent: 79, level: "ok" },
  ]);
  expect(battery.read()).toEqual({ voltage: 7.9, percent: 79, level: "ok" });
  const states = robot.events("plugin.state_changed").filter(({ id }) => id === "battery");
  expect(states.map(({ state, message }) => [state, message])).toEqual([
    ["ready", undefined],
    ["degraded", "the battery is low: 6.7 V"],
    ["degraded", "the battery is critical: 6.3 V"],
    ["ready", undefined],
  ]);
});

test("limits in the wrong order are refused", async () => {
  const starting = startTestRobot({
    plugins: { battery: { use: "battery", low_v: 6, critical_v: 6.5 } },
    services: { body: new ScriptedBody() },
  });
  await expect(starting).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
