import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { I2cBus, LineChip, LineEdge } from "myna";
import { HAT_ADDRESS, HatMemory, RESET_ENTRY, sharedNowMs } from "../../plugins/board-sim/hat-memory.ts";
import { openI2c } from "../../plugins/board-sim/i2c.ts";
import { openLines } from "../../plugins/board-sim/lines.ts";
import { dutyOf, servoAngleDeg } from "../../plugins/board-sim/pwm.ts";
import { motorDuties } from "../../plugins/board-sim/wiring.ts";
import { BOARD_LINES } from "../../core/board.ts";

let folder: string;
let hat: HatMemory;
let bus: I2cBus;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "myna-hat-test-"));
  hat = HatMemory.open(join(folder, "hat"));
  bus = openI2c({ hat: hat.path });
});

afterEach(() => rmSync(folder, { recursive: true }));

const write = (...bytes: number[]) => bus.write(HAT_ADDRESS, Uint8Array.from(bytes));
const readByte = (): number => {
  const into = new Uint8Array(1);
  bus.read(HAT_ADDRESS, into);
  return into[0]!;
};
const convert = (command: number): number => {
  write(command, 0, 0);
  return (readByte() << 8) | readByte();
};

/** Runs `code` in a process of its own that has the same HAT, until it ends by itself or kills itself. */
function elsewhere(code: string): void {
  const source = `
    import { openI2c } from ${JSON.stringify(join(import.meta.dir, "../../plugins/board-sim/i2c.ts"))};
    import { openLines } from ${JSON.stringify(join(import.meta.dir, "../../plugins/board-sim/lines.ts"))};
    const hat = ${JSON.stringify(hat.path)};
    const bus = openI2c({ hat });
    const lines = () => openLines({ hat, motorReset: 5, ultrasonicTrigger: 27, ultrasonicEcho: 22 });
    ${code}`;
  const file = join(folder, "other.ts");
  writeFileSync(file, source);
  Bun.spawnSync([process.execPath, file]);
}

