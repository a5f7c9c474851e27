import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Body, BodyState, Drive } from "../../core/index.ts";
import { HatMemory } from "../../plugins/board-sim/hat-memory.ts";
import { HatRobot, until } from "../fixtures/hat-robot.ts";

const USER = 25;
const RESET = 16;

/** Notes what the button asks of the body. */
function body() {
  const asked: string[] = [];
  let latched: string | undefined;
  const service: Body = {
    state: () => ({ latched }) as BodyState,
    onState: () => () => {},
    servo: async (_channel, angleDeg) => ({ angleDeg }),
    emergencyStop: (reason) => {
      latched = reason;
      asked.push(`latch: ${reason}`);
    },
    release: async () => {
      latched = undefined;
      asked.push("release");
    },
  };
  const drive = {
    stop: (reason: string) => void asked.push(`stop: ${reason}`),
    pose: () => ({ x_m: 0, y_m: 0, heading_deg: 0, moving: false }),
  } as Drive;
  return { asked, services: { body: service, drive } };
}

test("a press stops the robot on its way down, and a long one releases it when it is let go", async () => {
  const { asked, services } = body();
  await using one = await HatRobot.start({ button: { use: "button-gpio", long_press_s: 0.5 } }, { services });
  const { robot, hat } = one;
  hat.levels[USER] = 0;
  await robot.waitFor("button.changed", ({ pressed }) => pressed);
  expect(asked).toEqual(["latch: the user button was pressed", "stop: the user button was pressed"]);
  hat.levels[USER] = 1;
  const short = await robot.waitFor("button.changed", ({ pressed }) => !pressed);
  expect(short.held_ms).toBeLessThan(500);
  expect(asked.length).toBe(2);

  hat.levels[USER] = 0;
  await robot.waitFor("button.changed", ({ pressed, held_ms }) => pressed && held_ms === 0);
  await Bun.sleep(550);
  hat.levels[USER] = 1;
  const long = await robot.waitFor("button.changed", ({ held_ms }) => held_ms >= 500);
  expect(long).toMatchObject({ button: "user", pressed: false });
  expect(asked.slice(2)).toEqual([
    "latch: the user button was pressed",
    "stop: the user button was pressed",
    "release",
  ]);
});

test("the press that stops the robot does not release it, however long it is held", async () => {
  const { asked, services } = body();
  await using one = await HatRobot.start({ button: { use: "button-gpio", long_press_s: 0.5 } }, { services });
  const { robot, hat } = one;
  hat.levels[USER] = 0;
  await robot.waitFor("button.changed", ({ pressed }) => pressed);
  await Bun.sleep(550);
  hat.levels[USER] = 1;
  await robot.waitFor("button.changed", ({ held_ms }) => held_ms >= 500);
  expect(asked).toEqual(["latch: the user button was pressed", "stop: the user button was pressed"]);
});

test("a release while the drive is away is told of, since it releases nothing", async () => {
  await using one = await HatRobot.start({ button: { use: "button-gpio", long_press_s: 0.5 } });
  const { robot, hat } = one;
  hat.levels[USER] = 0;
  await robot.waitFor("button.changed", ({ pressed }) => pressed);
  await Bun.sleep(550);
  hat.levels[USER] = 1;
  await robot.waitFor("button.changed", ({ held_ms }) => held_ms >= 500);
  const button = robot.health().plugins.find(({ id }) => id === "button");
  expect(button?.inspect).toMatchObject({ presses: 1, releases_in_vain: 1 });
});

test("the other button can interrupt only", async () => {
  const { asked, services } = body();
  await using one = await HatRobot.start(
    { rst: { use: "button-gpio", button: "reset", on_press: "interrupt", on_long_press: "none" } },
    { services },
  );
  const { robot, hat } = one;
  hat.levels[RESET] = 0;
  expect(await robot.waitFor("button.changed")).toEqual({ button: "reset", pressed: true, held_ms: 0 });
  expect(asked).toEqual([]);
});

test("one that is held down at the start is told of until it is let go", async () => {
  const { asked, services } = body();
  const folder = mkdtempSync(join(tmpdir(), "myna-held-"));
  const hat = HatMemory.open(join(folder, "hat"));
  // A line that somebody drove keeps its level.
  hat.owners[USER] = Bun.spawnSync(["true"]).pid;
  hat.levels[USER] = 0;
  await using one = await HatRobot.start(
    { board: { use: "board-sim", hat: join(folder, "hat") }, button: { use: "button-gpio" } },
    { services },
  );
  rmSync(folder, { recursive: true });
  const button = () => one.robot.health().plugins.find(({ id }) => id === "button");
  expect(button()).toMatchObject({ state: "degraded", inspect: { presses: 0 } });
  hat.levels[USER] = 1;
  await until(() => button()?.state === "ready", "the button to be well again");
  expect(asked).toEqual([]);
});
