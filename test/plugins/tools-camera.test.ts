import { describe, expect, test } from "bun:test";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import type { Camera, Head } from "myna";
import { startTestRobot } from "myna/testing";

const JPEG = Uint8Array.from([0xff, 0xd8, 0xff, 0xd9]);

function cameraOf(capture: Camera["capture"]): Camera {
  return { capture, onPicture: () => () => {} };
}

test("a picture goes to the model with what is in it, and is announced without its pixels", async () => {
  const camera = cameraOf(async () => ({
    jpeg: JPEG,
    width: 640,
    height: 480,
    description: "a cat 1.0 meters ahead; the wall",
  }));
  await using robot = await startTestRobot({
    plugins: { eyes: { use: "tools-camera" } },
    services: { camera },
  });
  const taken = await robot.call("take_snapshot");
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
  const camera = cameraOf(async () => ({ jpeg: JPEG, width: 8, height: 8 }));
  await using robot = await startTestRobot({
    plugins: { eyes: { use: "tools-camera" } },
    services: { camera },
  });
  const taken = await robot.call("take_snapshot");
  expect(taken.result).toEqual({ width: 8, height: 8, bytes: 4, summary: "I took a picture." });
});

test("a camera that fails is told to the model as an error", async () => {
  const camera = cameraOf(() => Promise.reject(new Error("no frames")));
  await using robot = await startTestRobot({
    plugins: { eyes: { use: "tools-camera" } },
    services: { camera },
  });
  expect(await robot.call("take_snapshot")).toMatchObject({ ok: false, code: "TOOL_FAILED" });
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
  const ahead = await robot.call("take_snapshot");
  await robot.call("look", { direction: "right" });
  const aside = await robot.call("take_snapshot");
  expect(ahead.result).toMatchObject({ description: expect.stringContaining("red ball") });
  expect(aside.result).toMatchObject({ description: expect.not.stringContaining("red ball") });
  expect(await new Bun.Image(ahead.pictures[0] ?? JPEG).metadata()).toMatchObject({
    width: 640,
    height: 480,
  });
  expect(aside.pictures[0]).not.toEqual(ahead.pictures[0] ?? JPEG);
});

test("what the model gets has a size that it is paid for, whatever the camera gives", async () => {
  const noise = Uint8Array.from({ length: 54 + 1200 * 900 * 3 }, (_, at) => (at * 2654435761) >>> 13);
  const header = new DataView(noise.buffer);
  noise.fill(0, 0, 54);
  header.setUint16(0, 0x424d);
  header.setUint32(2, noise.length, true);
  header.setUint32(10, 54, true);
  header.setUint32(14, 40, true);
  header.setInt32(18, 1200, true);
  header.setInt32(22, 900, true);
  header.setUint16(26, 1, true);
  header.setUint16(28, 24, true);
  const jpeg = await new Bun.Image(noise).jpeg({ quality: 95 }).bytes();
  expect(jpeg.length).toBeGreaterThan(500_000);
  await using robot = await startTestRobot({
    plugins: { eyes: { use: "tools-camera", max_side_px: 400, max_kb: 20, per_minute: 2 } },
    services: { camera: cameraOf(async () => ({ jpeg, width: 1200, height: 900 })) },
  });
  const taken = await robot.call("take_snapshot");
  const { width, height } = await new Bun.Image(taken.pictures[0]!).metadata();
  expect(taken.pictures[0]!.length).toBeLessThanOrEqual(20 * 1024);
  expect(Math.max(width, height)).toBeLessThanOrEqual(400);
  expect(width / height).toBeCloseTo(4 / 3, 1);
  expect(taken.result).toMatchObject({ width, height, bytes: taken.pictures[0]!.length });

  expect((await robot.call("take_snapshot")).ok).toBe(true);
  const third = await robot.call("take_snapshot");
  expect(third.ok).toBe(false);
  expect(JSON.stringify(third.result)).toContain("2 a minute are allowed");
});

test("the former name of the tool is still understood", async () => {
  await using robot = await startTestRobot({
    plugins: { eyes: { use: "tools-camera" } },
    services: { camera: cameraOf(async () => ({ jpeg: JPEG, width: 8, height: 8 })) },
  });
  expect(await robot.call("take_picture")).toMatchObject({ ok: true, pictures: [JPEG] });
});

describe("looking around", () => {
  /** A camera that says where the head points, and a head that can be told to hesitate. */
  const eyes = (beforeLook = (_panDeg: number) => {}) => {
    const angles = { panDeg: 10, tiltDeg: 5 };
    const head: Head = {
      async look(target) {
        beforeLook(target.panDeg ?? angles.panDeg);
        return Object.assign(angles, target);
      },
      angles: () => ({ ...angles }),
    };
    const camera = cameraOf(async () => ({
      jpeg: JPEG,
      width: 8,
      height: 8,
      description: `a ball at ${angles.panDeg} degrees 1.2 meters ahead on the left; the wall`,
    }));
    return { head, camera, angles };
  };

  test("takes a picture to the left, ahead and to the right, and looks where it looked before", async () => {
    const { head, camera, angles } = eyes();
    await using robot = await startTestRobot({
      plugins: { eyes: { use: "tools-camera" } },
      services: { camera, head },
    });
    const { result, pictures } = await robot.call("look_around");
    expect(pictures).toHaveLength(3);
    expect(result).toMatchObject({
      ended: "completed",
      views: [
        {
          direction: "left",
          pan_deg: 60,
          description: "a ball at 60 degrees 1.2 meters ahead on the left; the wall",
        },
        { direction: "ahead", pan_deg: 0 },
        { direction: "right", pan_deg: -60 },
      ],
      summary: expect.stringContaining("On the right I see a ball at -60 degrees 1.2 meters away, the wall."),
    });
    expect(angles).toEqual({ panDeg: 10, tiltDeg: 5 });
    expect(robot.events("tool.progress").map(({ progress }) => progress)).toEqual([
      { looking: "left" },
      { looking: "ahead" },
      { looking: "right" },
    ]);
  });

  test("ends with the pictures it has when it is told to stop, and the head goes back", async () => {
    const abort = new AbortController();
    const { head, camera, angles } = eyes((panDeg) => {
      if (panDeg === 0) abort.abort();
    });
    await using robot = await startTestRobot({
      plugins: { eyes: { use: "tools-camera" } },
      services: { camera, head },
    });
    const { result, pictures } = await robot.call("look_around", {}, abort.signal);
    expect(pictures).toHaveLength(1);
    expect(result).toMatchObject({ ended: "stopped", summary: expect.stringContaining("1 of 3 pictures") });
    expect(angles).toEqual({ panDeg: 10, tiltDeg: 5 });
  });

  test("does not begin where its pictures would be more than a minute has", async () => {
    const { head, camera, angles } = eyes();
    await using robot = await startTestRobot({
      plugins: { eyes: { use: "tools-camera", per_minute: 2 } },
      services: { camera, head },
    });
    expect(await robot.call("look_around")).toMatchObject({ ok: false, code: "TOOL_FAILED" });
    expect(robot.events("camera.frame_captured")).toEqual([]);
    expect(angles).toEqual({ panDeg: 10, tiltDeg: 5 });
  });
});
