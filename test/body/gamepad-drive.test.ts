import { afterEach, beforeEach, expect, test } from "bun:test";
import type { HatMemory } from "../../plugins/board-sim/hat-memory.ts";
import { HatRobot, until } from "../fixtures/hat-robot.ts";
import { JoystickPipe } from "../fixtures/joystick-pipe.ts";
import { LINES, MOTORS, stoppedAtMs } from "./body-kit.ts";

const DEAD_MAN = 4;
const STOP = 1;
const RELEASE = 7;
const STICK_Y = 1;

let joystick: JoystickPipe;

beforeEach(() => {
  joystick = new JoystickPipe();
});
afterEach(() => joystick[Symbol.dispose]());

const press = (button: number) => joystick.press(button);
const letGo = (button: number) => joystick.press(button, false);
const forward = () => joystick.axis(STICK_Y, -32_767);
const backward = () => joystick.axis(STICK_Y, 16_000);
const turning = (hat: HatMemory) => MOTORS.some((register) => hat.registers[register] !== 0);

async function pilot(others: Record<string, { use: string }> = {}): Promise<HatRobot> {
  const one = await HatRobot.start({
    drive: { use: "drive-picarx", reverse_max_s: 12 },
    ...others,
    pad: { use: "gamepad-hid", hid: false, input_folder: joystick.folder, release_s: 0.2 },
  });
  await until(() => one.robot.health().plugins.find(({ id }) => id === "pad")!.state === "ready", "the pad");
  return one;
}

/** Each way in which a hand, a cable or noise ends the drive; the motors' registers are the judge. */
const ENDS: [string, () => void][] = [
  ["the dead-man button is let go", () => letGo(DEAD_MAN)],
  ["the pad is unplugged", () => joystick.unplug()],
  [
    "the pad sends garbage",
    () => joystick.write(Uint8Array.from({ length: 80 }, (_, at) => (at * 37 + 5) % 256)),
  ],
];

for (const [what, end] of ENDS) {
  test(`the motors stop when ${what}, and do not start again by themselves`, async () => {
    await using one = await pilot();
    press(DEAD_MAN);
    forward();
    await until(() => turning(one.hat), "the wheels turn");
    end();
    await until(() => !turning(one.hat), "the motors are at zero");
    await Bun.sleep(300);
    expect(turning(one.hat)).toBe(false);
  });
}

test("a person at the pad takes the wheels from a tool, which neither fights nor gets them back while they hold on", async () => {
  await using one = await pilot({ movement: { use: "tools-movement" } });
  const { robot, hat } = one;
  const right = () => hat.levels[LINES.rightDirection!] === 1;
  const steering = robot.call("steer", { direction: "left", distance_m: 2 });
  await until(() => turning(hat) && right(), "the tool drives forward");
  await until(() => robot.service("drive").pose().x_m > 0, "it has come a little way");
  backward();
  press(DEAD_MAN);
  expect((await steering).result).toMatchObject({ ended: "superseded" });
  await until(() => turning(hat) && !right(), "the person drives backward");
  const from = hat.written;
  expect(await robot.call("move", { distance_m: 1 })).toMatchObject({ ok: false, code: "MOTION_TAKEN" });
  expect(await robot.call("steer", { direction: "left" })).toMatchObject({
    result: { ended: "superseded", moved_m: 0 },
  });
  await Bun.sleep(200);
  expect(stoppedAtMs(hat, from)).toBeUndefined();
  expect([turning(hat), right()]).toEqual([true, false]);
  letGo(DEAD_MAN);
  await until(() => !turning(hat), "letting go stops");
  await until(() => robot.events("motion.stopped").length === 2, "both streams are told of");
  const [tool, person] = robot.events("motion.stopped");
  expect(tool).toMatchObject({ kind: "drive", ended: "superseded" });
  expect(tool!.moved_m).toBeGreaterThan(0);
  expect(person!.moved_m).toBeLessThan(0);
  const moved = robot.call("move", { distance_m: 0.2 });
  expect((await moved).result).toMatchObject({ ended: "completed" });
});

test("a motion that a person interrupts ends as superseded, and what waited behind it does not begin", async () => {
  await using one = await pilot({ movement: { use: "tools-movement" } });
  const { robot, hat } = one;
  const moves = [robot.call("move", { distance_m: 2 }), robot.call("move", { distance_m: 1 })];
  await until(() => turning(hat), "the tool drives");
  press(DEAD_MAN);
  const [first, second] = await Promise.all(moves);
  expect(first!.result).toMatchObject({ ended: "superseded" });
  expect(second).toMatchObject({ ok: false, code: "MOTION_TAKEN" });
  await until(() => !turning(hat), "the stick in the middle stands still");
});

test("a pad that is used while nothing may move does not keep the wheels from programs afterwards", async () => {
  await using one = await pilot();
  const body = one.robot.service("body");
  body.emergencyStop("a test");
  press(DEAD_MAN);
  forward();
  await Bun.sleep(200);
  letGo(DEAD_MAN);
  const pad = () => one.robot.health().plugins.find(({ id }) => id === "pad")!;
  await until(() => pad().inspect["driving"] === false, "the pad was let go");
  await body.release();
  await until(() => body.state()?.latched === undefined, "the release");
  expect((await one.robot.service("drive").move({ distanceM: 0.1 })).ended).toBe("completed");
});

test("after the stop button nothing drives until it was released, and then only by a new press", async () => {
  await using one = await pilot();
  const latched = () => one.robot.service("body").state()?.latched;
  press(DEAD_MAN);
  forward();
  await until(() => turning(one.hat), "the wheels turn");
  press(STOP);
  await until(() => !turning(one.hat), "the motors are at zero");
  await until(() => latched() !== undefined, "the body says why");
  letGo(STOP);
  letGo(DEAD_MAN);
  press(DEAD_MAN);
  await Bun.sleep(300);
  expect(turning(one.hat)).toBe(false);
  press(RELEASE);
  await until(() => latched() === undefined, "the stop is released");
  letGo(RELEASE);
  letGo(DEAD_MAN);
  await Bun.sleep(200);
  expect(turning(one.hat)).toBe(false);
  press(DEAD_MAN);
  await until(() => turning(one.hat), "the wheels turn again");
});
