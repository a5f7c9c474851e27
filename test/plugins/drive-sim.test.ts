import { describe, expect, test } from "bun:test";
import type { MotionReport, Room, Topics } from "myna";
import { startTestRobot } from "myna/testing";
import { BODY_RADIUS_M } from "../../plugins/drive-sim/car.ts";
import { FloorPlan } from "../../plugins/drive-sim/floor-plan.ts";
import { loadRoom, parseRoom } from "../../plugins/drive-sim/room-file.ts";
import { SimulatedDrive } from "../../plugins/drive-sim/simulated-drive.ts";
import { SimulatedHead } from "../../plugins/drive-sim/simulated-head.ts";

/** A drive on a clock that only `run` moves. */
class Rig {
  nowMs = 1000;
  readonly drive: SimulatedDrive;
  readonly floor: FloorPlan;
  readonly poses: Topics["body.pose"][] = [];
  readonly started: Topics["motion.started"][] = [];
  readonly stopped: Topics["motion.stopped"][] = [];
  #timer: { periodMs: number; dueMs: number; run: () => void } | undefined;
  #motions = 0;
  /** Least distance between the body and what it must not touch, metres, over all ticks. */
  closestM = Infinity;

  constructor(room: Room, limits: { leaseMs?: number; start?: Topics["body.pose"] } = {}) {
    this.floor = new FloorPlan(room);
    this.drive = new SimulatedDrive({
      floor: this.floor,
      start: limits.start ?? room.start,
      limits: {
        maxSpeedMps: 0.5,
        defaultSpeedMps: 0.3,
        leaseMs: limits.leaseMs ?? 60_000,
        margins: { obstacleM: 0.12, cliffM: 0.06 },
      },
      nowMs: () => this.nowMs,
      every: (periodMs, run) => {
        this.#timer = { periodMs, dueMs: this.nowMs + periodMs, run };
        return () => (this.#timer = undefined);
      },
      onPose: (pose) => this.poses.push(pose),
      onStarted: (event) => this.started.push(event),
      onStopped: (event) => this.stopped.push(event),
      nextMotionId: () => ++this.#motions,
    });
  }

  get ticking(): boolean {
    return this.#timer !== undefined;
  }

  async run(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    while (this.#timer && this.#timer.dueMs <= endMs) {
      this.nowMs = this.#timer.dueMs;
      this.#timer.dueMs += this.#timer.periodMs;
      this.#timer.run();
      const { x_m, y_m } = this.drive.pose();
      const clearM = Math.min(this.floor.obstacleDistanceM(x_m, y_m), this.floor.cliffDistanceM(x_m, y_m));
      this.closestM = Math.min(this.closestM, clearM - BODY_RADIUS_M);
      await Promise.resolve();
    }
    this.nowMs = endMs;
  }

  /** The clock jumps: the event loop was busy and no timer ran. */
  async stall(ms: number): Promise<void> {
    this.nowMs += ms;
    if (this.#timer) this.#timer.dueMs = this.nowMs;
    await this.run(0);
  }

  async report(motion: Promise<MotionReport>): Promise<MotionReport> {
    await this.run(120_000);
    return await motion;
  }
}

const hall: Room = {
  name: "hall",
  walls: parseRoom(
    `name = "hall"
     outline = [[-8, -8], [8, -8], [8, 8], [-8, 8]]
     start = { x_m = 0, y_m = 0, heading_deg = 0 }`,
    "hall",
  ).walls,
  obstacles: [],
  cliffs: [],
  start: { x_m: 0, y_m: 0, heading_deg: 0 },
};

const at = (room: Room, x_m: number, y_m: number, heading_deg: number): Rig =>
  new Rig(room, { start: { x_m, y_m, heading_deg, moving: false } });

describe("a drive in a straight line", () => {
  for (const distanceM of [0.05, 0.5, 1, 3, -0.2, -1]) {
    for (const speedMps of [0.1, 0.3, 0.5]) {
      test(`ends within a centimetre of ${distanceM} m at ${speedMps} m/s`, async () => {
        const rig = new Rig(hall);
        const report = await rig.report(rig.drive.move({ distanceM, speedMps }));
        expect(report.ended).toBe("completed");
        expect(Math.abs(report.movedM - distanceM)).toBeLessThan(0.01);
        expect(rig.drive.pose().x_m).toBeCloseTo(report.movedM, 3);
        expect(rig.drive.pose().heading_deg).toBe(0);
      });
    }
  }

  test("stops before a wall and says how far away it is", async () => {
    const rig = at(hall, 7, 0, 0);
    const report = await rig.report(rig.drive.move({ distanceM: 3, speedMps: 0.5 }));
    expect(report.ended).toBe("obstacle");
    expect(report.obstacleM).toBeCloseTo(0.12, 2);
    expect(report.movedM).toBeCloseTo(8 - 7 - BODY_RADIUS_M - 0.12, 2);
  });

  test("stops before a wall behind it", async () => {
    const rig = at(hall, -7.5, 0, 0);
    const report = await rig.report(rig.drive.move({ distanceM: -3 }));
    expect(report.ended).toBe("obstacle");
    expect(report.movedM).toBeCloseTo(-(0.5 - BODY_RADIUS_M - 0.12), 2);
  });

  test("does not move at all when the way is blocked from the beginning", async () => {
    const rig = at(hall, 8 - BODY_RADIUS_M - 0.1, 0, 0);
    const report = await rig.report(rig.drive.move({ distanceM: 0.5 }));
    expect(report).toEqual({ movedM: 0, turnedDeg: 0, ended: "obstacle", obstacleM: expect.closeTo(0.1, 2) });
  });

  test("stops before the floor ends, forward and backward", async () => {
    const table = await loadRoom("table");
    for (const distanceM of [3, -3]) {
      const rig = new Rig(table);
      const report = await rig.report(rig.drive.move({ distanceM, speedMps: 0.5 }));
      expect(report.ended).toBe("cliff");
      expect(rig.closestM).toBeGreaterThan(0.05);
      expect(rig.closestM).toBeLessThan(0.08);
    }
  });

  test("leaves a wall that it stands against", async () => {
    const rig = at(hall, 8 - BODY_RADIUS_M - 0.001, 0, 0);
    const report = await rig.report(rig.drive.move({ distanceM: -0.5 }));
    expect(report.ended).toBe("completed");
  });
});

describe("a turn", () => {
  for (const angleDeg of [5, 45, 90, -90, 180, -180, 360, -360]) {
    test(`of ${angleDeg} degrees ends within one degree`, async () => {
      const rig = new Rig(hall);
      const report = await rig.report(rig.drive.turn({ angleDeg }));
      expect(report.ended).toBe("completed");
      expect(Math.abs(report.turnedDeg - angleDeg)).toBeLessThan(1);
    });
  }

  test("to the left in the open ends where an arc of 0.35 m radius leads", async () => {
    const rig = new Rig(hall);
    await rig.report(rig.drive.turn({ angleDeg: 90 }));
    const { x_m, y_m } = rig.drive.pose();
    expect(Math.hypot(x_m - 0.355, y_m - 0.355)).toBeLessThan(0.02);
  });

  test("beside a wall goes back and forth until the heading is reached", async () => {
    for (const angleDeg of [90, -90]) {
      const rig = at(hall, 8 - BODY_RADIUS_M - 0.12, 0, 0);
      const report = await rig.report(rig.drive.turn({ angleDeg }));
      expect(report.ended).toBe("completed");
      expect(Math.abs(report.turnedDeg - angleDeg)).toBeLessThan(1);
      expect(rig.closestM).toBeGreaterThan(0);
    }
  });

  test("succeeds in a corridor that is narrower than the turning circle", async () => {
    const rig = new Rig(await loadRoom("corridor"));
    const report = await rig.report(rig.drive.turn({ angleDeg: 180 }));
    expect(report.ended).toBe("completed");
    expect(Math.abs(report.turnedDeg - 180)).toBeLessThan(1);
    expect(rig.closestM).toBeGreaterThan(0);
  });

  test("ends with the obstacle where there is no room at all", async () => {
    const cell = parseRoom(
      `name = "cell"
       outline = [[-0.155, -0.155], [0.155, -0.155], [0.155, 0.155], [-0.155, 0.155]]
       start = { x_m = 0, y_m = 0, heading_deg = 0 }`,
      "cell",
    );
    const rig = new Rig(cell);
    const report = await rig.report(rig.drive.turn({ angleDeg: 90 }));
    expect(report.ended).toBe("obstacle");
    expect(rig.closestM).toBeGreaterThan(0);
  });
});

describe("the living room", () => {
  test("has two metres free ahead, room for full turns to both sides, and a wall within range of the sensor", async () => {
    const room = await loadRoom("living-room");
    const rig = new Rig(room);
    expect((await rig.report(rig.drive.move({ distanceM: 2 }))).ended).toBe("completed");
    for (const angleDeg of [360, -360]) {
      const turning = new Rig(room);
      expect((await turning.report(turning.drive.turn({ angleDeg }))).ended).toBe("completed");
      expect(turning.closestM).toBeGreaterThan(0.3);
    }
    const { x_m, y_m, heading_deg } = room.start;
    expect(rig.floor.ray(x_m, y_m, heading_deg, 10)).toEqual({ rangeM: expect.closeTo(3, 3), hit: "wall" });
  });
});

describe("an end that nobody planned", () => {
  test("stop takes the wheels to zero before it returns, and the report says how far the car rolled on", async () => {
    const rig = new Rig(hall);
    const motion = rig.drive.move({ distanceM: 3 });
    await rig.run(2000);
    const before = rig.drive.pose().x_m;
    rig.drive.stop("test");
    const report = await rig.report(motion);
    expect(report.ended).toBe("stopped");
    expect(report.movedM - before).toBeGreaterThan(0.01);
    expect(report.movedM - before).toBeLessThan(0.06);
    expect(rig.drive.pose().moving).toBe(false);
  });

  test("an aborted signal ends a motion within the half second that a tool has for its report", async () => {
    const rig = new Rig(hall);
    const abort = new AbortController();
    const motion = rig.drive.move({ distanceM: 3, speedMps: 0.5 }, abort.signal);
    await rig.run(2000);
    abort.abort();
    await rig.run(480);
    expect(rig.stopped).toHaveLength(1);
    expect((await motion).ended).toBe("stopped");
  });

  test("a signal that is aborted already moves nothing", async () => {
    const rig = new Rig(hall);
    const report = await rig.drive.move({ distanceM: 1 }, AbortSignal.abort());
    expect(report).toEqual({ movedM: 0, turnedDeg: 0, ended: "stopped" });
    expect(rig.started).toEqual([]);
  });

  test("the lease limits how long one intent drives", async () => {
    const rig = new Rig(hall, { leaseMs: 1000 });
    const report = await rig.report(rig.drive.move({ distanceM: 3 }));
    expect(report.ended).toBe("lease");
    expect(report.movedM).toBeGreaterThan(0.2);
    expect(report.movedM).toBeLessThan(0.4);
  });

  test("a newer intent supersedes the one under way and is as exact as from rest", async () => {
    const rig = new Rig(hall);
    const first = rig.drive.move({ distanceM: 3 });
    await rig.run(1500);
    const second = rig.drive.turn({ angleDeg: 90 });
    expect((await first).ended).toBe("superseded");
    const report = await rig.report(second);
    expect(report.ended).toBe("completed");
    expect(Math.abs(rig.drive.pose().heading_deg - 90)).toBeLessThan(1);
  });

  test("halting answers what is under way at once", async () => {
    const rig = new Rig(hall);
    const motion = rig.drive.move({ distanceM: 3 });
    await rig.run(1000);
    rig.drive.halt("stopped");
    expect((await motion).ended).toBe("stopped");
    expect(rig.ticking).toBe(false);
    expect(rig.drive.pose().moving).toBe(false);
  });

  test("a stalled event loop makes the car slower, and never lets it leap through a wall", async () => {
    const rig = at(hall, 6.5, 0, 0);
    const motion = rig.drive.move({ distanceM: 3, speedMps: 0.5 });
    await rig.run(500);
    const before = rig.drive.pose().x_m;
    await rig.stall(5000);
    expect(rig.drive.pose().x_m - before).toBeLessThan(0.5 * 0.26);
    const report = await rig.report(motion);
    expect(report.ended).toBe("obstacle");
    expect(rig.closestM).toBeGreaterThan(0.1);
  });
});

test("intents that are not numbers or out of range are refused and move nothing", async () => {
  const rig = new Rig(hall);
  const refused = { code: "MOTION_REFUSED" };
  for (const bad of [NaN, Infinity, -Infinity, 1e9]) {
    await expect(rig.drive.move({ distanceM: bad })).rejects.toMatchObject(refused);
    await expect(rig.drive.turn({ angleDeg: bad })).rejects.toMatchObject(refused);
    await expect(rig.drive.move({ distanceM: 1, speedMps: bad })).rejects.toMatchObject(refused);
  }
  await expect(rig.drive.move({ distanceM: 1, speedMps: 0 })).rejects.toMatchObject(refused);
  await expect(rig.drive.turn({ angleDeg: 1, speedMps: -0.2 })).rejects.toMatchObject(refused);
  expect(rig.ticking).toBe(false);
  expect(rig.started).toEqual([]);
});

test("the pose is told ten times a second while driving and once at rest, where the clock stops", async () => {
  const rig = new Rig(hall);
  await rig.report(rig.drive.move({ distanceM: 1 }));
  const seconds = 1 / 0.3;
  expect(rig.poses.length).toBeGreaterThan(seconds * 8);
  expect(rig.poses.length).toBeLessThan(seconds * 20);
  expect(rig.poses.filter((pose) => !pose.moving)).toHaveLength(1);
  expect(rig.poses.at(-1)).toEqual(rig.drive.pose());
  expect(rig.ticking).toBe(false);
  expect(rig.stopped).toEqual([
    { motion_id: 1, kind: "move", ended: "completed", moved_m: expect.closeTo(1, 2), turned_deg: 0 },
  ]);
});

test("random drives and turns in every shipped room never touch anything", async () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (const name of ["living-room", "corridor", "table"]) {
    const rig = new Rig(await loadRoom(name));
    for (let i = 0; i < 25; i++) {
      const speedMps = 0.1 + random() * 0.4;
      const motion =
        random() < 0.5
          ? rig.drive.move({ distanceM: random() * 4 - 2, speedMps })
          : rig.drive.turn({ angleDeg: random() * 360 - 180, speedMps });
      await rig.run(random() * 8000);
      if (random() < 0.3) rig.drive.stop("test");
      if (random() < 0.7) await rig.report(motion);
    }
    expect(rig.closestM).toBeGreaterThan(0);
  }
});

describe("a room file", () => {
  test("that is wrong is refused with file and key", () => {
    const start = "start = { x_m = 0, y_m = 0, heading_deg = 0 }";
    const cases: [string, RegExp][] = [
      ["name = ", /^x\.toml: is not TOML/],
      [`name = "a"`, /^x\.toml: start: /],
      [`name = "a"\nwindow = 1\n${start}`, /window/],
      [
        `name = "a"\n${start}\n[[obstacles]]\nname = "b"\nx = 1\ny = 1\nradius = -1\ncolor = "red"`,
        /obstacles\.0\.radius/,
      ],
      [
        `name = "a"\n${start}\n[[obstacles]]\nname = "b"\nx = 1\ny = 1\nradius = 1\ncolor = "mauve"`,
        /obstacles\.0\.color/,
      ],
      [
        `name = "a"\n${start}\n[[walls]]\nx1 = 0\ny1 = -1\nx2 = 0\ny2 = 1`,
        /start: the body .* does not fit at 0, 0/,
      ],
    ];
    for (const [text, message] of cases) {
      expect(() => parseRoom(text, "x.toml")).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(message) }),
      );
    }
  });

  test("that does not exist is refused with the names of those that do", async () => {
    await expect(loadRoom("cellar")).rejects.toMatchObject({
      code: "CONFIG_NOT_FOUND",
      message: expect.stringContaining("corridor, living-room, table"),
    });
    await expect(loadRoom("./no-such-room.toml")).rejects.toMatchObject({ code: "CONFIG_NOT_FOUND" });
  });
});

