import { describe, expect, jest, test } from "bun:test";
import type { Body, Drive } from "../../../core/index.ts";
import { until } from "../../fixtures/hat-robot.ts";
import { SPEAKERPHONE } from "../../fixtures/phone-descriptors.ts";
import { startTestRobot } from "../../kit/index.ts";
import { dualsense } from "../../plugins/gamepad-layouts.ts";
import { DUALSENSE } from "./dualsense.ts";
import { PluggedDevice } from "./plugged-device.ts";

// Under `bun test` the package that finds node-hid's binary takes Bun for Jest, and wants this of it.
Object.assign(jest, { requireActual: (jest as { requireActual?: unknown }).requireActual ?? require });

const LIMIT_MS = 30_000;

const L1 = 1;
const CIRCLE = 0x48;

describe("a gamepad through the kernel and node-hid", () => {
  test("drives while it is held, shows its lights, stops when it is unplugged, and is found again", async () => {
    const asked: string[] = [];
    const steered: number[] = [];
    const services = {
      drive: {
        stop: () => void asked.push("stop"),
        steer: ({ speedMps }: { speedMps: number }) => void steered.push(speedMps),
        pose: () => ({ x_m: 0, y_m: 0, heading_deg: 0, moving: false }),
      } as unknown as Drive,
      body: {
        state: () => undefined,
        emergencyStop: () => void asked.push("latch"),
        release: async () => {},
      } as unknown as Body,
    };
    await using robot = await startTestRobot({ plugins: { pad: { use: "gamepad-hid" } }, services });
    const health = () => robot.health().plugins[0]!;
    expect(health()).toMatchObject({ state: "degraded" });

    let pad = await PluggedDevice.plugIn("Wireless Controller", 0x054c, 0x0ce6, DUALSENSE);
    await until(() => health().inspect["pad"] === "DualSense", "the pad is found", LIMIT_MS);
    // A real one reports 250 times a second; here ten times, so that the emulated processor keeps up.
    let report = dualsense();
    const reports = setInterval(() => pad.input(report), 100);
    await until(() => pad.outputs.length > 0, "its light bar is set", LIMIT_MS);
    expect(pad.outputs[0]).toStartWith("020005");
    report = dualsense([8, L1, 0], [128, 0, 128, 128]);
    await until(() => steered.includes(0.4), "it drives", LIMIT_MS);
    report = dualsense([CIRCLE, L1, 0], [128, 0, 128, 128]);
    await until(() => asked.includes("latch"), "its stop button", LIMIT_MS);
    report = dualsense();
    await Bun.sleep(500);
    report = dualsense([8, L1, 0], [128, 0, 128, 128]);
    steered.length = asked.length = 0;
    await until(() => steered.includes(0.4), "it drives again", LIMIT_MS);
    clearInterval(reports);
    await pad.unplug();
    await until(() => asked.includes("stop"), "the unplugged pad stops the robot", LIMIT_MS);
    await until(() => health().state === "degraded", "no gamepad is a state", LIMIT_MS);

    pad = await PluggedDevice.plugIn("Wireless Controller", 0x054c, 0x0ce6, DUALSENSE);
    await until(() => health().state === "ready", "it is found again", LIMIT_MS);
    await pad.unplug();
  });
});

describe("a speakerphone through the kernel and node-hid", () => {
  test("mutes by its key, shows who muted, and is a state when it is unplugged", async () => {
    const phone = await PluggedDevice.plugIn("Myna Speakerphone", 0x291a, 0x3301, SPEAKERPHONE);
    await using robot = await startTestRobot({
      plugins: { phone: { use: "speakerphone-hid", device: "myna" } },
    });
    const health = () => robot.health().plugins[0]!;
    await until(() => health().state === "ready", "the speakerphone is found", LIMIT_MS);
    expect(health().inspect).toMatchObject({ device: "Myna Speakerphone" });
    await until(() => phone.outputs.at(-1) === "0200", "its lights are off", LIMIT_MS);
    await Bun.sleep(300);
    phone.input(Uint8Array.of(2, 8));
    expect(await robot.waitFor("user.mute_changed", undefined, LIMIT_MS)).toEqual({ muted: true });
    await until(() => phone.outputs.at(-1) === "0202", "its mute light is on", LIMIT_MS);
    phone.input(Uint8Array.of(2, 0));
    robot.publish("user.mute_changed", { muted: false });
    await until(() => phone.outputs.at(-1) === "0200", "its mute light goes with the robot", LIMIT_MS);
    await phone.unplug();
    await until(() => health().state === "degraded", "no speakerphone is a state", LIMIT_MS);
  });
});
