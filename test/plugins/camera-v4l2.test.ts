import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { candidates } from "../../plugins/camera-v4l2/device.ts";
import { FixedSplitter, bmpOfYuyv } from "../../plugins/camera-v4l2/yuyv.ts";
import { FakeCamera } from "../fixtures/fake-camera.ts";
import { startTestRobot } from "../kit/index.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function fake(kind: "mjpg" | "yuyv"): FakeCamera {
  const camera = new FakeCamera(kind);
  folders.push(camera.folder);
  return camera;
}

/** Red, green and blue in the middle of a BMP with the top row first. */
function middle(bmp: Uint8Array, width: number, height: number): number[] {
  const at = 54 + (Math.floor(height / 2) * width + Math.floor(width / 2)) * 3;
  return [bmp[at + 2]!, bmp[at + 1]!, bmp[at]!];
}

describe("bare pixels", () => {
  test("have the colours of the standard", () => {
    // Colour bars of ITU-R BT.601: red, green, blue, white, black.
    const bars: [number[], number[]][] = [
      [
        [81, 90, 81, 240],
        [255, 0, 0],
      ],
      [
        [145, 54, 145, 34],
        [0, 255, 0],
      ],
      [
        [41, 240, 41, 110],
        [0, 0, 255],
      ],
      [
        [235, 128, 235, 128],
        [255, 255, 255],
      ],
      [
        [16, 128, 16, 128],
        [0, 0, 0],
      ],
    ];
    for (const [yuyv, rgb] of bars) {
      const frame = new Uint8Array(4 * 2 * 2).map((_, at) => yuyv[at % 4]!);
      const found = middle(bmpOfYuyv(frame, 4, 2), 4, 2);
      found.forEach((value, channel) =>
        expect(Math.abs(value - rgb[channel]!), `${yuyv}`).toBeLessThanOrEqual(2),
      );
    }
  });

  test("come in frames of their size, however they are chopped up", () => {
    const frames: Uint8Array[] = [];
    const splitter = new FixedSplitter(4, (frame) => frames.push(frame));
    for (const part of [[1], [2, 3, 4, 5], [6, 7], [8, 9, 10, 11, 12, 13]])
      splitter.push(Uint8Array.from(part));
    expect(frames.map((frame) => [...frame])).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10, 11, 12],
    ]);
  });
});

test("a camera is found by a part of its name; the lower number comes first, and what a Raspberry Pi has itself is no camera", () => {
  const folder = mkdtempSync(join(tmpdir(), "myna-video-"));
  folders.push(folder);
  for (const [video, name] of [
    ["video10", "bcm2835-isp"],
    ["video12", "USB 2.0 Camera"],
    ["video2", "HD Webcam C270: C270"],
    ["video0", "unicam"],
  ] as const) {
    mkdirSync(join(folder, video));
    writeFileSync(join(folder, video, "name"), `${name}\n`);
  }
  mkdirSync(join(folder, "v4l-subdev0"));
  expect(candidates("auto", folder)).toEqual(["/dev/video2", "/dev/video12"]);
  expect(candidates("isp", folder)).toEqual(["/dev/video10"]);
  expect(candidates("c270", folder)).toEqual(["/dev/video2"]);
  expect(candidates("/dev/video7", folder)).toEqual(["/dev/video7"]);
  expect(candidates("auto", "/no/such/folder")).toEqual([]);
});

describe("a camera", () => {
  for (const kind of ["mjpg", "yuyv"] as const) {
    test(`that gives ${kind} is set to its format and its newest picture handed out`, async () => {
      const camera = fake(kind);
      await using robot = await startTestRobot({
        plugins: { camera: { use: "camera-v4l2", program: camera.program, device: "/dev/video9", fps: 15 } },
      });
      const picture = await robot.service("camera").capture();
      expect(picture).toMatchObject({ width: 64, height: 48 });
      expect(await new Bun.Image(picture.jpeg).metadata()).toMatchObject({
        width: 64,
        height: 48,
        format: "jpeg",
      });
      const pixels = kind === "mjpg" ? "MJPG" : "YUYV";
      expect(camera.calls()).toEqual([
        ["-d", "/dev/video9", "--list-formats"],
        [
          "-d",
          "/dev/video9",
          `--set-fmt-video=width=640,height=480,pixelformat=${pixels}`,
          "--set-parm=15",
          "--get-fmt-video",
        ],
        ["-d", "/dev/video9", "--stream-mmap=3", "--stream-to=-", "--silent"],
      ]);
      const { promise, resolve } = Promise.withResolvers<number>();
      const undo = robot.service("camera").onPicture(({ jpeg }) => resolve(jpeg.length));
      expect(await promise).toBeGreaterThan(100);
      undo();
    });
  }

  test("that is not there, or without its program, is waited for", async () => {
    const camera = fake("mjpg");
    await using robot = await startTestRobot({
      plugins: {
        absent: { use: "camera-v4l2", program: camera.program, device: "no camera has this name" },
        bare: { use: "camera-v4l2", program: "no-such-program" },
      },
      tolerant: true,
    });
    const [absent, bare] = robot.health().plugins;
    expect(absent).toMatchObject({ state: "retrying" });
    expect(absent!.message).toContain('there is no camera "no camera has this name"');
    expect(bare).toMatchObject({ state: "retrying" });
    expect(bare!.message).toContain("sudo apt install v4l-utils");
  });
});