describe("the head", () => {
  const makeHead = () => {
    const clock = { nowMs: 0 };
    const head = new SimulatedHead({
      start: { panDeg: 0, tiltDeg: 0 },
      nowMs: () => clock.nowMs,
      wait: async (ms) => void (clock.nowMs += ms),
      onTarget: () => {},
    });
    return { head, clock };
  };

  test("answers what its servos reached, within their limits", async () => {
    const { head } = makeHead();
    expect(await head.look({ panDeg: 200, tiltDeg: -80 })).toEqual({ panDeg: 90, tiltDeg: -35 });
    expect(await head.look({ tiltDeg: 20 })).toEqual({ panDeg: 90, tiltDeg: 20 });
  });

  test("takes the time of a real servo", async () => {
    const { head, clock } = makeHead();
    void head.look({ panDeg: 90 });
    const sweepMs = clock.nowMs;
    expect(sweepMs).toBeGreaterThan(200);
    clock.nowMs = sweepMs / 2;
    expect(head.angles().panDeg).toBeGreaterThan(40);
    expect(head.angles().panDeg).toBeLessThan(50);
  });

  test("refuses what is not a number", async () => {
    const { head } = makeHead();
    await expect(head.look({ panDeg: NaN })).rejects.toMatchObject({ code: "MOTION_REFUSED" });
  });
});

