import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { BodyState, Drive, LineReading } from "myna";
import { startTestRobot } from "myna/testing";
import type { TestRobot } from "myna/testing";
import { LineFollower } from "../../plugins/tools-movement/line-follower.ts";
import { HatRobot, until } from "../fixtures/hat-robot.ts";
import { ScriptedBody } from "../fixtures/scripted-body.ts";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";

const FLOOR: LineReading = { raw: [1400, 1400, 1400], offset: undefined, crossing: false, cliff: false };

/** A drive that goes ten centimetres with each intent that it is given, unless it is held. */
class ScriptedDrive implements Drive {
  readonly intents: { speedMps: number; steerDeg: number }[] = [];
  readonly stops: string[] = [];
  readonly body = new ScriptedBody();
  held = false;
  fault: Error | undefined;
  #x = 0;
  #moving = false;

  move = () => Promise.reject(new Error("not asked for"));
  turn = () => Promise.reject(new Error("not asked for"));
  steer(intent: { speedMps: number; steerDeg: number; leaseMs?: number }): void {
    if (this.fault) throw this.fault;
    expect(intent.leaseMs).toBeLessThan(1000);
    const { speedMps, steerDeg } = intent;
    this.intents.push({ speedMps, steerDeg });
    this.#moving = !this.held && speedMps !== 0;
    if (this.#moving) this.#x += 0.1 * Math.sign(speedMps);
    this.say({});
  }
  stop(reason: string): void {
    this.stops.push(reason);
    this.#moving = false;
  }
  pose() {
    return { x_m: this.#x, y_m: 0, heading_deg: 0, moving: this.#moving };
  }
  say(changed: Partial<BodyState>): void {
    const duty = this.#moving ? 0.5 : 0;
    this.body.tell({ moving: true, duty: { left: duty, right: duty }, ...changed });
  }
}

async function robotWith(drive: ScriptedDrive, line: LineReading = { ...FLOOR, offset: 0 }) {
  drive.body.tell();
  return await startTestRobot({
    plugins: { movement: { use: "tools-movement" } },
    services: { drive, body: drive.body, line: { read: () => line, onReading: () => () => {} } },
  });
}

describe("a motion by a stream of intents", () => {
  test("goes until its distance is done, stops the wheels, and tells how far it came while it drives", async () => {
    const drive = new ScriptedDrive();
    await using robot = await robotWith(drive);
    const { result } = await robot.call("steer", { direction: "left", steer_deg: 30, distance_m: 1.5 });
    expect(result).toMatchObject({
      ended: "completed",
      moved_m: 1.5,
      summary: "I drove a curve of 1.5 meters to the left.",
    });
    expect(drive.intents).toHaveLength(15);
    expect(new Set(drive.intents.map(({ steerDeg }) => steerDeg))).toEqual(new Set([30]));
    expect(drive.stops).toEqual(["stream ended: completed"]);
    expect(robot.events("tool.progress").at(0)).toMatchObject({
      name: "steer",
      progress: { moved_m: expect.any(Number), turned_deg: 0 },
    });
  });

  test("goes backward, and to the right where the servo is negative", async () => {
    const drive = new ScriptedDrive();
    await using robot = await robotWith(drive);
    const { result } = await robot.call("steer", { direction: "right", distance_m: -0.3, speed_mps: 0.15 });
    expect(result).toMatchObject({ ended: "completed", moved_m: -0.3 });
    expect(drive.intents[0]).toEqual({ speedMps: -0.15, steerDeg: -20 });
  });

  test("is ended by the stop tool, which does not wait for it", async () => {
    const drive = new ScriptedDrive();
    await using robot = await robotWith(drive, { ...FLOOR, offset: 0 });
    const following = robot.call("follow_line", { distance_m: 6 });
    while (drive.intents.length < 3) await Bun.sleep(5);
    expect((await robot.call("stop")).result).toMatchObject({ was_moving: true });
    expect((await following).result).toMatchObject({ ended: "stopped" });
    const { length } = drive.intents;
    await Bun.sleep(120);
    expect(drive.intents).toHaveLength(length);
  });

  test("is ended by an interruption, by an emergency stop, by another motion, and by a stop from elsewhere", async () => {
    const ends = async (what: (drive: ScriptedDrive, robot: TestRobot, abort: AbortController) => void) => {
      const drive = new ScriptedDrive();
      const abort = new AbortController();
      await using robot = await robotWith(drive);
      const steering = robot.call("steer", { direction: "left", distance_m: 2 }, abort.signal);
      while (drive.intents.length < 2) await Bun.sleep(5);
      what(drive, robot, abort);
      const { ended } = (await steering).result as { ended: string };
      const { length } = drive.intents;
      await Bun.sleep(70);
      expect(drive.intents).toHaveLength(length);
      return ended;
    };
    expect(await ends((_drive, _robot, abort) => abort.abort())).toBe("stopped");
    expect(await ends((drive) => drive.say({ latched: "button" }))).toBe("stopped");
    const motion = { motion_id: 9, moved_m: 0.1, turned_deg: 0 };
    expect(
      await ends((_, robot) => robot.publish("motion.started", { motion_id: 9, kind: "move", asked: 1 })),
    ).toBe("superseded");
    expect(
      await ends((_, robot) =>
        robot.publish("motion.stopped", { ...motion, kind: "drive", ended: "link_lost" }),
      ),
    ).toBe("link_lost");
  });

  test("ends before what bars the way, and says how near it is, or that the floor ends", async () => {
    const drive = new ScriptedDrive();
    drive.held = true;
    await using robot = await robotWith(drive);
    const steering = robot.call("steer", { direction: "left" });
    const near: BodyState["distance"] = { kind: "distance", distanceM: 0.15 };
    let held: BodyState["held"] = "obstacle";
    const saying = setInterval(() => drive.say({ distance: near, ...(held && { held }) }), 10);
    expect((await steering).result).toMatchObject({
      ended: "obstacle",
      obstacle_m: 0.15,
      summary: "I drove a curve of 0 centimeters to the left: an obstacle is 15 centimeters ahead.",
    });
    held = "cliff";
    expect((await robot.call("steer", { direction: "left" })).result).toMatchObject({ ended: "cliff" });
    // Wheels that stand for another reason have met no obstacle and no edge.
    for (held of ["starting", undefined] as const)
      expect((await robot.call("steer", { direction: "left" })).result).toMatchObject({ ended: "failed" });
    clearInterval(saying);
  });

  test("whose intent is refused stops the wheels and is told as an error", async () => {
    const drive = new ScriptedDrive();
    drive.fault = new Error("the motion process is not running");
    await using robot = await robotWith(drive);
    expect(await robot.call("steer", { direction: "left" })).toMatchObject({ ok: false });
    expect(drive.stops).toEqual(["stream failed"]);
    expect(robot.health().plugins.find(({ id }) => id === "movement")?.state).toBe("ready");
  });

  test("whose arguments are out of range moves nothing", async () => {
    const drive = new ScriptedDrive();
    await using robot = await robotWith(drive);
    for (const [tool, args] of [
      ["steer", { direction: "up" }],
      ["steer", { direction: "left", steer_deg: 45 }],
      ["steer", { direction: "left", distance_m: 20 }],
      ["follow_line", { speed_mps: 0.5 }],
      ["follow_line", { distance_m: -1 }],
      ["keep_distance", { duration_s: 1e6 }],
      ["keep_distance", { distance_m: 0 }],
    ] as const)
      expect(await robot.call(tool, args)).toMatchObject({ ok: false, code: "TOOL_ARGUMENTS" });
    expect(drive.intents).toEqual([]);
  });
});

describe("keeping a distance", () => {
  const speedsAt = async (...distances: (number | null)[]) => {
    const drive = new ScriptedDrive();
    await using robot = await robotWith(drive);
    const speeds: number[] = [];
    for (const distanceM of distances) {
      const distance: BodyState["distance"] =
        distanceM === null ? { kind: "no_echo" } : { kind: "distance", distanceM };
      drive.held = true;
      const abort = new AbortController();
      drive.say({ distance });
      const keeping = robot.call("keep_distance", { distance_m: 0.5 }, abort.signal);
      while (drive.intents.length === 0) await Bun.sleep(2);
      abort.abort();
      await keeping;
      speeds.push(Number(drive.intents[0]!.speedMps.toFixed(2)));
      drive.intents.length = 0;
    }
    return speeds;
  };

  test("follows what goes away, backs off from what comes, and stands while it is right or unknown", async () => {
    expect(await speedsAt(0.6, 1.5, 0.4, 0.2, 0.52, null)).toEqual([0.15, 0.3, -0.15, -0.15, 0, 0]);
  });

  test("ends after its time, standing", async () => {
    const drive = new ScriptedDrive();
    await using robot = await robotWith(drive);
    drive.say({ distance: { kind: "distance", distanceM: 0.5 } });
    expect((await robot.call("keep_distance", { duration_s: 1 })).result).toMatchObject({
      ended: "completed",
      summary: "I kept 50 centimeters distance.",
    });
  });
});

describe("following a line", () => {
  const at = (offset: number | undefined): LineReading => ({ ...FLOOR, offset });
  const way = (movedM: number) => ({ movedM, turnedDeg: 0, elapsedMs: 0 });

  test("steers toward the line, more the farther it is off", () => {
    const follower = new LineFollower({ speedMps: 0.2, distanceM: 1 });
    expect(follower.decide(at(0), way(0))).toEqual({ speedMps: 0.2, steerDeg: 0 });
    expect(follower.decide(at(0.5), way(0.1))).toEqual({ speedMps: 0.2, steerDeg: 14 });
    expect(follower.decide(at(-1), way(0.2))).toEqual({ speedMps: 0.2, steerDeg: -28 });
    expect(follower.decide(at(0), way(1))).toEqual({ ended: "completed" });
  });

  test("looks for a lost line to the side where it was, and gives up after a short way", () => {
    const follower = new LineFollower({ speedMps: 0.2, distanceM: 1 });
    follower.decide(at(-0.5), way(0.5));
    expect(follower.decide(at(undefined), way(0.52))).toEqual({
      speedMps: expect.closeTo(0.14),
      steerDeg: -30,
    });
    expect(follower.decide(at(undefined), way(0.63))).toEqual({ ended: "line_lost" });
  });

  test("does not begin where there is no line", async () => {
    const drive = new ScriptedDrive();
    await using robot = await robotWith(drive, FLOOR);
    expect((await robot.call("follow_line")).result).toMatchObject({
      ended: "line_lost",
      moved_m: 0,
      summary: "I see no line under me.",
    });
    expect(drive.intents).toEqual([]);
  });
});

describe("on the simulated car", () => {
  let robot: TestRobot;
  beforeAll(async () => {
    robot = await startTestRobot({
      plugins: {
        ...SIMULATED_BODY,
        board: { use: "board-sim", room: "line-track" },
        line: { use: "line-grayscale" },
        movement: { use: "tools-movement" },
      },
    });
    while (robot.service("body").state()?.grayscale === undefined) await Bun.sleep(10);
  });
  afterAll(() => robot.stop());

  test("a line is followed round its curve", async () => {
    const { result } = await robot.call("follow_line", { distance_m: 1.6, speed_mps: 0.25 });
    expect(result).toMatchObject({ ended: "completed", moved_m: expect.closeTo(1.6, 0) });
    const { x_m, y_m } = robot.service("world").pose();
    // The nose is over the half circle of 0.55 m around (1, 0.55).
    expect(x_m).toBeGreaterThan(1.1);
    expect(Math.abs(Math.hypot(x_m - 1, y_m - 0.55) - 0.55)).toBeLessThan(0.08);
  });

  test("whoever stops the wheels ends it as well", async () => {
    for (const afterM of [0.01, 0.1]) {
      const { x_m: fromX, y_m: fromY } = robot.service("drive").pose();
      const curve = robot.call("steer", { direction: "left", distance_m: 2 });
      const wayM = () => {
        const { x_m, y_m } = robot.service("drive").pose();
        return Math.hypot(x_m - fromX, y_m - fromY);
      };
      while (wayM() < afterM) await Bun.sleep(5);
      robot.service("drive").stop("somebody else");
      expect((await curve).result).toMatchObject({ ended: "stopped" });
      expect(wayM()).toBeLessThan(afterM + 0.2);
    }
    const endedMs = performance.now();
    const state = () => robot.service("body").state()!;
    while (state().atMs < endedMs) await Bun.sleep(5);
    expect(state().duty).toEqual({ left: 0, right: 0 });
  });

  test("a curve to the left ends to the left", async () => {
    const before = robot.service("world").pose();
    const { result } = await robot.call("steer", { direction: "left", distance_m: 0.3 });
    expect(result).toMatchObject({ ended: "completed" });
    const turned = robot.service("world").pose().heading_deg - before.heading_deg;
    expect(((turned + 540) % 360) - 180).toBeGreaterThan(15);
  });
});

test("while the motor controller does not answer a curve fails, and goes on to be driven once it does", async () => {
  const { board: _, ...body } = SIMULATED_BODY;
  const plugins = { ...body, movement: { use: "tools-movement" } };
  await using held = await HatRobot.start(plugins);
  const { robot, hat } = held;
  const state = () => robot.service("body").state();
  await until(() => state()?.grayscale !== undefined, "the controller is up");
  hat.failTransactions(0, 1_000_000);
  await until(() => state()?.held === "starting", "the controller is reset");
  const curve = () => robot.call("steer", { direction: "left", distance_m: 0.2 });
  expect((await curve()).result).toMatchObject({ ended: "failed", moved_m: 0 });
  hat.failTransactions(0, 0);
  await until(() => state()?.held === undefined, "the controller is up again");
  expect((await curve()).result).toMatchObject({ ended: "completed" });
});

test("a curve goes on after a stall of the robot's program stopped its wheels", async () => {
  await using robot = await startTestRobot({
    plugins: { ...SIMULATED_BODY, movement: { use: "tools-movement" } },
  });
  const curve = robot.call("steer", { direction: "left", distance_m: 1 });
  await until(() => (robot.service("body").state()?.duty.left ?? 0) > 0, "it drives");
  Bun.sleepSync(1000);
  expect((await curve).result).toMatchObject({ ended: "completed" });
  expect(robot.events("motion.stopped").map(({ ended }) => ended)).toContain("lease");
});
