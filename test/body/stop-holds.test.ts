import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { HatMemory } from "../../plugins/board-sim/hat-memory.ts";
import { HatRobot, until } from "../fixtures/hat-robot.ts";
import { JoystickPipe } from "../fixtures/joystick-pipe.ts";
import { startTestRobot } from "../kit/index.ts";
import { Bench, LINES, MOTORS } from "./body-kit.ts";

const DEAD_MAN = 4;
const STOP = 1;
const STICK_Y = 1;

let joystick: JoystickPipe;

beforeEach(() => {
  joystick = new JoystickPipe();
});
afterEach(() => joystick[Symbol.dispose]());

const press = (button: number) => joystick.press(button);
const letGo = (button: number) => joystick.press(button, false);
const forward = () => joystick.axis(STICK_Y, -32_767);
const turning = (hat: HatMemory) => MOTORS.some((register) => hat.registers[register] !== 0);
const plugin = (one: HatRobot, id: string) => one.robot.health().plugins.find((each) => each.id === id)!;
const motionPid = (one: HatRobot) => Number(plugin(one, "drive").inspect?.["motion_pid"]);

async function pilot(settings: Record<string, unknown> = {}): Promise<HatRobot> {
  const one = await HatRobot.start(
    {
      drive: { use: "drive-picarx" },
      pad: { use: "gamepad-hid", hid: false, input_folder: joystick.folder, release_s: 0.2, ...settings },
    },
    { verbose: true },
  );
  await until(() => plugin(one, "pad").state === "ready", "the pad");
  return one;
}

/** Fails when a motor's register is other than zero within `ms`. */
async function standsStill(hat: HatMemory, ms: number): Promise<void> {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) {
    expect(turning(hat)).toBe(false);
    await Bun.sleep(2);
  }
}

/** Drives by the pad, which is held on from then. */
async function driving(one: HatRobot): Promise<void> {
  press(DEAD_MAN);
  forward();
  await until(() => turning(one.hat), "the wheels turn");
}

async function drivesByANewPress(one: HatRobot): Promise<void> {
  letGo(DEAD_MAN);
  await Bun.sleep(300);
  await driving(one);
}

describe("a pad that is held on", () => {
  test("does not drive by the release of an emergency stop that came from elsewhere", async () => {
    await using one = await pilot();
    await driving(one);
    const body = one.robot.service("body");
    body.emergencyStop("a test");
    await until(() => !turning(one.hat), "the motors are at zero");
    await until(() => body.state()?.latched !== undefined, "the body says why");
    await Bun.sleep(200);
    await body.release();
    await until(() => body.state()?.latched === undefined, "the release");
    await standsStill(one.hat, 500);
    await drivesByANewPress(one);
  });

  test("does not drive on after a stop that does not latch, until it was let go", async () => {
    await using one = await pilot();
    await driving(one);
    one.robot.service("drive").stop("the stop tool");
    await until(() => !turning(one.hat), "the motors are at zero");
    await standsStill(one.hat, 800);
    await drivesByANewPress(one);
  });

  test("does not drive on after a stop by signal that is released at once", async () => {
    await using one = await pilot();
    await driving(one);
    process.kill(motionPid(one), "SIGUSR2");
    await until(() => one.robot.service("body").state()?.latched !== undefined, "the stop");
    await one.robot.service("body").release();
    await standsStill(one.hat, 500);
    await drivesByANewPress(one);
  });

  test("does not drive on by itself when the motion process died and a new one has come", async () => {
    await using one = await pilot();
    await driving(one);
    const before = motionPid(one);
    process.kill(before, "SIGKILL");
    await until(() => !turning(one.hat), "the motors are at zero");
    const cameBack = () => motionPid(one) > 0 && motionPid(one) !== before;
    while (!cameBack()) await standsStill(one.hat, 20);
    await standsStill(one.hat, 800);
    await drivesByANewPress(one);
  });

  test("drives no longer than still_s without a report where a pad tells changes only", async () => {
    await using one = await pilot({ still_s: 0.6 });
    await driving(one);
    await until(() => !turning(one.hat), "the wheels are let go of", 3000);
    await standsStill(one.hat, 300);
  });

  test("is let go and pressed anew at once, and drives: letting go is no stop that holds", async () => {
    await using one = await pilot();
    await driving(one);
    letGo(DEAD_MAN);
    press(DEAD_MAN);
    await Bun.sleep(400);
    expect(turning(one.hat)).toBe(true);
  });
});

test("a person's stream of intents that is stopped is refused until it paused or was let go", async () => {
  await using one = await pilot();
  const drive = one.robot.service("drive");
  const steer = () => drive.steer({ speedMps: 0.2, steerDeg: 0, leaseMs: 150, by: "person" });
  const stream = async (while_: () => boolean) => {
    while (while_()) {
      steer();
      await Bun.sleep(20);
    }
  };
  await Bun.sleep(300);
  await stream(() => !turning(one.hat));
  drive.stop("the stop word");
  for (let i = 0; i < 30; i++) {
    expect(steer).toThrow("let go");
    await Bun.sleep(10);
  }
  expect(turning(one.hat)).toBe(false);
  // Another hand that lets go does not speak for the one that holds on.
  drive.stop("another page", { letGo: true });
  expect(steer).toThrow("let go");
  await Bun.sleep(200);
  await stream(() => !turning(one.hat));
  drive.stop("let go", { letGo: true });
  steer();
  await until(() => turning(one.hat), "it drives on at once");
});

