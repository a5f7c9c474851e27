import { describe, expect, test } from "bun:test";
import { VirtualBody } from "../body/virtual-body.ts";

const STEERING = 0x22;
const PAN = { channel: 0, offsetDeg: 0, minDeg: -90, maxDeg: 90, sign: 1 } as const;
const STEERING_SERVO = { channel: 2, offsetDeg: 0, minDeg: -30, maxDeg: 30, sign: -1 } as const;
const WITH_PAN = { settings: { servos: [STEERING_SERVO, PAN] } };

describe("a motion", () => {
  test("of a distance ends there by dead reckoning, wheels off", () => {
    using body = VirtualBody.ready();
    const report = body.ended(body.move(0.5));
    expect(report.ended).toBe("completed");
    expect(Math.abs(report.movedM - 0.5)).toBeLessThan(0.02);
    expect(body.turning).toBe(false);
  });

  test("backward is short, as nothing looks there, and counts negative", () => {
    using body = VirtualBody.ready();
    const report = body.ended(body.move(-3));
    expect(report.ended).toBe("lease");
    expect(report.movedM).toBeLessThan(-0.4);
    expect(report.movedM).toBeGreaterThan(-0.75);
  });

  test("of an angle turns by it, to the left by positive ones", () => {
    using body = VirtualBody.ready();
    for (const angleDeg of [90, -45]) {
      const report = body.ended(body.turn(angleDeg));
      expect(report.ended).toBe("completed");
      expect(Math.abs(report.turnedDeg - angleDeg)).toBeLessThan(3);
    }
  });

  test("of an angle goes back and forth before a wall, and ends", () => {
    using body = VirtualBody.ready();
    body.sees = { kind: "distance", distanceM: 0.16 };
    const report = body.ended(body.turn(90));
    expect(["completed", "obstacle"]).toContain(report.ended);
    expect(body.turning).toBe(false);
  });

  test("speeds up gently, and turns round only when the car stands", () => {
    using body = VirtualBody.ready();
    body.move(5, { speedMps: 0.5 });
    body.until(() => body.turning);
    const first = body.bench.hat.registers[0x2c]!;
    body.run(500);
    expect(body.bench.hat.registers[0x2c]!).toBeGreaterThan(first);
    const before = body.bench.hat.written;
    body.move(-0.3);
    body.run(20);
    expect(body.turning).toBe(false);
    const stoodMs = body.until(() => body.turning);
    expect(stoodMs).toBeGreaterThan(150);
    expect(body.bench.stoppedAtMs(before)).toBeDefined();
  });

  test("tells how far it has come some ten times a second", () => {
    using body = VirtualBody.ready();
    const id = body.move(0.6);
    body.ended(id);
    const ways = body.said.flatMap((reply) =>
      reply.type === "pose" && reply.motion?.id === id ? [reply.motion.movedM] : [],
    );
    expect(ways.length).toBeGreaterThan(10);
    expect(ways).toEqual(ways.toSorted((a, b) => a - b));
  });

  test("gives way to the next one, and both are reported", () => {
    using body = VirtualBody.ready();
    const first = body.driving();
    const second = body.move(0.2);
    expect(body.ended(first)).toMatchObject({ ended: "superseded" });
    expect(body.ended(second)).toMatchObject({ ended: "completed" });
  });
});

describe("the lease", () => {
  test("of an intent ends it within a tick", () => {
    using body = VirtualBody.ready();
    const id = body.move(5, { leaseMs: 1000 });
    body.run(990);
    expect(body.turning).toBe(true);
    body.run(10);
    expect(body.turning).toBe(false);
    expect(body.ended(id).ended).toBe("lease");
  });

  test("is the drive's at most", () => {
    using body = VirtualBody.ready({ limits: { maxMotionMs: 500 } });
    body.move(5, { leaseMs: 1e9 });
    body.run(300);
    expect(body.turning).toBe(true);
    expect(body.until(() => !body.turning)).toBeLessThanOrEqual(220);
  });

  test("that is past when its intent comes moves nothing", () => {
    using body = VirtualBody.ready();
    const id = body.move(1, { leaseMs: 500, delayMs: 501 });
    body.run(300);
    expect(body.turning).toBe(false);
    expect(body.refusal(id)).toContain("its lease is over");
  });

  test("counts from when the intent was sent", () => {
    using body = VirtualBody.ready();
    body.move(5, { leaseMs: 1000, delayMs: 600 });
    body.until(() => body.turning);
    expect(body.until(() => !body.turning)).toBeLessThanOrEqual(420);
  });

  test("of the parent's life ends all of them, and it does not begin again by itself", () => {
    using body = VirtualBody.ready();
    const id = body.driving();
    body.parentHangs = true;
    expect(body.until(() => !body.turning)).toBeLessThanOrEqual(310);
    body.parentHangs = false;
    body.run(1000);
    expect(body.turning).toBe(false);
    expect(body.ended(id).ended).toBe("lease");
  });

  test("is not lengthened by signs of life that were long on their way", () => {
    using body = VirtualBody.ready();
    body.driving();
    body.parentHangs = true;
    for (let i = 0; i < 40; i++) {
      body.ask({ type: "alive" }, 400);
      body.tick();
    }
    expect(body.turning).toBe(false);
  });
});

