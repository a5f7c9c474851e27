import { expect, test } from "bun:test";
import { startTestRobot } from "myna/testing";

function soundsOf(names: string[]) {
  const played: string[] = [];
  return {
    played,
    names: () => names,
    play: async (name: string) => {
      played.push(name);
      return { durationMs: 120 };
    },
  };
}

test("a sound is played by name, the usual one without a name", async () => {
  const sounds = soundsOf(["horn", "chime"]);
  await using robot = await startTestRobot({
    plugins: { noises: { use: "tools-sound" } },
    services: { sounds },
  });
  expect((await robot.call("play_sound", { name: "horn" })).result).toEqual({
    name: "horn",
    duration_ms: 120,
    summary: "I played the horn.",
  });
  expect((await robot.call("play_sound")).result).toMatchObject({ name: "chime" });
  expect(sounds.played).toEqual(["horn", "chime"]);
});

test("only names that the sounds have are offered, and others are refused", async () => {
  const sounds = soundsOf(["quack"]);
  await using robot = await startTestRobot({
    plugins: { noises: { use: "tools-sound" } },
    services: { sounds },
  });
  const [tool] = robot.robot.tools.definitions();
  expect(tool?.parameters).toMatchObject({ properties: { name: { enum: ["quack"] } } });
  expect(await robot.call("play_sound", { name: "moo" })).toMatchObject({
    ok: false,
    code: "TOOL_ARGUMENTS",
  });
  expect((await robot.call("play_sound")).result).toMatchObject({ name: "quack" });
});

test("without any sound there is no tool, and the plugin says why", async () => {
  const sounds = soundsOf([]);
  await using robot = await startTestRobot({
    plugins: { noises: { use: "tools-sound" } },
    services: { sounds },
  });
  expect(robot.robot.tools.definitions()).toEqual([]);
  expect(robot.health().plugins[0]).toMatchObject({
    state: "degraded",
    message: "there is no sound to play",
  });
});
