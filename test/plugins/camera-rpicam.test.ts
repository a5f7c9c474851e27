import { afterEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { Picture } from "../../core/index.ts";
import { FakeCamera } from "../fixtures/fake-camera.ts";
import { until } from "../fixtures/hat-robot.ts";
import { startTestRobot } from "../kit/index.ts";
import type { TestRobot } from "../kit/index.ts";

const fakes: FakeCamera[] = [];

function fake(): FakeCamera {
  const camera = new FakeCamera("rpicam");
  fakes.push(camera);
  return camera;
}

afterEach(() => {
  for (const { folder } of fakes.splice(0)) rmSync(folder, { recursive: true });
});

function inspected(robot: TestRobot): Record<string, unknown> {
  return robot.health().plugins.find(({ id }) => id === "camera")!.inspect;
}

function isAlive(pid: unknown): boolean {
  try {
    process.kill(pid as number, 0);
    return true;
  } catch {
    return false;
  }
}

test("one program runs all the time and its newest picture is handed out without waiting", async () => {
  const camera = fake();
  const robot = await startTestRobot({
    plugins: {
      camera: {
        use: "camera-rpicam",
        program: camera.program,
        upside_down: true,
        extra: ["--awb", "indoor"],
      },
    },
  });
  const startedMs = performance.now();
  const picture = await robot.service("camera").capture();
  expect(performance.now() - startedMs).toBeLessThan(100);
  expect(picture).toMatchObject({ width: 64, height: 48 });
  expect(await new Bun.Image(picture.jpeg).metadata()).toMatchObject({
    width: 64,
    height: 48,
    format: "jpeg",
  });
  expect(camera.calls()).toEqual([
    [
      ...[
        "-n",
        "-t",
        "0",
        "--codec",
        "mjpeg",
        "-q",
        "70",
        "--flush",
        "-o",
        "-",
        "--width",
        "640",
        "--height",
        "480",
      ],
      ...["--framerate", "10", "--rotation", "180", "--awb", "indoor"],
    ],
  ]);

  const seen: Picture[] = [];
  const undo = robot.service("camera").onPicture((one) => seen.push(one));
  await until(() => seen.length >= 3, "pictures for who watches");
  undo();
  const { pid } = inspected(robot);
  await robot.stop();
  expect(isAlive(pid)).toBe(false);
});

test("a program that dies is told of with its last word and started again", async () => {
  const camera = fake();
  await using robot = await startTestRobot({
    plugins: { camera: { use: "camera-rpicam", program: camera.program } },
  });
  camera.tell("die");
  const lost = await robot.waitFor("plugin.state_changed", ({ state }) => state === "retrying");
  expect(lost).toMatchObject({ id: "camera", code: "DEVICE_FAILED" });
  expect(lost.message).toContain("ended with 7: ERROR: *** camera unplugged ***");
  camera.tell("run");
  await until(() => robot.health().plugins[0]!.state === "ready", "the camera is back");
  expect(await robot.service("camera").capture()).toMatchObject({ width: 64 });
});

test("a program that hangs is ended and started again", async () => {
  const camera = fake();
  await using robot = await startTestRobot({
    plugins: { camera: { use: "camera-rpicam", program: camera.program, fps: 60 } },
  });
  const { pid } = inspected(robot);
  camera.tell("stall");
  await until(() => (inspected(robot)["newest_age_ms"] as number) > 100, "the newest picture is old");
  await expect(robot.service("camera").capture()).rejects.toThrow("no picture for");
  const lost = await robot.waitFor("plugin.state_changed", ({ state }) => state === "retrying");
  expect(lost.message).toContain("no picture for 4000 ms");
  expect(isAlive(pid)).toBe(false);
});

test("without the program the plugin waits and says how to get it", async () => {
  await using robot = await startTestRobot({
    plugins: { camera: { use: "camera-rpicam", program: "no-such-camera-program" } },
    tolerant: true,
  });
  expect(robot.health().plugins[0]).toMatchObject({ state: "retrying" });
  expect(robot.health().plugins[0]!.message).toContain("sudo apt install rpicam-apps");
});
