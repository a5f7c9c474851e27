import { describe, expect, test } from "bun:test";
import type { DistanceReading, Drive, Head, MotionReport } from "myna";
import { startTestRobot } from "myna/testing";
import { MotionQueue, NOT_BEGUN } from "../../plugins/tools-movement/motion-queue.ts";
import { sayLength, sayLook, sayMove, sayTurn } from "../../plugins/tools-movement/sentences.ts";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";

/** A body whose motions end when the test says so. */
class ScriptedBody implements Drive, Head {
  readonly log: string[] = [];
  #underWay: ((report: MotionReport) => void) | undefined;
  #angles = { panDeg: 0, tiltDeg: 0 };
  readings: DistanceReading[] = [{ kind: "distance", distanceM: 2.1 }];

  move(intent: { distanceM: number; speedMps?: number }, signal?: AbortSignal): Promise<MotionReport> {
    return this.#run(`move ${intent.distanceM}`, signal);
  }
  turn(intent: { angleDeg: number }, signal?: AbortSignal): Promise<MotionReport> {
    return this.#run(`turn ${intent.angleDeg}`, signal);
  }
  steer(intent: { speedMps: number; steerDeg: number }): void {
    this.log.push(`steer ${intent.speedMps} ${intent.steerDeg}`);
  }
  stop(reason: string): void {
    this.log.push(`stop (${reason})`);
    this.end({ movedM: 0.1, turnedDeg: 0, ended: "stopped" });
  }
  pose() {
    return { x_m: 0, y_m: 0, heading_deg: 0, moving: this.#underWay !== undefined };
  }
  async look(target: { panDeg?: number; tiltDeg?: number }) {
    this.#angles = { ...this.#angles, ...target };
    return this.#angles;
  }
  angles() {
    return this.#angles;
  }
  async read(): Promise<DistanceReading> {
    const [next, ...later] = this.readings;
    if (later.length > 0) this.readings = later;
    return next ?? { kind: "no_echo" };
  }
  /** Ends the motion under way. */
  end(report: MotionReport): void {
    const resolve = this.#underWay;
    this.#underWay = undefined;
    resolve?.(report);
  }
  async until(entry: string): Promise<void> {
    for (let i = 0; i < 500 && this.log.at(-1) !== entry; i++) await Bun.sleep(2);
    expect(this.log.at(-1)).toBe(entry);
  }

  #run(entry: string, signal?: AbortSignal): Promise<MotionReport> {
    this.log.push(entry);
    const report = Promise.withResolvers<MotionReport>();
    this.#underWay = report.resolve;
    signal?.addEventListener("abort", () => {
      this.log.push("aborted");
      this.end({ movedM: 0.05, turnedDeg: 0, ended: "stopped" });
    });
    return report.promise;
  }
}

async function robotWith(body: ScriptedBody, config: Record<string, unknown> = {}) {
  return await startTestRobot({
    plugins: { movement: { use: "tools-movement", ...config } },
    services: { drive: body, head: body, distance: body },
  });
}

const COMPLETED: MotionReport = { movedM: 0.5, turnedDeg: 0, ended: "completed" };

