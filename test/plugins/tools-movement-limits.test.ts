import { expect, test } from "bun:test";
import { MOTORS } from "../body/body-kit.ts";
import { HatRobot } from "../fixtures/hat-robot.ts";

interface NumberSchema {
  type?: string;
  minimum?: number;
  maximum?: number;
}

/** Below zero these mean the other way; every other number of a movement is how far, how fast or how long. */
const SIGNED = new Set([
  "move distance_m",
  "turn angle_deg",
  "steer distance_m",
  "look pan_deg",
  "look tilt_deg",
]);
/** What each tool needs beside the number that is wrong. */
const OTHERS: Record<string, object> = {
  move: { distance_m: 0.1 },
  turn: { angle_deg: 10 },
  steer: { direction: "left" },
};

test("every number of every movement tool has limits, and what is beyond them, negative or no number moves nothing", async () => {
  await using one = await HatRobot.start({
    drive: { use: "drive-picarx" },
    head: { use: "servo" },
    distance: { use: "distance-ultrasonic" },
    line: { use: "line-grayscale" },
    movement: { use: "tools-movement" },
  });
  const { robot, hat } = one;
  const numbers = robot.robot.tools.definitions().flatMap(({ name, parameters }) => {
    const properties = (parameters["properties"] ?? {}) as Record<string, NumberSchema>;
    return Object.entries(properties)
      .filter(([, { type }]) => type === "number" || type === "integer")
      .map(([key, schema]) => ({ tool: name, key, ...schema }));
  });
  expect(new Set(numbers.map(({ tool }) => tool))).toEqual(
    new Set(["move", "turn", "steer", "come_closer", "keep_distance", "follow_line", "look"]),
  );
  const { written } = hat;
  for (const { tool, key, minimum, maximum } of numbers) {
    const what = `${tool} ${key}`;
    expect([what, typeof minimum, typeof maximum]).toEqual([what, "number", "number"]);
    const wrong: unknown[] = [
      NaN,
      Infinity,
      -Infinity,
      minimum! - 0.01,
      maximum! + 0.01,
      -1e9,
      1e9,
      "1",
      null,
      [1],
    ];
    if (!SIGNED.has(what)) wrong.push(0, -0.5, -minimum!, -maximum!);
    for (const value of wrong) {
      const answer = await robot.call(tool, { ...OTHERS[tool], [key]: value });
      expect({ what, value, ...answer }).toMatchObject({ ok: false, code: "TOOL_ARGUMENTS" });
    }
  }
  const moved = [...hat.journal(written)].filter(
    ({ register, value }) => MOTORS.some((motor) => motor === register) && value > 0,
  );
  expect(moved).toEqual([]);
}, 30_000);