describe("a stream of steering intents", () => {
  test("drives as the newest says and stops when none comes", () => {
    using body = VirtualBody.ready();
    for (let i = 0; i < 20; i++) {
      body.steer(0.3, 30);
      body.run(50);
    }
    expect(body.turning).toBe(true);
    // Left is negative on the servo (picarx.py): -30 degrees.
    expect(body.bench.hat.registers[STEERING]).toBe(238);
    expect(body.until(() => !body.turning)).toBeLessThanOrEqual(220);
  });

  test("is one motion: begun once, ended once", () => {
    using body = VirtualBody.ready();
    for (let i = 0; i < 20; i++) {
      body.steer(0.3, 0);
      body.run(50);
    }
    body.run(2000);
    expect(body.said.filter(({ type }) => type === "started").length).toBe(1);
    expect(body.said.filter(({ type }) => type === "ended").length).toBe(1);
  });

  test("has a lease of a second at most", () => {
    using body = VirtualBody.ready();
    body.steer(0.3, 0, 60_000);
    body.run(300);
    expect(body.until(() => !body.turning)).toBeLessThanOrEqual(720);
  });

  test("cannot reverse without end by pausing for a moment", () => {
    using body = VirtualBody.ready();
    let backMs = 0;
    for (let i = 0; i < 200; i++) {
      body.steer(i % 10 === 9 ? 0 : -0.2, 0);
      body.run(50);
      if (body.turning) backMs += 50;
    }
    expect(backMs).toBeLessThan(2500);
  });

  test("stands before a wall, and may back away from it", () => {
    using body = VirtualBody.ready();
    body.sees = { kind: "distance", distanceM: 0.14 };
    body.run(100);
    for (let i = 0; i < 20; i++) {
      body.steer(0.3, 0);
      body.run(50);
      expect(body.turning).toBe(false);
    }
    body.steer(-0.3, 0);
    body.run(100);
    expect(body.turning).toBe(true);
  });

  test("of a thousand a second costs the bus no more than the ticks do", () => {
    using body = VirtualBody.ready();
    const before = body.bench.hat.transactions;
    for (let tick = 0; tick < 100; tick++) {
      for (let i = 0; i < 10; i++) body.steer(i % 2 ? 0.4 : 0.2, i * 3);
      body.run(10);
    }
    expect(body.turning).toBe(true);
    expect(body.bench.hat.transactions - before).toBeLessThan(100 * 25);
    expect(body.until(() => !body.turning)).toBeLessThanOrEqual(280);
  });
});

test("a thousand moves a second are answered one by one, and the wheels stop after the last", () => {
  using body = VirtualBody.ready();
  const ids: number[] = [];
  for (let tick = 0; tick < 100; tick++) {
    for (let i = 0; i < 10; i++) ids.push(body.move(i % 2 ? 0.3 : -0.3));
    body.run(10);
  }
  body.ask({ type: "stop", ended: "stopped" });
  expect(body.turning).toBe(false);
  body.run(2000);
  const answered = body.said.flatMap((reply) => (reply.type === "ended" ? [reply.id] : []));
  expect(answered.toSorted((a, b) => a - b)).toEqual(ids);
  expect(body.turning).toBe(false);
});

