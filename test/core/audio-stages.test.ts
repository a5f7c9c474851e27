import { expect, test } from "bun:test";
import { startTestRobot } from "../kit/test-robot.ts";
import { TempPlugins } from "./temp-plugins.ts";

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 8000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within 8 s`);
    await Bun.sleep(5);
  }
}

test("a plugin's stage changes what is heard, and is gone with the plugin; raw frames are as they were", async () => {
  using files = new TempPlugins();
  const stage = files.plugin(
    "stage",
    `ctx.audio.addStage({ slot: "gain", process: (frame) => void frame.fill(77) });
     ctx.audio.onRawFrame((frame, reference) => {
       if (frame.length !== 480 || reference.length !== 480) throw new Error("no frame");
       if (frame[0] !== 0) throw new Error("not as the device gave it");
     });`,
  );
  await using robot = await startTestRobot({ audio: true, plugins: { stage: { use: stage } } });
  let last = 0;
  let frames = 0;
  robot.robot.audio.port.onFrame((frame) => {
    last = frame[100]!;
    frames++;
  });
  await until(() => frames > 5, "frames");
  expect(last).toBe(77);
  expect(robot.health().plugins.find(({ id }) => id === "stage")?.state).toBe("ready");
  // The next version has no stage.
  files.plugin("stage", "");
  await robot.robot.host.reload("stage");
  const before = frames;
  await until(() => frames > before + 5, "frames without the stage");
  expect(last).toBe(0);
});

test("a plugin whose stage keeps throwing is stopped, and what is heard goes on", async () => {
  using files = new TempPlugins();
  const stage = files.plugin(
    "stage",
    `ctx.audio.addStage({ slot: "noise", process() { throw new Error("no model"); } });`,
  );
  await using robot = await startTestRobot({ audio: true, plugins: { stage: { use: stage } } });
  let frames = 0;
  robot.robot.audio.port.onFrame(() => frames++);
  const state = () => robot.health().plugins.find(({ id }) => id === "stage")?.state;
  await until(() => state() === "quarantined", "the end of the plugin");
  expect(Number(robot.robot.audio.counters()["capture_stage_faults"])).toBeGreaterThan(2);
  const before = frames;
  await until(() => frames > before + 5, "frames");
});
