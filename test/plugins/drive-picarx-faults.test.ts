import { describe, expect, test } from "bun:test";
import type { I2cBus } from "../../core/board.ts";
import { takeBytes } from "../../plugins/board-sim/firmware.ts";
import { Inbox } from "../../plugins/drive-picarx/motion/inbox.ts";
import type { Bench } from "../body/body-kit.ts";
import { VirtualBody } from "../body/virtual-body.ts";

/** What goes wrong at one transaction of the bus. */
interface Fault {
  at: number;
  /** How many in a row. */
  count: number;
  /** Bytes of a write that reach the controller all the same. */
  reaches: number;
}

/** The simulated bus with a fault on the wire. */
function faulty(fault: Fault): (bus: I2cBus, bench: Bench) => I2cBus {
  let number = 0;
  return (bus, { hat }) => {
    const fails = () => {
      const at = number++;
      return at >= fault.at && at < fault.at + fault.count;
    };
    const nack = () => Object.assign(new Error("I2C: EREMOTEIO"), { code: "DEVICE_FAILED" });
    return {
      write(address, bytes) {
        if (!fails()) return bus.write(address, bytes);
        takeBytes(hat, bytes.subarray(0, fault.reaches));
        throw nack();
      },
      read(address, into) {
        if (fails()) throw nack();
        bus.read(address, into);
      },
      close() {},
    };
  };
}

/** Counts the transactions of a start, a drive with its ways, and a stop. */
function sequence(body: VirtualBody, after: () => void = () => {}): void {
  body.run(600);
  body.move(0.25);
  body.run(300);
  body.turn(8);
  body.run(500);
  body.steer(-0.3, 20);
  body.run(100);
  after();
  body.ask({ type: "stop", ended: "stopped" });
}

const LENGTH = (() => {
  using body = new VirtualBody();
  sequence(body);
  return body.bench.hat.transactions;
})();

describe("an I2C error at any position of a start, a drive and a stop", () => {
  test("is looped over a sequence that drives", () => {
    expect(LENGTH).toBeGreaterThan(300);
  });

  for (const [what, count] of [
    ["once", 1],
    ["a few times", 7],
    ["for good", Infinity],
  ] as const) {
    for (const reaches of [0, 1, 2, 3]) {
      test(`${what}, with ${reaches} bytes through: the wheels are off at the stop`, () => {
        for (let at = 0; at < LENGTH; at++) {
          using body = new VirtualBody({ wire: faulty({ at, count, reaches }) });
          sequence(body);
          body.run(20);
          expect(body.turning, `fault at transaction ${at}`).toBe(false);
          body.run(400);
          expect(body.turning, `after a fault at transaction ${at}`).toBe(false);
        }
      });
    }
  }

  test("ends the motion as failed, and the controller is reset", () => {
    using body = VirtualBody.ready();
    const id = body.driving();
    const { resets } = body.bench.hat;
    body.bench.hat.failTransactions(0, 1);
    body.run(30);
    expect(body.bench.hat.resets).toBe(resets + 1);
    expect(body.ended(id).ended).toBe("failed");
    expect(body.faults().join()).toContain("the motor controller is reset");
    body.run(500);
    expect(body.ended(body.move(0.2)).ended).toBe("completed");
  });

  test("is told, where the reset line does not obey either, and both are tried again", () => {
    let stuck = false;
    using body = VirtualBody.ready({ resetFails: () => stuck });
    body.driving();
    stuck = true;
    body.bench.hat.failTransactions(0, 20);
    body.run(30);
    expect(body.turning).toBe(true);
    expect(body.faults().join()).toContain("its reset line does not obey");
    expect(body.until(() => !body.turning)).toBeLessThan(400);
    stuck = false;
    body.run(1000);
    expect(body.turning).toBe(false);
  });
});

