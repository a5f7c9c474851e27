import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACED_DEVICE } from "../../core/audio/paced-device.ts";
import { startTestRobot } from "../kit/index.ts";
import { TempPlugins } from "./temp-plugins.ts";

/*
 * Devices that files in a folder break: "gone" ends the device and keeps it from opening, "hung" keeps it from giving samples.
 * Real devices are unplugged in test/audio.
 */
function handDevices(files: TempPlugins): void {
  files.write(
    "hand-device.ts",
    `import { existsSync } from "node:fs";
import * as paced from ${JSON.stringify(PACED_DEVICE)};
const check = (folder) => {
  if (existsSync(folder + "/gone")) throw Object.assign(new Error("the cable was pulled"), { code: "DEVICE_NOT_FOUND" });
};
export function openCapture({ folder }) {
  check(folder);
  const driver = paced.openCapture({});
  return { ...driver, read(into) {
    check(folder);
    while (existsSync(folder + "/hung")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    return driver.read(into);
  } };
}
export function openPlayback({ folder }) {
  check(folder);
  const driver = paced.openPlayback({});
  return { ...driver, write(frames) { check(folder); driver.write(frames); } };
}
`,
  );
}

/** A plugin that keeps one of them open. */
function keeper(files: TempPlugins, kind: "capture" | "playback", more = ""): string {
  return files.write(
    `${kind}/index.ts`,
    `import { definePlugin, keepDevice, switchSpeaker } from "myna";
import { z } from "zod";
export default definePlugin({
  name: "${kind}",
  config: z.object({}),
  async setup(ctx) {
    await keepDevice(ctx, {
      kind: "${kind}",
      device: "hand made",
      find: async () => ({ device: "hand made" }),
      spec: () => ({ module: ${JSON.stringify(join(files.folder, "hand-device.ts"))}, options: { folder: ${JSON.stringify(files.folder)} } }),
    });
    void switchSpeaker;
    ${more}
  },
});
`,
  );
}

for (const kind of ["capture", "playback"] as const) {
  test(`a ${kind} device that goes makes its plugin degraded, and is opened again when it is back`, async () => {
    using files = new TempPlugins();
    handDevices(files);
    const plugin = keeper(files, kind);
    await using robot = await startTestRobot({ plugins: { device: { use: plugin } } });
    const gone = join(files.folder, "gone");
    writeFileSync(gone, "");
    const lost = await robot.waitFor("plugin.state_changed", ({ state }) => state === "degraded");
    expect(lost.message).toContain("the cable was pulled");
    await robot.waitFor("plugin.state_changed", ({ message }) => message?.includes("hand made") === true);
    rmSync(gone);
    const events = robot.events("plugin.state_changed").length;
    await robot.waitFor(
      "plugin.state_changed",
      (event) => event.state === "ready" && robot.events("plugin.state_changed").indexOf(event) >= events,
    );
    expect(robot.health().plugins[0]).toMatchObject({
      state: "ready",
      inspect: { device: "hand made", open: 1, losses: 1 },
    });
  });
}

test("a device that is not there at the start is the host's to try again, with the names that there are", async () => {
  using files = new TempPlugins();
  handDevices(files);
  writeFileSync(join(files.folder, "gone"), "");
  const plugin = keeper(files, "capture");
  await using robot = await startTestRobot({ tolerant: true, plugins: { device: { use: plugin } } });
  const [device] = robot.health().plugins;
  expect(device).toMatchObject({ state: "retrying" });
  for (const part of ['no microphone "hand made"', "cards:", "the cable was pulled"])
    expect(device!.message).toContain(part);
});

test("a microphone that gives nothing for four seconds is opened anew", async () => {
  using files = new TempPlugins();
  handDevices(files);
  const plugin = keeper(files, "capture");
  await using robot = await startTestRobot({ plugins: { device: { use: plugin } } });
  const hung = join(files.folder, "hung");
  writeFileSync(hung, "");
  const lost = await robot.waitFor("plugin.state_changed", ({ state }) => state === "degraded");
  expect(lost.message).toContain("nothing for 4 s");
  rmSync(hung);
  const events = robot.events("plugin.state_changed").length;
  await robot.waitFor(
    "plugin.state_changed",
    (event) => event.state === "ready" && robot.events("plugin.state_changed").indexOf(event) >= events,
  );
});

test("the amplifier is on before a sound and off after its tail, and one that fails does no harm", async () => {
  using files = new TempPlugins();
  handDevices(files);
  const plugin = keeper(files, "playback", "switchSpeaker(ctx, 100);");
  const switched: boolean[] = [];
  const speaker_enable = {
    set(on: boolean) {
      switched.push(on);
      throw new Error("the pin is stuck");
    },
  };
  await using robot = await startTestRobot({
    services: { speaker_enable },
    plugins: { device: { use: plugin } },
  });
  const sound = new Int16Array(4800).fill(500);
  const first = robot.robot.audio.port.playSound(sound);
  const second = robot.robot.audio.port.playSound(sound);
  await first;
  expect(switched).toEqual([true]);
  await second;
  await robot.robot.audio.port.playSound(sound);
  expect(switched).toEqual([true]);
  while (switched.length < 2) await Bun.sleep(10);
  const third = robot.robot.audio.port.playSound(sound);
  while (switched.length < 3) await Bun.sleep(1);
  await third;
  await robot.stop();
  expect(switched).toEqual([true, false, true, false]);
});