test("an emergency stop that is asked for while the drive is away holds when it is back", async () => {
  await using one = await pilot();
  await Bun.sleep(600);
  process.kill(motionPid(one), "SIGKILL");
  await until(() => !one.robot.robot.services.has("body"), "the body is away");
  press(STOP);
  await Bun.sleep(50);
  letGo(STOP);
  expect(one.robot.robot.services.has("body")).toBe(false);
  await until(() => plugin(one, "drive").state === "ready", "the drive is back");
  await until(() => one.robot.service("body").state()?.latched !== undefined, "it is latched");
  expect(one.robot.service("body").state()?.latched).toContain("stop button");
  press(DEAD_MAN);
  forward();
  await standsStill(one.hat, 500);
  await expect(one.robot.service("drive").move({ distanceM: 0.1 })).rejects.toThrow("release it first");
  await one.robot.service("body").release();
  await standsStill(one.hat, 300);
  await drivesByANewPress(one);
});

test("an emergency stop of which a motion process dies before it could say so holds in the next one", async () => {
  await using one = await pilot();
  await driving(one);
  const before = motionPid(one);
  // Older lines of it wait to be read.
  Bun.sleepSync(70);
  process.kill(before, "SIGSTOP");
  one.robot.service("body").emergencyStop("a test");
  await Bun.sleep(20);
  process.kill(before, "SIGKILL");
  await until(() => motionPid(one) > 0 && motionPid(one) !== before, "another one");
  await until(() => plugin(one, "drive").state === "ready", "the drive is back");
  await until(() => one.robot.service("body").state()?.latched !== undefined, "it is latched");
  await expect(one.robot.service("drive").move({ distanceM: 0.1 })).rejects.toThrow("a test");
  expect(turning(one.hat)).toBe(false);
});

test("a motion process that dies while the controller starts leaves the reset line free, and the next one drives", async () => {
  for (let round = 0; round < 2; round++) {
    await using one = await HatRobot.start({ drive: { use: "drive-picarx" } });
    const before = motionPid(one);
    process.kill(before, "SIGKILL");
    await until(() => plugin(one, "drive").state !== "ready", "it is missed");
    await until(() => plugin(one, "drive").state === "ready", "the drive is back");
    expect((await one.robot.service("drive").move({ distanceM: 0.1 })).ended).toBe("completed");
    expect(one.hat.levels[LINES.motorReset]).toBe(1);
  }
});

describe("an emergency stop outlives the runtime", () => {
  const folderBefore = process.env["MYNA_RUN_FOLDER"];
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
    process.env["MYNA_RUN_FOLDER"] = join(bench.folder, "run");
  });
  afterEach(() => {
    if (folderBefore === undefined) delete process.env["MYNA_RUN_FOLDER"];
    else process.env["MYNA_RUN_FOLDER"] = folderBefore;
    bench[Symbol.dispose]();
  });

  const start = () =>
    startTestRobot({
      plugins: { board: { use: "board-sim", hat: bench.hat.path }, drive: { use: "drive-picarx" } },
    });

  test("and a start in order, until it is released", async () => {
    const first = await start();
    first.service("body").emergencyStop("a test");
    await first.stop();
    const second = await start();
    await expect(second.service("drive").move({ distanceM: 0.2 })).rejects.toThrow("a test");
    expect(bench.turning).toBe(false);
    await second.service("body").release();
    await second.stop();
    const third = await start();
    expect((await third.service("drive").move({ distanceM: 0.1 })).ended).toBe("completed");
    await third.stop();
  });

  test("that is killed, whoever asked for it", async () => {
    const first = await bench.parent();
    await bench.until(true);
    process.kill(first.motionPid, "SIGUSR2");
    await bench.until(false);
    first.parent.kill("SIGKILL");
    await first.parent.exited;
    while (bench.hat.owners[LINES.motorReset] === first.motionPid && isThere(first.motionPid))
      await Bun.sleep(5);
    const from = bench.hat.written;
    const second = await bench.parent();
    await Bun.sleep(1500);
    expect(bench.hat.journal(from).filter(({ register, value }) => isMotor(register) && value > 0)).toEqual(
      [],
    );
    second.parent.kill("SIGKILL");
    await second.parent.exited;
    while (isThere(second.motionPid)) await Bun.sleep(5);
  });
});

function isMotor(register: number): boolean {
  return MOTORS.some((one) => one === register);
}

function isThere(pid: number): boolean {
  return (
    Bun.spawnSync(["sh", "-c", `grep -q motion/main.ts /proc/${pid}/cmdline`], { stderr: "ignore" })
      .exitCode === 0
  );
}