describe("the tools of the body", () => {
  test("say what was done, in numbers and in a sentence", async () => {
    const body = new ScriptedBody();
    await using robot = await robotWith(body);
    const moving = robot.call("move", { distance_m: 0.5 });
    await body.until("move 0.5");
    body.end({ movedM: 0.3812, turnedDeg: 0.04, ended: "obstacle", obstacleM: 0.1204 });
    expect(await moving).toMatchObject({
      ok: true,
      result: {
        ended: "obstacle",
        moved_m: 0.381,
        turned_deg: 0,
        obstacle_m: 0.12,
        summary: "I stopped after 38 centimeters: an obstacle is 12 centimeters ahead.",
      },
    });
    const turning = robot.call("turn", { angle_deg: -90 });
    await body.until("turn -90");
    body.end({ movedM: 0.55, turnedDeg: -90.2, ended: "completed" });
    expect((await turning).result).toMatchObject({
      turned_deg: -90.2,
      summary: "I turned right 90 degrees.",
    });
  });

  test("run one after the other when they are asked for at once", async () => {
    const body = new ScriptedBody();
    await using robot = await robotWith(body);
    const both = Promise.all([robot.call("move", { distance_m: 1 }), robot.call("turn", { angle_deg: 90 })]);
    await body.until("move 1");
    await Bun.sleep(20);
    expect(body.log).toEqual(["move 1"]);
    body.end(COMPLETED);
    await body.until("turn 90");
    body.end({ movedM: 0.5, turnedDeg: 90, ended: "completed" });
    expect((await both).map((one) => one.ok)).toEqual([true, true]);
  });

  test("stop without waiting, and drop what waits", async () => {
    const body = new ScriptedBody();
    await using robot = await robotWith(body);
    const both = Promise.all([robot.call("move", { distance_m: 1 }), robot.call("turn", { angle_deg: 90 })]);
    await body.until("move 1");
    const stopped = await robot.call("stop");
    expect(stopped.result).toEqual({ stopped: true, was_moving: true, summary: "I stopped." });
    const [move, turn] = await both;
    expect(move?.result).toMatchObject({ ended: "stopped", moved_m: 0.1 });
    expect(turn?.result).toMatchObject({
      ended: "stopped",
      turned_deg: 0,
      summary: "I did not turn: I was told to stop.",
    });
    expect(body.log).toEqual(["move 1", "stop (stop tool)"]);
    expect((await robot.call("stop")).result).toMatchObject({ was_moving: false });
  });

  test("drop what waits when the motion before was ended from outside, whether or not they may finish", async () => {
    for (const ended of ["link_lost", "lease", "stopped"] as const) {
      const body = new ScriptedBody();
      await using robot = await robotWith(body, { on_interrupt: "finish" });
      const both = Promise.all([
        robot.call("move", { distance_m: 1 }),
        robot.call("turn", { angle_deg: 90 }),
      ]);
      await body.until("move 1");
      body.end({ movedM: 0.2, turnedDeg: 0, ended });
      await Bun.sleep(20);
      expect(body.log).toEqual(["move 1"]);
      const [move, turn] = await both;
      expect(move?.result).toMatchObject({ ended, moved_m: 0.2 });
      expect(turn?.result).toMatchObject({ ended: "stopped", turned_deg: 0 });
    }
  });

  test("end a motion when the user speaks over it, unless they are told to finish", async () => {
    for (const [on_interrupt, ended] of [
      ["stop", "stopped"],
      ["finish", "completed"],
    ] as const) {
      const body = new ScriptedBody();
      await using robot = await robotWith(body, { on_interrupt });
      const abort = new AbortController();
      const moving = robot.call("move", { distance_m: 1 }, abort.signal);
      await body.until("move 1");
      abort.abort();
      await Bun.sleep(5);
      body.end(COMPLETED);
      expect((await moving).result).toMatchObject({ ended });
      expect(body.log.includes("aborted")).toBe(on_interrupt === "stop");
    }
  });

  test("refuse what is out of range or not a number before the body hears of it", async () => {
    const body = new ScriptedBody();
    await using robot = await robotWith(body);
    for (const [tool, args] of [
      ["move", { distance_m: 5 }],
      ["move", { distance_m: "far" }],
      ["move", { distance_m: 1, speed_mps: 3 }],
      ["move", { distance_m: NaN }],
      ["move", {}],
      ["turn", { angle_deg: 1000 }],
      ["turn", { angle_deg: 10, axis: "z" }],
      ["look", { direction: "inward" }],
      ["look", {}],
      ["stop", { when: "later" }],
    ] as const) {
      expect(await robot.call(tool, args)).toMatchObject({ ok: false, code: "TOOL_ARGUMENTS" });
    }
    expect(body.log).toEqual([]);
  });

  test("measure, and tell no echo from far and a failure from both", async () => {
    const body = new ScriptedBody();
    await using robot = await robotWith(body);
    body.readings = [
      { kind: "distance", distanceM: 2.1049 },
      { kind: "no_echo" },
      { kind: "failed", message: "no power" },
    ];
    expect((await robot.call("measure_distance")).result).toEqual({
      kind: "distance",
      distance_m: 2.1,
      summary: "The nearest obstacle ahead is 2.1 meters away.",
    });
    expect((await robot.call("measure_distance")).result).toMatchObject({ kind: "no_echo" });
    expect(await robot.call("measure_distance")).toMatchObject({ ok: false, code: "DEVICE_FAILED" });
  });

  test("come closer by half of the free way, and never nearer than they keep", async () => {
    const body = new ScriptedBody();
    await using robot = await robotWith(body);
    const closer = robot.call("come_closer");
    await body.until("move 1.05");
    body.readings = [{ kind: "distance", distanceM: 1.05 }];
    body.end({ movedM: 1.05, turnedDeg: 0, ended: "completed" });
    expect((await closer).result).toMatchObject({ distance_m: 1.05, summary: "I came 1.05 meters closer." });
    const near = robot.call("come_closer", { distance_m: 2 });
    await body.until("move 0.8");
    body.readings = [{ kind: "distance", distanceM: 0.26 }];
    body.end({ movedM: 0.8, turnedDeg: 0, ended: "completed" });
    await near;
    const log = [...body.log];
    expect((await robot.call("come_closer")).result).toMatchObject({
      moved_m: 0,
      summary: "I am close already: the nearest obstacle is 26 centimeters ahead.",
    });
    expect(body.log).toEqual(log);
  });

  test("look where they are told", async () => {
    const body = new ScriptedBody();
    await using robot = await robotWith(body);
    expect((await robot.call("look", { direction: "up" })).result).toEqual({
      pan_deg: 0,
      tilt_deg: 30,
      summary: "I am looking up.",
    });
    expect((await robot.call("look", { pan_deg: -20 })).result).toEqual({
      pan_deg: -20,
      tilt_deg: 30,
      summary: "I am looking 20 degrees to the right and 30 degrees up.",
    });
  });

  test("are offered as the profile says, and stop always is", async () => {
    await using robot = await robotWith(new ScriptedBody(), { tools: ["look"] });
    expect(
      robot.robot.tools
        .definitions()
        .map((tool) => tool.name)
        .sort(),
    ).toEqual(["look", "stop"]);
  });

  test("say that a part of the body is missing", async () => {
    const body = new ScriptedBody();
    await using robot = await startTestRobot({
      plugins: { movement: { use: "tools-movement" } },
      services: { drive: body },
    });
    expect(await robot.call("measure_distance")).toMatchObject({ ok: false, code: "SERVICE_UNAVAILABLE" });
  });

  test("tell the model ranges, units and how people ask", async () => {
    await using robot = await robotWith(new ScriptedBody());
    const move = robot.robot.tools.definitions().find((tool) => tool.name === "move");
    expect(move?.parameters).toMatchObject({
      type: "object",
      required: ["distance_m"],
      properties: {
        distance_m: {
          type: "number",
          minimum: -3,
          maximum: 3,
          description: expect.stringContaining("meters"),
        },
      },
    });
    expect(move?.description).toContain('"go back {distance_m}"');
  });
});

