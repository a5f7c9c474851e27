import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { driveConfig } from "../../plugins/drive-picarx/config.ts";
import { RobotLock, findOwners } from "../../plugins/drive-picarx/motion/robot-lock.ts";
import { settingsOf } from "../../plugins/drive-picarx/settings-of.ts";
import { parseVendorCalibration } from "../../plugins/drive-picarx/vendor-calibration.ts";
import { Bench, LINES } from "../body/body-kit.ts";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import type { TestRobot } from "../kit/test-robot.ts";

const STOP_COMMAND = join(import.meta.dir, "../../plugins/drive-picarx/stop.sh");

let bench: Bench;
const folderBefore = process.env["MYNA_RUN_FOLDER"];
beforeEach(() => {
  bench = new Bench();
  process.env["MYNA_RUN_FOLDER"] = join(bench.folder, "run");
});
afterEach(() => {
  bench[Symbol.dispose]();
  if (folderBefore === undefined) delete process.env["MYNA_RUN_FOLDER"];
  else process.env["MYNA_RUN_FOLDER"] = folderBefore;
});

const plugins = () => ({
  ...SIMULATED_BODY,
  board: { use: "board-sim", hat: bench.hat.path, room: "corridor" },
});

/** A robot that drives. */
async function driving(): Promise<{
  robot: TestRobot;
  moved: Promise<{ ended: string; movedM: number }>;
  motionPid: number;
}> {
  const robot = await startTestRobot({ plugins: plugins() });
  const moved = robot.service("drive").move({ distanceM: 3 });
  await bench.until(true);
  const motionPid = Number(inspected(robot)["motion_pid"]);
  return { robot, moved, motionPid };
}

function inspected(robot: TestRobot): Record<string, unknown> {
  return (
    robot.health().plugins.find(({ id }) => id === "drive") as never as { inspect: Record<string, unknown> }
  ).inspect;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}

describe("the runtime stops the wheels when the motion process", () => {
  for (const [what, signal] of [
    ["dies", "SIGKILL"],
    ["hangs", "SIGSTOP"],
  ] as const) {
    test(`${what}, and it drives again with a new one`, async () => {
      const { robot, moved, motionPid } = await driving();
      process.kill(motionPid, signal);
      await bench.until(false);
      expect((await moved).ended).toBe("failed");
      await until(
        () => inspected(robot)?.["motion_pid"] !== motionPid && bench.hat.owners[LINES.motorReset] !== 0,
      );
      await until(() => robot.health().plugins.find(({ id }) => id === "drive")?.state === "ready");
      expect((await robot.service("drive").move({ distanceM: 0.1 })).ended).toBe("completed");
      await robot.stop();
      expect(bench.turning).toBe(false);
    });
  }
});

test("a drive that is gone says that nothing moves, and the link is watched no more as if something did", async () => {
  const { robot, motionPid } = await driving();
  const { bus, services } = robot.robot;
  await until(() => bus.last("body.pose")?.moving === true);
  const restPoses: boolean[] = [];
  bus.on("plugin.state_changed", ({ id, state }) => {
    if (id === "drive" && state === "retrying")
      restPoses.push(services.has("drive"), bus.last("body.pose")!.moving);
  });
  process.kill(motionPid, "SIGKILL");
  await until(() => restPoses.length > 0);
  expect(restPoses).toEqual([false, false]);
  await robot.stop();
});

test("an emergency stop outlives a reload of the drive, and nothing moves by its release", async () => {
  const { robot, moved } = await driving();
  const body = robot.service("body");
  body.emergencyStop("a test");
  await bench.until(false);
  expect((await moved).ended).toBe("stopped");
  await robot.reload("drive");
  const refused = robot.service("drive").move({ distanceM: 0.1 });
  expect(refused).rejects.toThrow("a test");
  await refused.catch(() => {});
  expect(body.servo(0, 30)).rejects.toThrow("release it first");
  await robot.service("body").release();
  await Bun.sleep(100);
  expect(bench.turning).toBe(false);
  expect((await robot.service("drive").move({ distanceM: 0.1 })).ended).toBe("completed");
  await robot.stop();
});