describe("an emergency stop", () => {
  test("that is released before the next tick was told: whoever holds on through it is to let go", () => {
    using body = VirtualBody.ready();
    const before = body.said.length;
    body.ask({ type: "latch", reason: "a test" });
    body.ask({ type: "release" });
    body.run(100);
    const states = body.said.slice(before).filter(({ type }) => type === "state");
    expect(states[0]).toMatchObject({ latched: "a test" });
    expect(states[1]).not.toHaveProperty("latched", "a test");
  });

  test("ends what is under way and what waits at once, and refuses what comes", () => {
    using body = VirtualBody.ready();
    const first = body.driving();
    const second = body.move(0.5);
    body.ask({ type: "latch", reason: "a test" });
    expect(body.turning).toBe(false);
    const third = body.move(0.5);
    body.run(1000);
    expect(body.turning).toBe(false);
    expect(body.ended(first).ended).toBe("stopped");
    expect(body.ended(second)).toMatchObject({ ended: "stopped", movedM: 0 });
    expect(body.refusal(third)).toContain("a test");
  });

  test("stays until it is released, and nothing moves by the release", () => {
    using body = VirtualBody.ready(WITH_PAN);
    body.driving();
    body.ask({ type: "servo", channel: 0, angle_deg: 60, layer: "base" });
    body.run(50);
    body.ask({ type: "latch", reason: "a test" });
    body.run(30);
    const { written } = body.bench.hat;
    body.ask({ type: "servo", channel: 0, angle_deg: -60, layer: "base" });
    body.run(1000);
    body.ask({ type: "release" });
    body.run(1000);
    const moved = body.bench.hat.journal(written).filter(({ value }) => value !== 0);
    expect(moved).toEqual([]);
    const id = body.move(0.2);
    expect(body.ended(id).ended).toBe("completed");
  });

  test("from before this process holds", () => {
    using body = VirtualBody.ready({ settings: { latched: "from before" } });
    const id = body.move(0.2);
    body.run(500);
    expect(body.refusal(id)).toContain("from before");
    expect(body.turning).toBe(false);
  });

  test("by a critical battery comes back as long as it is critical", () => {
    using body = VirtualBody.ready();
    const id = body.driving(20);
    // 6.2 V behind the divider.
    body.bench.hat.analog[4] = 2565;
    expect(body.until(() => !body.turning)).toBeLessThan(7000);
    body.ended(id);
    body.ask({ type: "release" });
    body.run(20);
    const again = body.move(0.2);
    body.run(20);
    expect(body.refusal(again)).toContain("battery");
    expect(body.turning).toBe(false);
  });
});

describe("a stop", () => {
  test("of one motion leaves the next one alone", () => {
    using body = VirtualBody.ready();
    const first = body.driving();
    const second = body.move(0.4);
    body.run(30);
    body.ask({ type: "stop", ended: "stopped", id: first });
    expect(body.ended(second).ended).toBe("completed");
  });

  test("reaches a motion that has not begun", () => {
    using body = VirtualBody.ready();
    const id = body.move(0.4);
    body.ask({ type: "stop", ended: "link_lost", id });
    body.run(300);
    expect(body.ended(id)).toMatchObject({ ended: "link_lost", movedM: 0 });
    expect(body.turning).toBe(false);
  });

  test("is written twice, and what the controller then reads is looked at", () => {
    using body = VirtualBody.ready();
    body.driving();
    const before = body.bench.hat.written;
    body.ask({ type: "stop", ended: "stopped" });
    body.run(50);
    const zeros = body.bench.hat
      .journal(before)
      .filter(({ register }) => register === 0x2c || register === 0x2d);
    expect(zeros.length).toBe(4);
    expect(zeros.every(({ value }) => value === 0)).toBe(true);
  });
});

