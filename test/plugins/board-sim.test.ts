import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Pose, Room } from "myna";
import { startTestRobot } from "myna/testing";
import { BODY_RADIUS_M } from "../../plugins/board-sim/car.ts";
import { FloorPlan } from "../../plugins/board-sim/floor-plan.ts";
import { HatMemory } from "../../plugins/board-sim/hat-memory.ts";
import { Physics } from "../../plugins/board-sim/physics.ts";
import type { PhysicsOptions } from "../../plugins/board-sim/physics.ts";
import { loadRoom, parseRoom } from "../../plugins/board-sim/room-file.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "myna-world-test-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const hall = parseRoom(
  `name = "hall"
   outline = [[-8, -8], [8, -8], [8, 8], [-8, 8]]
   start = { x_m = 0, y_m = 0, heading_deg = 0 }`,
  "hall",
);

/** A car whose registers the test writes as a driver would. */
class Rig {
  readonly hat = HatMemory.open(join(folder, "hat"));
  readonly physics: Physics;
  readonly floor: FloorPlan;

  constructor(room: Room, changed: Partial<PhysicsOptions> & { start?: Pose } = {}) {
    this.floor = new FloorPlan(room);
    this.physics = new Physics(this.hat, this.floor, {
      revision: "v4",
      start: room.start,
      frontM: 0.13,
      coneDeg: 12,
      rangeSigmaM: 0,
      rangeMaxM: 3.3,
      lossRate: 0,
      batteryV: 7.4,
      seed: 1,
      ...changed,
    });
    for (const timer of [0x44, 0x47]) this.hat.registers[timer] = 4095;
    this.hat.registers[0x40] = 351;
    this.hat.registers[0x43] = 9;
  }

  /** Duty -1 to 1 of both motors, steering servo in degrees, right positive as picarx.py writes it. */
  drive(duty: number, rightDeg = 0): void {
    const ticks = Math.trunc(Math.abs(duty) * 4095);
    this.hat.registers.set([ticks, ticks], 0x2c);
    this.hat.levels[23] = duty < 0 ? 1 : 0;
    this.hat.levels[24] = duty < 0 ? 0 : 1;
    this.servo(2, rightDeg);
  }

  servo(channel: number, angleDeg: number): void {
    this.hat.registers[0x20 + channel] = Math.round(((500 + ((angleDeg + 90) * 2000) / 180) * 72) / 352);
  }

  run(seconds: number): void {
    for (let i = 0; i < seconds * 50; i++) this.physics.step(0.02);
    this.physics.sense();
  }

  /** What the ultrasonic sensor would give, metres; null without an echo. */
  get distanceM(): number | null {
    return this.hat.echoUs < 0 ? null : (this.hat.echoUs / 2e6) * 343.3;
  }
}

const at = (x_m: number, y_m: number, heading_deg: number) => ({ start: { x_m, y_m, heading_deg } });