describe("a controller that is out of step", () => {
  /** As after noise on the clock line: the controller counts bytes that nobody sent. */
  const offset = (body: VirtualBody, bytes: number) => takeBytes(body.bench.hat, new Uint8Array(bytes));

  for (const bytes of [1, 2]) {
    test(`by ${bytes} is stopped all the same, wherever in a drive it happens`, () => {
      for (let tick = 1; tick < 100; tick += 3) {
        using body = VirtualBody.ready();
        body.driving(10);
        for (let i = 0; i < tick; i++) body.tick();
        offset(body, bytes);
        body.ask({ type: "stop", ended: "stopped" });
        expect(body.turning, `after ${tick} ticks`).toBe(false);
      }
    });

    test(`by ${bytes} is found within 110 ms of driving`, () => {
      using body = VirtualBody.ready({ settings: { grayscale: null } });
      const id = body.driving();
      const { resets } = body.bench.hat;
      offset(body, bytes);
      expect(body.until(() => body.bench.hat.resets > resets)).toBeLessThanOrEqual(110);
      expect(body.turning).toBe(false);
      expect(body.ended(id).ended).toBe("failed");
      body.run(500);
      expect(body.ended(body.move(0.2)).ended).toBe("completed");
    });
  }

  test("is not what a battery is that cannot be read: it is not reset for ever, and nothing moves until it can", () => {
    using body = new VirtualBody();
    body.bench.hat.analog[4] = 0;
    body.run(3000);
    const { resets } = body.bench.hat;
    expect(resets).toBeLessThanOrEqual(3);
    const id = body.move(0.2);
    body.run(3000);
    expect(body.bench.hat.resets).toBe(resets);
    expect(body.refusal(id)).toContain("cannot be read");
    body.bench.hat.analog[4] = 3144;
    body.run(2500);
    body.ask({ type: "release" });
    expect(body.ended(body.move(0.2)).ended).toBe("completed");
  });
});

describe("sensors that jump", () => {
  test("from one end to the other at every reading keep no wheel turning before what bars the way in the end", () => {
    let seed = 1;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    using body = VirtualBody.ready();
    const floor = (count: () => number) => {
      for (const input of [0, 1, 2]) body.bench.hat.analog[input] = Math.floor(count());
    };
    for (let round = 0; round < 40; round++) {
      body.sees = { kind: "distance", distanceM: 3 };
      floor(() => 1400);
      body.run(300);
      const id = body.driving();
      const jumps = Math.floor(random() * 60);
      for (let i = 0; i < jumps; i++) {
        const kind = Math.floor(random() * 4);
        body.sees =
          kind === 0
            ? { kind: "no_echo" }
            : kind === 1
              ? undefined
              : { kind: "distance", distanceM: random() * 3.3 };
        floor(() => random() * 4096);
        body.run(20);
      }
      const isCliff = round % 2 === 0;
      body.sees = { kind: "distance", distanceM: isCliff ? 3 : 0.05 };
      floor(() => (isCliff ? 50 : 1400));
      body.run(200);
      expect(body.turning).toBe(false);
      expect(body.ended(id).ended).toMatch(/^(obstacle|cliff|blind)$/);
    }
  });
});

