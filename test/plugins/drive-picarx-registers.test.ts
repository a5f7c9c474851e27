import { describe, expect, test } from "bun:test";
import type { I2cBus, OutputLine } from "../../core/board.ts";
import { RobotHat, dutyTicks, servoTicks } from "../../plugins/drive-picarx/motion/robot-hat.ts";
import { SpeedMap } from "../../plugins/drive-picarx/motion/speed-map.ts";
import { Wheels } from "../../plugins/drive-picarx/motion/wheels.ts";

/** Keeps what is written, as hex, and answers reads from a list. */
class WireTap implements I2cBus {
  readonly sent: string[] = [];
  answers: number[] = [];

  write(address: number, bytes: Uint8Array): void {
    this.sent.push(`${address.toString(16)}: ${Buffer.from(bytes).toString("hex")}`);
  }

  read(address: number, into: Uint8Array): void {
    this.sent.push(`${address.toString(16)}: read ${into.length}`);
    into[0] = this.answers.shift()!;
  }

  close(): void {}
}

function lineOf(levels: Record<string, boolean>, name: string): OutputLine {
  return {
    set: (high) => {
      levels[name] = high;
    },
    close: () => {},
  };
}

function rig(v5 = false) {
  const bus = new WireTap();
  const hat = new RobotHat(bus, { v5 });
  const levels: Record<string, boolean> = {};
  const wheels = new Wheels(
    hat,
    v5
      ? { kind: "two_pwm", left: [12, 13], right: [14, 15] }
      : {
          kind: "direction",
          left: { pwm: 13, line: lineOf(levels, "left") },
          right: { pwm: 12, line: lineOf(levels, "right") },
        },
    { left: 1, right: 1 },
  );
  return { bus, hat, levels, wheels };
}

describe("the Robot HAT's registers are those of SunFounder's library", () => {
  test("a servo's angle becomes the ticks that servo.py computes", () => {
    const ticks = [-90, -35, -30, -20, 0, 20, 30, 65, 90].map(servoTicks);
    expect(ticks).toEqual([102, 227, 238, 261, 307, 352, 375, 455, 511]);
  });

  test("a duty becomes the ticks that pwm.py computes", () => {
    expect([0, 0.5, 0.55, 0.6, 0.65, 0.75, 0.9, 1].map(dutyTicks)).toEqual([
      0, 2047, 2252, 2457, 2661, 3071, 3685, 4095,
    ]);
  });

  test("a servo is one frame: register, high byte, low byte", () => {
    const { bus, hat } = rig();
    hat.servo(2, 0);
    hat.servo(2, 30);
    hat.servo(0, 0);
    expect(bus.sent).toEqual(["14: 220133", "14: 220177", "14: 200133"]);
  });

  test("the start stops the motors before it programs a timer", () => {
    const { bus, hat } = rig();
    hat.begin();
    expect(bus.sent).toEqual([
      "14: 2c0000",
      "14: 2d0000",
      "14: 440fff",
      "14: 40015f",
      "14: 470fff",
      "14: 430009",
    ]);
  });

  test("on a V5 board the start stops all four motor ports and programs their timers", () => {
    const { bus, hat } = rig(true);
    hat.begin();
    expect(bus.sent.slice(0, 8)).toEqual(
      [0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33].map((register) => `14: ${register.toString(16)}0000`),
    );
    expect(bus.sent.slice(8)).toEqual([
      "14: 440fff",
      "14: 40015f",
      "14: 470fff",
      "14: 430009",
      "14: 540fff",
      "14: 500009",
      "14: 550fff",
      "14: 510009",
      "14: 560fff",
      "14: 520009",
    ]);
  });

  test("an analog input is a command and two reads of a byte; the inputs count backwards", () => {
    const { bus, hat } = rig();
    bus.answers = [0x0d, 0x93, 0x01, 0xff];
    expect(hat.analog(0)).toBe(0x0d93);
    expect(hat.analog(4)).toBe(0x01ff);
    expect(bus.sent).toEqual([
      "14: 170000",
      "14: read 1",
      "14: read 1",
      "14: 130000",
      "14: read 1",
      "14: read 1",
    ]);
  });

  test("forward is left low and right high, as the right motor is mounted the other way round", () => {
    const { bus, levels, wheels } = rig();
    wheels.set(0.75, 0.75);
    expect(levels).toEqual({ left: false, right: true });
    expect(bus.sent).toEqual(["14: 2d0bff", "14: 2c0bff"]);
    wheels.set(-0.75, -0.75);
    expect(levels).toEqual({ left: true, right: false });
  });

  test("on a V5 board a motor's other PWM is zero before its own rises", () => {
    const { bus, wheels } = rig(true);
    wheels.set(0.75, -0.75);
    expect(bus.sent).toEqual(["14: 2d0000", "14: 2c0bff", "14: 2e0000", "14: 2f0bff"]);
  });

  test("a duty that has not changed is not written again, unless asked", () => {
    const { bus, wheels } = rig();
    wheels.set(0.5, 0.5);
    wheels.set(0.5, 0.5);
    expect(bus.sent.length).toBe(2);
    wheels.set(0.5, 0.5, true);
    expect(bus.sent.length).toBe(4);
  });

  test("a stop writes zero whatever was written before", () => {
    const { bus, wheels } = rig();
    wheels.stop();
    expect(bus.sent).toEqual(["14: 2c0000", "14: 2d0000"]);
    expect(wheels.duty).toEqual({ left: 0, right: 0 });
  });
});

describe("the speed map", () => {
  const map = new SpeedMap([
    [0.3, 0.05],
    [0.5, 0.225],
    [0.9, 0.525],
  ]);

  test("lies on straight lines between its points, both ways and for both directions", () => {
    expect(map.duty(0.225)).toBeCloseTo(0.5, 9);
    expect(map.duty(-0.375)).toBeCloseTo(-0.7, 9);
    expect(map.speedMps(0.7)).toBeCloseTo(0.375, 9);
    expect(map.speedMps(-0.5)).toBeCloseTo(-0.225, 9);
  });

  test("drives what is slower than its first point at that point, and nothing at zero", () => {
    expect(map.duty(0.01)).toBe(0.3);
    expect(map.duty(0)).toBe(0);
    expect(map.speedMps(0.2)).toBe(0);
  });

  test("does not go beyond its last point", () => {
    expect(map.duty(2)).toBe(0.9);
    expect(map.speedMps(1)).toBe(0.525);
  });
});