describe("the simulated car", () => {
  test("reaches the speed that was measured on the real one, 0.525 m/s at a duty of 0.9, and takes its time to", () => {
    const rig = new Rig(hall, { ...at(-7, 0, 0), batteryV: 7.4 + 0.35 * 0.9 });
    rig.drive(0.9);
    rig.run(0.1);
    expect(rig.physics.pose().x_m + 7).toBeLessThan(0.04);
    rig.run(0.9);
    const before = rig.physics.pose().x_m;
    rig.run(2);
    expect((rig.physics.pose().x_m - before) / 2).toBeCloseTo(0.525, 2);
  });

  test("rolls out some centimetres when the motors are off", () => {
    const rig = new Rig(hall);
    rig.drive(0.6);
    rig.run(2);
    const before = rig.physics.pose().x_m;
    rig.drive(0);
    rig.run(1);
    const rolledM = rig.physics.pose().x_m - before;
    expect(rolledM).toBeGreaterThan(0.02);
    expect(rolledM).toBeLessThan(0.06);
    expect(rig.physics.pose().moving).toBe(false);
  });

  test("drives on for ever while nobody clears the registers, and stops when the reset line clears them", () => {
    const rig = new Rig(hall, at(-7, 0, 0));
    rig.drive(0.6);
    rig.run(20);
    expect(rig.physics.pose()).toMatchObject({ moving: true });
    rig.hat.reset();
    rig.run(1);
    expect(rig.physics.pose().moving).toBe(false);
  });

  test("stands under the duty that overcomes its gears", () => {
    const rig = new Rig(hall);
    rig.drive(0.19);
    rig.run(1);
    expect(rig.physics.pose()).toMatchObject({ x_m: 0, moving: false });
  });

  test("drives backward by its direction lines", () => {
    const rig = new Rig(hall);
    rig.drive(-0.6);
    rig.run(1);
    expect(rig.physics.pose().x_m).toBeLessThan(-0.15);
  });

  test("turns on a circle of 0.35 m radius at full lock: to the right where the servo is written positive", () => {
    const rig = new Rig(hall);
    rig.drive(0.6, 30);
    let [left, right] = [0, 0];
    for (let i = 0; i < 20; i++) {
      rig.run(1);
      left = Math.max(left, rig.physics.pose().y_m);
      right = Math.min(right, rig.physics.pose().y_m);
    }
    expect(left).toBeLessThan(0.02);
    expect(-right / 2).toBeCloseTo(0.355, 1);
  });

  test("stands before a wall however long its motors push, and can leave it again", () => {
    const rig = new Rig(hall, at(7.5, 0, 0));
    rig.drive(0.9);
    rig.run(5);
    expect(rig.physics.blocked).toBe(true);
    expect(rig.physics.pose().x_m).toBeLessThan(7.9);
    rig.drive(-0.6);
    rig.run(2);
    expect(rig.physics.pose().x_m).toBeLessThan(7.5);
    expect(rig.physics.blocked).toBe(false);
  });

  test("hangs on the edge of the floor that it drives over", async () => {
    const rig = new Rig(await loadRoom("table"));
    rig.drive(0.6);
    rig.run(10);
    expect(rig.physics.blocked).toBe(true);
    expect(rig.physics.pose().x_m).toBeCloseTo(0.8, 1);
  });

  test("points its camera where the two servos are, at the speed of real ones", () => {
    const rig = new Rig(hall);
    rig.servo(0, 60);
    rig.servo(1, -20);
    rig.run(0.1);
    expect(rig.physics.head().panDeg).toBeGreaterThan(30);
    expect(rig.physics.head().panDeg).toBeLessThan(50);
    rig.run(0.2);
    expect(rig.physics.head().panDeg).toBeCloseTo(60, 0);
    expect(rig.physics.head().tiltDeg).toBeCloseTo(20, 0);
    rig.hat.reset();
    rig.run(1);
    expect(rig.physics.head().panDeg, "a servo without pulses stays").toBeCloseTo(60, 0);
  });

  test("never leaps: however it is driven, it ends where the body fits", async () => {
    let seed = 7;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (const name of ["living-room", "corridor", "table", "line-track"]) {
      const rig = new Rig(await loadRoom(name));
      for (let i = 0; i < 200; i++) {
        rig.drive(random() * 2 - 1, random() * 60 - 30);
        rig.run(random() * 2);
        const { x_m, y_m } = rig.physics.pose();
        expect(rig.floor.obstacleDistanceM(x_m, y_m)).toBeGreaterThan(0.1);
      }
    }
  });
});