describe("a line of the parent", () => {
  const line = (request: object, seq: number, atMs = 0) => JSON.stringify({ ...request, seq, at_ms: atMs });
  const MOVE = { type: "move", id: 1, distance_m: 1, speed_mps: 0.3, lease_ms: 1000 };

  test("is taken with how long it was on its way, by the quickest one so far", () => {
    const inbox = new Inbox();
    expect(inbox.take(line({ type: "alive" }, 1, 1000), 5100)).toMatchObject({ delayMs: 0 });
    expect(inbox.take(line({ type: "alive" }, 2, 1050), 5120)).toMatchObject({ delayMs: 0 });
    expect(inbox.take(line(MOVE, 3, 1100), 5670)).toEqual({
      request: { ...MOVE, seq: 3, at_ms: 1100 } as never,
      delayMs: 500,
    });
  });

  test("that is missing or comes twice is noticed", () => {
    const inbox = new Inbox();
    inbox.take(line({ type: "alive" }, 1), 0);
    expect(inbox.take(line({ type: "alive" }, 3), 0)).toEqual({ wrong: "has number 3 after 1" });
    expect(inbox.take(line({ type: "alive" }, 3), 0)).toEqual({ wrong: "has number 3 after 3" });
    expect(inbox.take(line({ type: "alive" }, 4), 0)).toMatchObject({ delayMs: 0 });
  });

  const WRONG: Record<string, string> = {
    "no JSON": '{"type":"move"',
    "no object": "7",
    nothing: "",
    null: "null",
    "a list": "[]",
    "an unknown type": line({ type: "faster" }, 1),
    "a type of every object": line({ type: "constructor" }, 1),
    "no number": JSON.stringify(MOVE),
    "no time": JSON.stringify({ ...MOVE, seq: 1 }),
    "NaN as distance": line({ ...MOVE, distance_m: NaN }, 1),
    "an endless speed": line(MOVE, 1).replace("0.3", "1e999"),
    "a text as speed": line({ ...MOVE, speed_mps: "0.3" }, 1),
    "a negative lease": line({ ...MOVE, lease_ms: -1 }, 1),
    "no id": line({ ...MOVE, id: null }, 1),
    "a turn without an angle": line({ ...MOVE, type: "turn" }, 1),
    "a servo on no layer": line({ type: "servo", channel: 0, angle_deg: 1, layer: "top" }, 1),
    "a stop without a reason": line({ type: "stop" }, 1),
    "a latch without a reason": line({ type: "latch" }, 1),
    noise: "\u0000\u0001\ufffd{{{",
  };
  for (const [what, text] of Object.entries(WRONG)) {
    test(`with ${what} is none`, () => {
      expect(new Inbox().take(text, 0)).toHaveProperty("wrong");
    });
  }

  test("cut off, or with a byte in any place that is none of JSON's, moves nothing that it did not say", () => {
    const whole = line(MOVE, 1);
    for (let at = 0; at < whole.length; at++) {
      for (const text of [whole.slice(0, at), whole.slice(0, at) + "\u0007" + whole.slice(at + 1)]) {
        const incoming = new Inbox().take(text, 0);
        if ("wrong" in incoming) continue;
        // A key of no meaning may change; numbers and types may not become something else.
        expect(incoming.request).toMatchObject({ type: "move", distance_m: 1, speed_mps: 0.3 });
      }
    }
  });

  test("with another digit in any place drives no faster than the robot's limit, no longer than its longest motion, and can be stopped", () => {
    using body = VirtualBody.ready({ limits: { maxMotionMs: 1500 } });
    // By the map of the bench, for its highest speed.
    const MOST_DUTY = 0.867;
    let drove = 0;
    const whole = line(MOVE, 2);
    for (const { index: at } of whole.matchAll(/\d/g)) {
      for (const digit of "0123456789") {
        const inbox = new Inbox();
        inbox.take(line({ type: "alive" }, 1), body.nowMs);
        const incoming = inbox.take(whole.slice(0, at) + digit + whole.slice(at + 1), body.nowMs);
        if ("wrong" in incoming) continue;
        const heard = body.said.length;
        body.motion.request(incoming.request, body.nowMs, incoming.delayMs);
        body.run(400);
        const duties = body.said.slice(heard).flatMap((one) => (one.type === "state" ? [one.duty.left] : []));
        expect(Math.max(...duties)).toBeLessThan(MOST_DUTY);
        if (duties.some((duty) => duty > 0)) drove++;
        if (digit === "9") body.run(1500);
        else body.ask({ type: "stop", ended: "stopped" });
        expect(body.turning).toBe(false);
        body.run(500);
      }
    }
    expect(drove).toBeGreaterThan(10);
  });

  test("that asks for a speed beyond the robot's, or for none, is refused", () => {
    using body = VirtualBody.ready();
    for (const speedMps of [0, -0.3, 0.51, 1e9]) {
      const id = body.move(1, { speedMps });
      body.run(50);
      expect(body.refusal(id)).toContain("at most 0.5 m/s");
    }
    const id = body.steer(-0.51, 0);
    body.run(50);
    expect(body.refusal(id)).toContain("at most 0.5 m/s");
    expect(body.turning).toBe(false);
  });
});