test("a second robot on the same wires is refused with the first one named, which drives on", async () => {
  const { robot, motionPid } = await driving();
  const { resets } = bench.hat;
  const second = await startTestRobot({ plugins: plugins(), tolerant: true });
  const drive = second.health().plugins.find(({ id }) => id === "drive");
  expect(drive?.message).toContain(`drive of process ${process.pid}`);
  expect(drive?.message).toContain(String(motionPid));
  await second.stop();
  expect(bench.hat.resets).toBe(resets);
  expect(bench.turning).toBe(true);
  await robot.stop();
  expect(bench.turning).toBe(false);
});

test("the stop command stops a robot without its runtime, and its release moves nothing", async () => {
  const { robot, moved } = await driving();
  const command = async (...flags: string[]) => {
    const child = Bun.spawn(["sh", STOP_COMMAND, ...flags], {
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, BUN: process.execPath },
    });
    const said = await new Response(child.stdout).text();
    return { exitCode: await child.exited, said };
  };
  const stopped = await command();
  expect(bench.turning).toBe(false);
  expect(stopped).toMatchObject({ exitCode: 0 });
  expect(stopped.said).toContain('"latched":"emergency stop by signal"');
  expect((await moved).ended).toBe("stopped");
  expect((await command("--release")).said).toContain('"latched":null');
  expect(bench.turning).toBe(false);
  expect((await command("--now")).exitCode).toBe(2);
  await robot.stop();
  expect((await command()).exitCode).toBe(3);
  expect(readdirSync(process.env["MYNA_RUN_FOLDER"]!)).toEqual([]);
});

test("a motion ends with its signal, says how far it has come, and leaves the next one alone", async () => {
  const robot = await startTestRobot({ plugins: plugins() });
  const drive = robot.service("drive");
  const ways: number[] = [];
  const aborted = new AbortController();
  const first = drive.move({ distanceM: 3, onProgress: ({ movedM }) => ways.push(movedM) }, aborted.signal);
  await until(() => ways.length > 3);
  expect(ways).toEqual(ways.toSorted((a, b) => a - b));
  const second = drive.move({ distanceM: 0.2 });
  aborted.abort();
  expect((await first).ended).toMatch(/^(superseded|stopped)$/);
  expect((await second).ended).toBe("completed");
  await robot.stop();
});

test("steering intents drive until they stop coming; what is none stops the wheels", async () => {
  const robot = await startTestRobot({ plugins: plugins() });
  const drive = robot.service("drive");
  const streamed = async (until: () => boolean) => {
    while (!until()) {
      drive.steer({ speedMps: 0.2, steerDeg: 10 });
      await Bun.sleep(20);
    }
  };
  await streamed(() => bench.turning);
  await bench.until(false);
  for (const wrong of [{ speedMps: NaN }, { speedMps: 9 }, { steerDeg: Infinity }, { leaseMs: -1 }]) {
    await streamed(() => bench.turning);
    expect(() => drive.steer({ speedMps: 0.2, steerDeg: 0, ...wrong })).toThrow();
    await bench.until(false, 200);
  }
  await robot.stop();
});

test("a motion outside the limits is refused by name", async () => {
  const robot = await startTestRobot({ plugins: plugins() });
  const drive = robot.service("drive");
  expect(drive.move({ distanceM: NaN })).rejects.toThrow("distanceM must be between -20 and 20, not NaN");
  expect(drive.turn({ angleDeg: -Infinity })).rejects.toThrow("angleDeg");
  expect(drive.move({ distanceM: 1, speedMps: -0.1 })).rejects.toThrow("speedMps");
  expect(robot.service("body").servo(9, 0)).rejects.toThrow("servo 9");
  expect(robot.service("body").servo(0, NaN)).rejects.toThrow("NaN");
  await robot.stop();
});