describe("the controller of the simulated HAT", () => {
  test("takes frames of register, high byte, low byte", () => {
    write(0x22, 0x01, 0x33);
    write(0x2d, 0x0b, 0xff);
    expect(hat.registers[0x22]).toBe(307);
    expect(hat.registers[0x2d]).toBe(3071);
  });

  test("puts a frame together across transactions, and several out of one", () => {
    write(0x2c);
    write(0x0b);
    expect(hat.registers[0x2c]).toBe(0);
    write(0xff);
    expect(hat.registers[0x2c]).toBe(0x0bff);
    write(0x2c, 0, 0, 0x2d, 0x01, 0x02);
    expect([hat.registers[0x2c], hat.registers[0x2d]]).toEqual([0, 0x0102]);
  });

  test("is offset by the byte that a program left behind, until it forgets it or is reset", () => {
    write(0x2c, 0x0b, 0xff);
    write(0x20);
    write(0x2c, 0x00, 0x00);
    expect(hat.registers[0x2c], "the stop went elsewhere").toBe(0x0bff);
    expect(hat.registers[0x20]).toBe(0x2c00);
    hat.reset();
    write(0x2c, 0x01, 0x00);
    expect(hat.registers[0x2c]).toBe(0x0100);
    write(0x20);
    hat.keepFrame(hat.frameBytes, hat.frame, sharedNowMs() - 1100);
    write(0x2c, 0x00, 0x00);
    expect(hat.registers[0x2c]).toBe(0);
  });

  test("converts its inputs in reversed order, twelve bits, high byte first", () => {
    hat.analog.set([100, 1111, 2222, 3333, 3144, 5, 6, 7]);
    expect([0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0x10].map(convert)).toEqual([
      100, 1111, 2222, 3333, 3144, 5, 6, 7,
    ]);
    expect(readByte()).toBe(0);
  });

  test("keeps what drives the motors when the program that wrote it is killed", () => {
    elsewhere(`bus.write(0x14, Uint8Array.of(0x47, 0x0f, 0xff));
      bus.write(0x14, Uint8Array.of(0x2d, 0x0b, 0xff));
      process.kill(process.pid, "SIGKILL");`);
    expect(hat.registers[0x2d]).toBe(0x0bff);
    expect(dutyOf(hat, 13)).toBeCloseTo(0.75, 3);
  });

  test("fails the transactions that it is told to, counted from now, and no others", () => {
    write(0x2c, 0, 1);
    hat.failTransactions(1, 2);
    write(0x2c, 0, 2);
    for (const value of [3, 4]) expect(() => write(0x2c, 0, value)).toThrow("0x14 does not answer");
    expect(hat.registers[0x2c]).toBe(2);
    write(0x2c, 0, 5);
    expect(hat.registers[0x2c]).toBe(5);
  });

  test("is alone on its bus", () => {
    expect(() => bus.write(0x15, Uint8Array.of(0x2c, 0, 0))).toThrow("0x15 does not answer");
    expect(() => bus.read(0x40, new Uint8Array(1))).toThrow(
      expect.objectContaining({ code: "DEVICE_FAILED" }),
    );
  });

  test("leaves a journal of who wrote what and when, on one clock for all processes", () => {
    const fromMs = sharedNowMs();
    write(0x2c, 0, 1);
    elsewhere(`bus.write(0x14, Uint8Array.of(0x2d, 0, 2));`);
    hat.reset();
    const journal = hat.journal();
    expect(journal.map(({ register, value }) => [register, value])).toEqual([
      [0x2c, 1],
      [0x2d, 2],
      [RESET_ENTRY, 0],
    ]);
    expect(journal[0]?.pid).toBe(process.pid);
    expect(journal[1]?.pid).not.toBe(process.pid);
    const times = [fromMs, ...journal.map(({ atMs }) => atMs), sharedNowMs()];
    // The two processes take their origins from the system's clock, to a millisecond or so.
    for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).toBeGreaterThan(-5);
    expect(hat.journal(2)).toHaveLength(1);
  });

  test("keeps the last 4,096 writes of many", () => {
    for (let i = 0; i < 5000; i++) write(0x2c, i >> 8, i & 0xff);
    const journal = hat.journal();
    expect(journal).toHaveLength(4096);
    expect([journal[0]?.value, journal.at(-1)?.value]).toEqual([5000 - 4096, 4999]);
  });
});

describe("what its outputs do", () => {
  test("nothing, before their timer is set up", () => {
    write(0x2d, 0x0b, 0xff);
    write(0x22, 0x01, 0x33);
    expect(dutyOf(hat, 13)).toBe(0);
    expect(servoAngleDeg(hat, 2)).toBeUndefined();
  });

  test("servos turn as SunFounder's library means it", () => {
    write(0x44, 0x0f, 0xff);
    write(0x40, 0x01, 0x5f);
    for (const [ticks, angleDeg] of [
      [102, -90],
      [227, -35],
      [307, 0],
      [375, 30],
      [511, 90],
    ] as const) {
      write(0x22, ticks >> 8, ticks & 0xff);
      expect(Math.abs(servoAngleDeg(hat, 2)! - angleDeg)).toBeLessThan(0.5);
    }
  });

  test("motors turn by duty and direction line, the right one mounted the other way round", () => {
    write(0x47, 0x0f, 0xff);
    write(0x2d, 0x0b, 0xff);
    write(0x2c, 0x0b, 0xff);
    const { leftDirection, rightDirection } = BOARD_LINES.v4;
    hat.levels[leftDirection!] = 0;
    hat.levels[rightDirection!] = 1;
    expect(motorDuties(hat, "v4")).toEqual({ left: expect.closeTo(0.75, 2), right: expect.closeTo(0.75, 2) });
    hat.levels[leftDirection!] = 1;
    expect(motorDuties(hat, "v4").left).toBeCloseTo(-0.75, 2);
  });

  test("motors of a V5 board turn by two outputs each", () => {
    for (const timer of [0x47, 0x54]) write(timer, 0x0f, 0xff);
    write(0x2c, 0x0b, 0xff);
    write(0x2f, 0x07, 0xff);
    expect(motorDuties(hat, "v5")).toEqual({ left: expect.closeTo(0.75, 2), right: expect.closeTo(-0.5, 2) });
  });
});

