import { expect, test } from "bun:test";
import { startTestRobot } from "myna/testing";
import { roll } from "./roll.ts";

const plugins = { dice: { use: import.meta.dir, max_sides: 12 } };

test("a roll is told to the model and published", async () => {
  await using robot = await startTestRobot({ plugins });
  const { ok, result } = await robot.call("roll_dice", { sides: 12 });
  const [rolled] = robot.events("dice.rolled");
  expect(ok).toBe(true);
  expect(rolled?.sides).toBe(12);
  expect(result).toBe(`rolled a ${rolled?.value} with 12 sides; that was roll number 1`);
});

test("six sides are taken when none are named", async () => {
  await using robot = await startTestRobot({ plugins });
  await robot.call("roll_dice");
  expect(robot.events("dice.rolled")).toEqual([{ sides: 6, value: expect.any(Number) }]);
});

test("a dice with too many sides is refused", async () => {
  await using robot = await startTestRobot({ plugins });
  expect(await robot.call("roll_dice", { sides: 13 })).toMatchObject({ ok: false, code: "TOOL_ARGUMENTS" });
});

test("the count of rolls outlives a reload", async () => {
  await using robot = await startTestRobot({ plugins });
  await robot.call("roll_dice");
  await robot.reload("dice");
  const { result } = await robot.call("roll_dice");
  expect(result).toEndWith("that was roll number 2");
});

test("every side comes up, and no other", () => {
  const faces = new Set(Array.from({ length: 60 }, (_, i) => roll(6, () => i / 60)));
  expect([...faces].sort()).toEqual([1, 2, 3, 4, 5, 6]);
});
