import { expect, test } from "bun:test";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import { startTestRobot } from "myna/testing";

const JPEG = Uint8Array.from([0xff, 0xd8, 0xff, 0xd9]);

test("a picture goes to the model with what is in it, and is announced without its pixels", async () => {
  const camera = {
    capture: async () => ({
      jpeg: JPEG,
      width: 640,
      height: 480,
      description: "a cat 1.0 meters ahead; the wall",
    }),
  };
  await using robot = await startTestRobot({
    plugins: { eyes: { use: "tools-camera" } },
    services: { camera },
  });
  const taken = await robot.call("take_picture");
  expect(taken).toEqual({
    ok: true,
    result: {
      width: 640,
      height: 480,
      bytes: 4,
      description: "a cat 1.0 meters ahead; the wall",
      summary: "I took a picture. I see a cat 1.0 meters ahead, the wall.",
    },
    pictures: [JPEG],
  });
  expect(robot.events("camera.frame_captured")).toEqual([{ width: 640, height: 480, bytes: 4 }]);
});

test("a camera that knows no words still gives its picture", async () => {
  const camera = { capture: async () => ({ jpeg: JPEG, width: 8, height: 8 }) };
  await using robot = await startTestRobot({
    plugins: { eyes: { use: "tools-camera" } },
    services: { camera },
  });
  const taken = await robot.call("take_picture");
  expect(taken.result).toEqual({ width: 8, height: 8, bytes: 4, summary: "I took a picture." });
});

test("a camera that fails is told to the model as an error", async () => {
  const camera = { capture: () => Promise.reject(new Error("no frames")) };
  await using robot = await startTestRobot({
    plugins: { eyes: { use: "tools-camera" } },
    services: { camera },
  });
  expect(await robot.call("take_picture")).toMatchObject({ ok: false, code: "TOOL_FAILED" });
  expect(robot.events("camera.frame_captured")).toEqual([]);
});

test("the simulated camera shows another view after the head has turned", async () => {
  await using robot = await startTestRobot({
    plugins: {
      ...SIMULATED_BODY,
      camera: { use: "camera-sim" },
      movement: { use: "tools-movement" },
      eyes: { use: "tools-camera" },
    },
  });
  const ahead = await robot.call("take_picture");
  await robot.call("look", { direction: "right" });
  const aside = await robot.call("take_picture");
  expect(ahead.result).toMatchObject({ description: expect.stringContaining("red ball") });
  expect(aside.result).toMatchObject({ description: expect.not.stringContaining("red ball") });
  expect(await new Bun.Image(ahead.pictures[0] ?? JPEG).metadata()).toMatchObject({
    width: 640,
    height: 480,
  });
  expect(aside.pictures[0]).not.toEqual(ahead.pictures[0] ?? JPEG);
});