describe("the lines of the simulated board", () => {
  const options = () => ({ hat: hat.path, motorReset: 5, ultrasonicTrigger: 27, ultrasonicEcho: 22 });
  let chip: LineChip;
  beforeEach(() => (chip = openLines(options())));
  afterEach(() => chip.close());

  test("the reset line, pulled low, clears all registers and the half frame; raising it does not", () => {
    write(0x2c, 0x0b, 0xff);
    write(0x20);
    const reset = chip.output(5, { consumer: "test", high: true });
    expect(hat.registers[0x2c]).toBe(0x0bff);
    reset.set(false);
    expect([hat.registers[0x2c], hat.frameBytes, hat.resets]).toEqual([0, 0, 1]);
    reset.set(true);
    expect(hat.resets).toBe(1);
  });

  test("keep their level when they are closed", () => {
    const led = chip.output(26, { consumer: "test", high: true });
    led.close();
    expect(hat.levels[26]).toBe(1);
  });

  test("have one owner each, named to the next one, until it lets go or dies", () => {
    const held = chip.output(5, { consumer: "test", high: true });
    const second = openLines(options());
    const claim = () => second.output(5, { consumer: "other", high: true });
    expect(claim).toThrow(`line 5 (other) is held by process ${process.pid}`);
    held.close();
    claim().close();
    elsewhere(`lines().output(5, { consumer: "dying", high: true }); process.kill(process.pid, "SIGKILL");`);
    expect(hat.owners[5]).not.toBe(0);
    claim().close();
  });

  test("that the board does not have are refused", () => {
    for (const line of [-1, 58, 1.5, NaN])
      expect(() => chip.input(line, { consumer: "test", pull: "up" })).toThrow(
        expect.objectContaining({ code: "DEVICE_NOT_FOUND" }),
      );
  });

  test("a button that nobody presses follows its pull, and both its edges are told", async () => {
    const edges: boolean[] = [];
    const button = chip.input(25, { consumer: "test", pull: "up", activeLow: true }, ({ active }) =>
      edges.push(active),
    );
    expect(button.get()).toBe(false);
    hat.levels[25] = 0;
    while (edges.length < 1) await Bun.sleep(1);
    expect(button.get()).toBe(true);
    hat.levels[25] = 1;
    while (edges.length < 2) await Bun.sleep(1);
    expect(edges).toEqual([true, false]);
  });

  test("the end of a trigger's pulse brings an echo as long as the way there and back", async () => {
    hat.echoUs = (0.75 / 343.3) * 2e6;
    const edges: LineEdge[] = [];
    const trigger = chip.output(27, { consumer: "test", high: false });
    chip.input(22, { consumer: "test", pull: "down" }, (edge) => edges.push(edge));
    trigger.set(true);
    expect(edges).toEqual([]);
    trigger.set(false);
    while (edges.length < 2) await Bun.sleep(1);
    expect(edges.map(({ active }) => active)).toEqual([true, false]);
    const us = Number(edges[1]!.timestampNs - edges[0]!.timestampNs) / 1000;
    expect((us / 2e6) * 343.3).toBeCloseTo(0.75, 4);
  });

  test("without an echo the line stays high until the sensor gives up", async () => {
    hat.echoUs = -1;
    const edges: LineEdge[] = [];
    const trigger = chip.output(27, { consumer: "test", high: true });
    chip.input(22, { consumer: "test", pull: "down" }, (edge) => edges.push(edge));
    trigger.set(false);
    while (edges.length < 2) await Bun.sleep(1);
    expect(Number(edges[1]!.timestampNs - edges[0]!.timestampNs) / 1e6).toBeCloseTo(38, 1);
  });
});