describe("the lock of a robot", () => {
  const RESET = { module: "lines.ts", options: {}, line: 5 };

  test("that a dead process left is taken over, with what it left behind", () => {
    const folder = join(bench.folder, "run");
    const first = RobotLock.take([folder], "wires", { owner: "the first", reset: RESET })!;
    const [file] = readdirSync(folder);
    // This process is no motion process: as if another program had got the number.
    expect(findOwners([folder])).toEqual([]);
    expect(existsSync(join(folder, file!))).toBe(false);
    const second = RobotLock.take([folder], "wires", { owner: "the second", reset: RESET })!;
    expect(second.socket).toBe(first.socket);
    second.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("goes without a folder where none can be written", () => {
    writeFileSync(join(bench.folder, "file"), "");
    const folder = join(bench.folder, "file", "run");
    expect(RobotLock.take([folder], "wires", { owner: "owner", reset: RESET })).toBeUndefined();
  });
});

describe("SunFounder's calibration file", () => {
  const FILE = `# robot_hat config and calibration value of robots

picarx_dir_servo = -2.4
picarx_cam_pan_servo = 1.6
picarx_cam_tilt_servo = 4.0
picarx_dir_motor = [1, -1]
line_reference = [1000, 1000, 1000]
cliff_reference = [510, 520, 530]

`;
  const board = () => ({
    revision: "v4" as const,
    lines: LINES,
    i2c: { module: "i2c.ts", options: {} },
    lineChip: { module: "lines.ts", options: {} },
  });

  test("gives the servos' offsets, the motors' directions and the cliff's reference", () => {
    expect(parseVendorCalibration(FILE)).toEqual({
      steeringDeg: -2.4,
      panDeg: 1.6,
      tiltDeg: 4,
      motors: [1, -1],
      cliff: [510, 520, 530],
    });
  });

  test("that is damaged gives what is whole in it", () => {
    const damaged =
      "picarx_dir_servo = 95\npicarx_cam_pan_servo = abc\npicarx_dir_motor = [1, 2]\ncliff_reference = [1,\npicarx_cam_tilt_servo = 3";
    expect(parseVendorCalibration(damaged)).toEqual({ tiltDeg: 3 });
    expect(parseVendorCalibration("\u0000\u0001 = \n=\n===")).toEqual({});
  });

  test("counts where the profile says nothing, and not where it does", () => {
    const path = join(bench.folder, "picar-x.conf");
    writeFileSync(path, FILE);
    const theirs = settingsOf(driveConfig.parse({ calibration_file: path }), board(), "test");
    expect(theirs.steering.offsetDeg).toBe(-2.4);
    expect(theirs.servos.map(({ offsetDeg }) => offsetDeg)).toEqual([-2.4, 1.6, 4]);
    expect(theirs.motors).toMatchObject({ leftSign: 1, rightSign: -1 });
    expect(theirs.grayscale?.cliffBelow).toEqual([510, 520, 530]);
    const own = settingsOf(
      driveConfig.parse({ calibration_file: path, steering_offset_deg: 0, right_motor_sign: 1 }),
      board(),
      "test",
    );
    expect(own.steering.offsetDeg).toBe(0);
    expect(own.motors).toMatchObject({ leftSign: 1, rightSign: 1 });
  });

  test("that is missing counts for nothing, and one that cannot be read is named", () => {
    const none = settingsOf(
      driveConfig.parse({ calibration_file: join(bench.folder, "none") }),
      board(),
      "test",
    );
    expect(none.steering.offsetDeg).toBe(0);
    expect(none.grayscale?.cliffBelow).toEqual([200, 200, 200]);
    const folder = driveConfig.parse({ calibration_file: bench.folder });
    expect(() => settingsOf(folder, board(), "test")).toThrow(bench.folder);
  });
});
