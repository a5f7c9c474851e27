import { expect, test } from "bun:test";
import { until } from "../kit/raw-server.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import { TempPlugins } from "./temp-plugins.ts";

test("a muted robot hears silence, as often as before, in the session and in its plugins, also of what is fed", async () => {
  using files = new TempPlugins();
  const ear = files.plugin(
    "ear",
    `let [frames, loud] = [0, 0];
     ctx.audio.onFrame((frame) => { frames++; if (frame[7] !== 0) loud++; });
     ctx.inspect(() => ({ frames, loud }));`,
  );
  await using robot = await startTestRobot({ audio: true, plugins: { ear: { use: ear } } });
  const plugin = () =>
    robot.health().plugins.find(({ id }) => id === "ear")!.inspect as { frames: number; loud: number };
  let loudInSession = 0;
  robot.robot.audio.capture.onFrame((frame) => void (frame[7] !== 0 && loudInSession++));
  const tenFrames = new Int16Array(4800).fill(500);
  await robot.feed(tenFrames);
  expect([plugin().loud, loudInSession]).toEqual([10, 10]);
  robot.publish("user.mute_changed", { muted: true });
  const { frames } = plugin();
  await robot.feed(tenFrames);
  await until(() => plugin().frames >= frames + 10, "frames of silence");
  expect([plugin().loud, loudInSession]).toEqual([10, 10]);
  robot.publish("user.mute_changed", { muted: false });
  await robot.feed(tenFrames);
  expect([plugin().loud, loudInSession]).toEqual([20, 20]);
});