describe("in a running robot", () => {
  const plugins = { drive: { use: "drive-sim" } };
  const link = (state: Topics["session.state_changed"]["state"]) => ({
    state,
    url: "ws://127.0.0.1:1",
    attempt: 1,
  });

  test("tells its pose at the start, and drives in real time", async () => {
    await using robot = await startTestRobot({ plugins });
    expect(robot.events("body.pose")).toEqual([{ x_m: 0, y_m: 0, heading_deg: 0, moving: false }]);
    const startedMs = performance.now();
    const report = await robot.service("drive").move({ distanceM: 0.2, speedMps: 0.5 });
    expect(report.ended).toBe("completed");
    expect(performance.now() - startedMs).toBeGreaterThan(400);
    expect(robot.events("body.pose").at(-1)).toMatchObject({ x_m: expect.closeTo(0.2, 1), moving: false });
    expect(robot.events("motion.started")).toEqual([{ motion_id: 1, kind: "move", asked: 0.2 }]);
    expect(robot.events("motion.stopped")).toHaveLength(1);
  });

  test("stops the wheels when the link to the server is lost, and only then", async () => {
    await using robot = await startTestRobot({ plugins });
    const drive = robot.service("drive");
    robot.publish("session.state_changed", link("ready"));
    const motion = drive.move({ distanceM: 2 });
    await robot.waitFor("body.pose", (pose) => pose.x_m > 0.05);
    robot.publish("session.state_changed", link("ready"));
    robot.publish("session.state_changed", link("waiting"));
    expect((await motion).ended).toBe("link_lost");
    const report = await drive.move({ distanceM: 0.05 });
    expect(report.ended).toBe("completed");
  });

  test("goes on without the link where the profile says so", async () => {
    await using robot = await startTestRobot({
      plugins: { drive: { use: "drive-sim", stop_on_link_loss: false } },
    });
    robot.publish("session.state_changed", link("ready"));
    const motion = robot.service("drive").move({ distanceM: 0.1 });
    robot.publish("session.state_changed", link("waiting"));
    expect((await motion).ended).toBe("completed");
  });

  test("keeps its place through a reload, which ends the motion under way", async () => {
    await using robot = await startTestRobot({ plugins });
    const motion = robot.service("drive").move({ distanceM: 2 });
    await robot.service("head").look({ panDeg: 30 });
    await robot.waitFor("body.pose", (pose) => pose.x_m > 0.1);
    await robot.reload("drive");
    const report = await motion;
    expect(report.ended).toBe("stopped");
    const pose = robot.service("drive").pose();
    expect(pose.moving).toBe(false);
    expect(pose.x_m).toBeCloseTo(report.movedM, 3);
    expect(robot.service("head").angles()).toEqual({ panDeg: 30, tiltDeg: 0 });
    const next = await robot.service("drive").move({ distanceM: 0.05 });
    expect(next.ended).toBe("completed");
    expect(robot.events("motion.started").map((event) => event.motion_id)).toEqual([1, 2]);
  });

  test("stands before its plugin is gone", async () => {
    const robot = await startTestRobot({ plugins });
    const motion = robot.service("drive").move({ distanceM: 2 });
    await robot.waitFor("body.pose", (pose) => pose.x_m > 0.05);
    await robot.stop();
    expect((await motion).ended).toBe("stopped");
    expect(robot.events("body.pose").at(-1)?.moving).toBe(false);
  });

  test("refuses a room that it does not know, naming the key", async () => {
    const starting = startTestRobot({ plugins: { drive: { use: "drive-sim", room: "cellar" } } });
    await expect(starting).rejects.toMatchObject({
      code: "CONFIG_NOT_FOUND",
      message: expect.stringContaining('[plugins.drive] room: there is no room "cellar"'),
    });
  });
});