describe("with the simulated body", () => {
  const plugins = {
    ...SIMULATED_BODY,
    movement: { use: "tools-movement" },
  };

  test("half a meter forward is half a meter less to the wall", async () => {
    await using robot = await startTestRobot({ plugins });
    const before = (await robot.call("measure_distance")).result as { distance_m: number };
    expect(before.distance_m).toBeCloseTo(2.87, 1);
    const moved = await robot.call("move", { distance_m: 0.5, speed_mps: 0.5 });
    expect(moved.result).toMatchObject({ ended: "completed", summary: "I moved forward 50 centimeters." });
    const after = (await robot.call("measure_distance")).result as { distance_m: number };
    expect(Math.abs(before.distance_m - after.distance_m - 0.5)).toBeLessThan(0.08);
    expect(robot.service("world").pose().x_m).toBeCloseTo(0.5, 1);
  });

  test("an interruption ends the drive within the time that a tool has for its report", async () => {
    await using robot = await startTestRobot({ plugins });
    const abort = new AbortController();
    const moving = robot.call("move", { distance_m: 3, speed_mps: 0.5 }, abort.signal);
    await robot.waitFor("body.pose", (pose) => pose.x_m > 0.1);
    abort.abort();
    expect(await moving).toMatchObject({ ok: true, result: { ended: "stopped" } });
    expect(robot.service("drive").pose().moving).toBe(false);
  });
});

