import { expect, test } from "bun:test";
import { inflateSync } from "node:zlib";
import { until } from "../../fixtures/hat-robot.ts";
import { startTestRobot } from "../../kit/index.ts";

const LIMIT_MS = 30_000;

/** Sets a control of the kernel's test camera. */
function control(setting: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["v4l2-ctl", "-d", "/dev/video0", "-c", setting]);
  if (exitCode !== 0) throw new Error(`v4l2-ctl -c ${setting}: ${stderr.toString()}`);
}

/** The mean colour of a picture, by way of a PNG of one pixel. */
async function colorOf(jpeg: Uint8Array): Promise<number[]> {
  const png = Buffer.from(await new Bun.Image(jpeg).resize(1, 1).png().bytes());
  const at = png.indexOf("IDAT");
  const row = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  return [...row.subarray(1, 4)];
}

test("the kernel's test camera is found, gives its picture in its colours, and is waited for when it is gone", async () => {
  control("osd_text_mode=2");
  // "100% Red", then "100% Blue" of the driver's menu.
  control("test_pattern=7");
  await using robot = await startTestRobot({
    plugins: { camera: { use: "camera-v4l2", device: "vivid", setup_timeout_s: 60 } },
  });
  const health = () => robot.health().plugins[0]!;
  const picture = await robot.service("camera").capture();
  expect(await new Bun.Image(picture.jpeg).metadata()).toMatchObject({
    width: picture.width,
    height: picture.height,
    format: "jpeg",
  });
  const [red = 0, green = 0, blue = 0] = await colorOf(picture.jpeg);
  expect([red > 230, green < 30, blue < 30], `${red} ${green} ${blue}`).toEqual([true, true, true]);

  control("test_pattern=9");
  const startedMs = performance.now();
  let color = await colorOf((await robot.service("camera").capture()).jpeg);
  while (color[2]! < 230 && performance.now() - startedMs < LIMIT_MS)
    color = await colorOf((await robot.service("camera").capture()).jpeg);
  expect(color[2], "the newest picture is the one that is given").toBeGreaterThan(230);

  control("disconnect=1");
  await until(() => health().state === "retrying", "the camera is gone", LIMIT_MS);
  expect(health().message).not.toBe("");
});