describe("the sensors that guard", () => {
  test("end a motion before what stands ahead, and say how far that is", () => {
    using body = VirtualBody.ready();
    let wayM = 0.6;
    const id = body.move(3);
    while (!body.said.some((reply) => reply.type === "ended")) {
      body.tick();
      const pose = body.said.findLast((reply) => reply.type === "pose");
      if (pose?.type === "pose") wayM = 0.6 - pose.x_m;
      body.sees = { kind: "distance", distanceM: wayM };
    }
    const report = body.ended(id);
    expect(report.ended).toBe("obstacle");
    expect(report.obstacleM!).toBeGreaterThan(0.1);
    expect(report.obstacleM!).toBeLessThan(0.2);
  });

  test("do not end it by a single echo that went astray", () => {
    using body = VirtualBody.ready();
    const id = body.driving(1);
    body.sees = { kind: "distance", distanceM: 0.05 };
    body.run(60);
    body.sees = { kind: "distance", distanceM: 2 };
    expect(body.ended(id).ended).toBe("completed");
  });

  test("do not believe a single far echo before a wall", () => {
    using body = VirtualBody.ready();
    body.sees = { kind: "distance", distanceM: 0.12 };
    body.run(200);
    body.move(1);
    for (let i = 0; i < 20; i++) {
      body.sees = { kind: "distance", distanceM: i % 2 ? 3 : 0.12 };
      body.until(() => body.nowMs % 60 === 0);
      body.tick();
      expect(body.turning).toBe(false);
    }
  });

  test("make it slow without an echo, which is neither near nor free", () => {
    using body = VirtualBody.ready();
    body.driving();
    const fast = body.bench.hat.registers[0x2c]!;
    body.sees = { kind: "no_echo" };
    body.run(300);
    const slow = body.bench.hat.registers[0x2c]!;
    expect(slow).toBeGreaterThan(0);
    expect(slow).toBeLessThan(fast);
  });

  test("stop it when they say nothing, and end it after a second", () => {
    using body = VirtualBody.ready();
    const id = body.driving();
    body.sees = undefined;
    expect(body.until(() => !body.turning)).toBeLessThanOrEqual(330);
    const report = body.ended(id);
    expect(report.ended).toBe("failed");
    expect(body.faults().join()).toContain("distance sensor has said nothing");
  });

  test("take a reading that failed for none", () => {
    using body = VirtualBody.ready();
    body.driving();
    body.sees = { kind: "failed", message: "stuck" };
    expect(body.until(() => !body.turning)).toBeLessThanOrEqual(330);
  });

  test("stop it at an edge of the floor, whichever sensor sees it", () => {
    for (const input of [0, 1, 2]) {
      using body = VirtualBody.ready();
      const id = body.driving();
      body.bench.hat.analog[input] = 60;
      expect(body.until(() => !body.turning)).toBeLessThanOrEqual(60);
      expect(body.ended(id).ended).toBe("cliff");
    }
  });

  test("take a single dark sample for no edge", () => {
    using body = VirtualBody.ready();
    const id = body.driving(1);
    body.bench.hat.analog[1] = 60;
    body.run(20);
    body.bench.hat.analog[1] = 1400;
    expect(body.ended(id).ended).toBe("completed");
  });

  test("let it back away from an edge", () => {
    using body = VirtualBody.ready();
    body.bench.hat.analog[1] = 60;
    body.run(700);
    expect(body.ended(body.move(-0.2)).ended).toBe("completed");
  });
});

describe("the servos", () => {
  test("go at their own speed to what both layers want together, within their limits", () => {
    using body = VirtualBody.ready(WITH_PAN);
    const PAN_REGISTER = 0x20;
    body.ask({ type: "servo", channel: 0, angle_deg: 60, layer: "base" });
    body.ask({ type: "servo", channel: 0, angle_deg: 20, layer: "add" });
    body.run(50);
    expect(body.bench.hat.registers[PAN_REGISTER]!).toBeLessThan(375);
    body.run(500);
    // 80 degrees: 500 µs and 170 of 180 parts of 2 ms.
    expect(body.bench.hat.registers[PAN_REGISTER]).toBe(489);
    body.ask({ type: "servo", channel: 0, angle_deg: 80, layer: "add" });
    body.run(500);
    expect(body.bench.hat.registers[PAN_REGISTER]).toBe(511);
    body.ask({ type: "servo", channel: 0, angle_deg: 0, layer: "add" });
    body.run(500);
    expect(body.bench.hat.registers[PAN_REGISTER]).toBe(443);
  });

  test("leave the steering to the motion that uses it", () => {
    using body = VirtualBody.ready();
    body.driving();
    body.ask({ type: "servo", channel: 2, angle_deg: 30, layer: "base" });
    body.ask({ type: "servo", channel: 2, angle_deg: 30, layer: "add" });
    body.run(300);
    expect(body.bench.hat.registers[STEERING]).toBe(307);
  });

  test("start one after the other", () => {
    using body = new VirtualBody(WITH_PAN);
    const first = () => body.bench.hat.registers[STEERING]! > 0;
    const second = () => body.bench.hat.registers[0x20]! > 0;
    body.until(first);
    expect(second()).toBe(false);
    expect(body.until(second)).toBeGreaterThanOrEqual(90);
  });
});

test("its state tells what keeps the wheels still though they are asked to turn", () => {
  const held = (body: VirtualBody) => {
    body.steer(0.2, 0);
    body.run(100);
    const state = body.said.findLast((reply) => reply.type === "state");
    return state?.type === "state" ? state.held : undefined;
  };
  using body = VirtualBody.ready();
  body.run(200);
  expect(held(body)).toBeUndefined();
  body.sees = { kind: "distance", distanceM: 0.05 };
  body.run(500);
  expect(held(body)).toBe("obstacle");
  body.sees = undefined;
  body.run(500);
  expect(held(body)).toBe("blind");
  body.sees = { kind: "distance", distanceM: 2 };
  body.run(500);
  body.bench.hat.analog.fill(100, 0, 3);
  body.run(500);
  expect(held(body)).toBe("cliff");
  body.bench.hat.failTransactions(0, 1000);
  body.run(500);
  expect(held(body)).toBe("starting");
});