describe("its sensors", () => {
  test("the echo is as far as the wall from the nose", () => {
    expect(new Rig(hall, at(6, 0, 0)).distanceM).toBeCloseTo(2 - 0.13, 3);
  });

  test("there is no echo beyond the range of 3.3 m, and none where one is lost", () => {
    expect(new Rig(hall).distanceM).toBeNull();
    const rig = new Rig(hall, { ...at(6, 0, 0), lossRate: 0.25 });
    let heard = 0;
    for (let i = 0; i < 400; i++) {
      rig.physics.sense();
      if (rig.distanceM !== null) heard++;
    }
    expect(heard).toBeGreaterThan(260);
    expect(heard).toBeLessThan(340);
  });

  test("a thing answers within the cone and not beside it", () => {
    const post = (bearingDeg: number): Room => ({
      ...hall,
      obstacles: [
        {
          name: "post",
          x: 2 * Math.cos((bearingDeg * Math.PI) / 180),
          y: 2 * Math.sin((bearingDeg * Math.PI) / 180),
          radius: 0.05,
          heightM: 1,
          color: "red",
        },
      ],
    });
    expect(new Rig(post(11)).distanceM).toBeCloseTo(1.83, 1);
    expect(new Rig(post(20)).distanceM).toBeNull();
  });

  test("a measurement is as noisy as the profile says, never under 2 cm, and repeats for the same seed", () => {
    const measure = (seed: number) => {
      const rig = new Rig(hall, { ...at(6, 0, 0), rangeSigmaM: 0.01, seed });
      return Array.from({ length: 500 }, () => {
        rig.physics.sense();
        return rig.distanceM!;
      });
    };
    const all = measure(1);
    const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
    const sigma = Math.sqrt(all.reduce((sum, one) => sum + (one - mean) ** 2, 0) / all.length);
    expect(mean).toBeCloseTo(1.87, 2);
    expect(sigma).toBeGreaterThan(0.008);
    expect(sigma).toBeLessThan(0.012);
    expect(measure(1)).toEqual(all);
    expect(measure(2)).not.toEqual(all);
    const near = new Rig(hall, { ...at(7.87, 0, 0), rangeSigmaM: 0.01 });
    for (let i = 0; i < 50; i++) {
      near.physics.sense();
      expect(near.distanceM).toBeGreaterThanOrEqual(0.02);
    }
  });

  test("the three grayscale sensors tell floor, line and void apart, left to right", () => {
    const room = parseRoom(
      `name = "marks"
       start = { x_m = 0, y_m = 0, heading_deg = 0 }
       [[lines]]
       points = [[-1, 0.015], [1, 0.015]]
       width_m = 0.02
       [[cliffs]]
       points = [[0.4, -1], [0.6, -1], [0.6, 1], [0.4, 1]]`,
      "marks",
    );
    const [left, middle, right] = new Rig(room).hat.analog;
    expect(left).toBeLessThan(500);
    expect(left).toBeGreaterThan(200);
    expect(middle).toBeGreaterThan(1000);
    expect(right).toBeGreaterThan(1000);
    for (const value of new Rig(room, at(0.4, -0.5, 0)).hat.analog.subarray(0, 3))
      expect(value).toBeLessThan(200);
  });

  test("a dim corner is a little darker to the sensors, and never looks like a line", () => {
    const lit = { ...hall, lights: [{ x: 0, y: 0, reachM: 1, brightness: 1 }] };
    const under = new Rig(lit).hat.analog[1]!;
    const corner = new Rig(lit, at(7, 7, 0)).hat.analog[1]!;
    expect(corner).toBeLessThan(under - 100);
    expect(corner).toBeGreaterThan(1000);
  });

  test("the battery shows on its input, and sags under the motors' load", () => {
    const rig = new Rig(hall, { batteryV: 8 });
    const volts = () => (rig.hat.analog[4]! * 9.9) / 4095;
    expect(volts()).toBeCloseTo(8, 1);
    rig.drive(0.9);
    rig.run(0.5);
    expect(volts()).toBeLessThan(7.75);
    expect(volts()).toBeGreaterThan(7.6);
  });
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
      [`name = "a"\n${start}\n[[lines]]\npoints = [[0, 0]]`, /lines\.0\.points/],
      [`name = "a"\n${start}\n[[lights]]\nx = 0\ny = 0\nbrightness = 2`, /lights\.0\.brightness/],
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
      message: expect.stringContaining("corridor, line-track, living-room, table"),
    });
    await expect(loadRoom("./no-such-room.toml")).rejects.toMatchObject({ code: "CONFIG_NOT_FOUND" });
  });

  test("of every shipped room has a start where the body fits, and the living room two metres free ahead", async () => {
    for (const name of ["living-room", "corridor", "table", "line-track"]) {
      const { start } = await loadRoom(name);
      expect(new FloorPlan(await loadRoom(name)).isFree(start.x_m, start.y_m)).toBe(true);
    }
    const floor = new FloorPlan(await loadRoom("living-room"));
    expect(floor.ray(0, 0, 0, 10)).toEqual({ rangeM: expect.closeTo(3, 3), hit: "wall" });
    for (let x = 0; x < 2; x += 0.05) expect(floor.obstacleDistanceM(x, 0)).toBeGreaterThan(BODY_RADIUS_M);
  });

  test("of the line track leads along the line to where it began", async () => {
    const room = await loadRoom("line-track");
    const { points } = room.lines[0]!;
    expect(points.at(-1)).toEqual(points[0]!);
    const floor = new FloorPlan(room);
    expect(floor.isLine(0.5, 0)).toBe(true);
    expect(floor.isLine(0.5, 0.03)).toBe(false);
  });
});