describe("the queue of motions", () => {
  test("answers a waiting motion whose signal aborts at once, and keeps the order of the others", async () => {
    const queue = new MotionQueue();
    const first = Promise.withResolvers<string>();
    const abort = new AbortController();
    const never = new AbortController().signal;
    const order: string[] = [];
    const one = queue.run(never, () => first.promise);
    const two = queue.run(abort.signal, async () => "two");
    const three = queue.run(never, async () => order.push("three"));
    abort.abort();
    expect(await two).toBe(NOT_BEGUN);
    await Bun.sleep(1);
    expect(order).toEqual([]);
    first.resolve("one");
    expect(await one).toBe("one");
    await three;
    expect(order).toEqual(["three"]);
  });

  test("goes on after a motion that failed", async () => {
    const queue = new MotionQueue();
    const never = new AbortController().signal;
    await expect(queue.run(never, () => Promise.reject(new Error("stuck")))).rejects.toThrow("stuck");
    expect(await queue.run(never, async () => "next")).toBe("next");
  });
});

describe("sentences", () => {
  const report = (changed: Partial<MotionReport>): MotionReport => ({
    movedM: 0,
    turnedDeg: 0,
    ended: "completed",
    ...changed,
  });

  test("give lengths in the unit that people would use", () => {
    expect([0.01, 0.5, -0.2, 0.994, 0.996, 1.25, 2.0].map((length) => sayLength(length))).toEqual([
      "1 centimeter",
      "50 centimeters",
      "20 centimeters",
      "99 centimeters",
      "1 meter",
      "1.25 meters",
      "2 meters",
    ]);
  });

  test("tell every end of a motion apart", () => {
    expect(sayMove(report({ movedM: -0.2 }), -0.2)).toBe("I moved back 20 centimeters.");
    expect(sayMove(report({ movedM: -0.1, ended: "obstacle", obstacleM: 0.12 }), -1)).toBe(
      "I stopped after 10 centimeters: an obstacle is 12 centimeters behind me.",
    );
    expect(sayMove(report({ ended: "cliff" }), 1)).toBe("I did not move: the floor ends ahead.");
    expect(sayTurn(report({ turnedDeg: 30, ended: "obstacle", obstacleM: 0.03 }), 90)).toBe(
      "I turned left only 30 degrees: an obstacle is in the way.",
    );
    const ends = ["stopped", "superseded", "lease", "link_lost", "failed", "obstacle", "cliff"] as const;
    expect(new Set(ends.map((ended) => sayMove(report({ movedM: 0.3, ended }), 1))).size).toBe(ends.length);
  });

  test("say where the camera looks", () => {
    expect(sayLook({ panDeg: 0, tiltDeg: 0 })).toBe("I am looking straight ahead.");
    expect(sayLook({ panDeg: 45, tiltDeg: -10 })).toBe(
      "I am looking 45 degrees to the left and 10 degrees down.",
    );
  });
});
