import { expect, test } from "bun:test";
import { HatRobot } from "../fixtures/hat-robot.ts";

const SPEAKER_V4 = 20;

test("the amplifier is on while the robot runs, and stays on for other programs unless told otherwise", async () => {
  for (const off_at_end of [false, true]) {
    await using one = await HatRobot.start({ amplifier: { use: "speaker-enable", off_at_end } });
    expect(one.hat.levels[SPEAKER_V4]).toBe(1);
    await one.robot.stop();
    expect(one.hat.levels[SPEAKER_V4]).toBe(off_at_end ? 0 : 1);
    expect(one.hat.owners[SPEAKER_V4]).toBe(0);
  }
});

test("a line that is held is told of by name and tried again", async () => {
  await using one = await HatRobot.start(
    { first: { use: "speaker-enable" }, second: { use: "speaker-enable" } },
    { tolerant: true },
  );
  // Both start at once: either may be the first.
  const late = one.robot.health().plugins.filter(({ state }) => state === "retrying");
  expect(late.length).toBe(1);
  expect(late[0]!.message).toContain(`line 20 (myna ${late[0]!.id}) is held`);
});