describe("in a running robot", () => {
  const plugins = { board: { use: "board-sim" } };
  const hatOf = (robot: Awaited<ReturnType<typeof startTestRobot>>) =>
    robot.health().plugins.find(({ id }) => id === "board")!.inspect["hat"] as string;

  test("the HAT's file is gone with the robot, and stays what it was through a reload", async () => {
    const robot = await startTestRobot({ plugins });
    const path = hatOf(robot);
    HatMemory.open(path).writeRegister(0x20, 400);
    await robot.reload("board");
    expect(hatOf(robot)).toBe(path);
    expect(HatMemory.open(path).registers[0x20]).toBe(400);
    await robot.stop();
    expect(existsSync(dirname(path))).toBe(false);
  });

  test("a file that the profile names stays when the robot ends, as the real HAT does", async () => {
    const path = join(folder, "kept");
    const robot = await startTestRobot({ plugins: { board: { use: "board-sim", hat: path } } });
    expect(hatOf(robot)).toBe(path);
    await robot.stop();
    expect(existsSync(path)).toBe(true);
  });

  test("the car keeps its place through a reload", async () => {
    const path = join(folder, "kept");
    await using robot = await startTestRobot({ plugins: { board: { use: "board-sim", hat: path } } });
    const hat = HatMemory.open(path);
    hat.registers[0x47] = 4095;
    hat.levels[24] = 1;
    hat.registers.set([3000, 3000], 0x2c);
    while (robot.service("world").pose().x_m < 0.1) await Bun.sleep(5);
    hat.registers.set([0, 0], 0x2c);
    while (robot.service("world").pose().moving) await Bun.sleep(5);
    const before = robot.service("world").pose();
    await robot.reload("board");
    expect(robot.service("world").pose()).toEqual(before);
  });

  test("a room that is not known is refused, naming the key", async () => {
    const starting = startTestRobot({ plugins: { board: { use: "board-sim", room: "cellar" } } });
    await expect(starting).rejects.toMatchObject({
      code: "CONFIG_NOT_FOUND",
      message: expect.stringContaining('[plugins.board] room: there is no room "cellar"'),
    });
  });

  for (const revision of ["v4", "v5"]) {
    test(`the robot's own drive moves it on a ${revision} board, as far as it believes to be`, async () => {
      await using robot = await startTestRobot({
        plugins: { board: { use: "board-sim", revision }, drive: { use: "drive-picarx", alive_ms: 2000 } },
      });
      const drive = robot.service("drive");
      expect(await drive.move({ distanceM: 0.3 })).toMatchObject({ ended: "completed" });
      expect(await drive.move({ distanceM: -0.1 })).toMatchObject({ ended: "completed" });
      const world = robot.service("world");
      while (world.pose().moving) await Bun.sleep(10);
      expect(Math.abs(world.pose().x_m - 0.2)).toBeLessThan(0.06);
      expect(Math.abs(world.pose().x_m - drive.pose().x_m)).toBeLessThan(0.06);
    });
  }

  test("other plugins may hold the board's lines", async () => {
    await using robot = await startTestRobot({ plugins });
    const chip = await robot.service("board").openLines();
    const { led } = robot.service("board").describe().lines;
    const line = chip.output(led, { consumer: "test", high: true });
    expect(HatMemory.open(hatOf(robot)).levels[led]).toBe(1);
    line.close();
  });
});
