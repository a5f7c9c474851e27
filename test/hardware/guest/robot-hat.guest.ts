import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openI2c } from "../../../plugins/board-picarx/i2c.ts";
import { openLines } from "../../../plugins/board-picarx/lines.ts";
import { RobotHat } from "../../../plugins/drive-picarx/motion/robot-hat.ts";
import { sharedNowMs } from "../../../plugins/board-sim/hat-memory.ts";
import { Bench, stoppedAtMs } from "../../body/body-kit.ts";
import { Bridge, CHIP, LINES } from "./bridge.ts";

const PLUGINS = join(import.meta.dir, "../../../plugins");
const PARENT = join(import.meta.dir, "../../body/parent.ts");
const LINE_OPTIONS = { chip: CHIP, backend: "character", pollMs: 10 } as const;

let bridge: Bridge;
beforeAll(async () => {
  bridge = await Bridge.plugIn();
});
afterAll(async () => {
  await bridge[Symbol.asyncDispose]();
});

/** What the motion process is told on a robot, with the bridge's wires in place of the header's. */
function settings(): string {
  using bench = new Bench();
  return JSON.stringify({
    ...bench.settings(),
    lines: LINES,
    i2c: { module: join(PLUGINS, "board-picarx/i2c.ts"), options: { device: bridge.bus } },
    lineChip: { module: join(PLUGINS, "board-picarx/lines.ts"), options: LINE_OPTIONS },
  });
}

function turning(): boolean {
  const { registers } = bridge.hat;
  return registers[0x2c] !== 0 || registers[0x2d] !== 0;
}

/** Resolves when both motors turn, or neither does. */
async function until(wanted: boolean): Promise<void> {
  const endMs = performance.now() + 30_000;
  const { registers } = bridge.hat;
  const reached = () => (wanted ? registers[0x2c] !== 0 && registers[0x2d] !== 0 : !turning());
  while (!reached()) {
    if (performance.now() > endMs) throw new Error(`the motors are ${wanted ? "off" : "on"} still`);
    await Bun.sleep(5);
  }
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      if (/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return;
    } catch {
      return;
    }
    await Bun.sleep(10);
  }
}

/** A runtime in a process of its own, driving. */
async function driving() {
  const parent = Bun.spawn([process.execPath, PARENT, settings()], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await parent.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value).trim());
  await until(true);
  return { parent, pid };
}

describe("through the kernel's I2C and GPIO", () => {
  test("frames reach the HAT's registers, and its analog inputs are read", () => {
    const bus = openI2c({ device: bridge.bus });
    const hat = new RobotHat(bus, { v5: false });
    hat.begin();
    hat.servo(2, 30);
    expect(bridge.hat.registers[0x44]).toBe(0x0fff);
    expect(bridge.hat.registers[0x40]).toBe(0x015f);
    expect(bridge.hat.registers[0x22]).toBe(0x0177);
    bridge.hat.analog[0] = 0x0abc;
    expect(hat.analog(0)).toBe(0x0abc);
    expect(hat.analog(4)).toBe(3144);
    bus.close();
  });

  test("a chip that is not there is an error with its address", () => {
    const bus = openI2c({ device: bridge.bus });
    expect(() => bus.write(0x15, Uint8Array.of(1, 2, 3))).toThrow("0x15 does not answer");
    bus.close();
  });

  test("a line is set and read, and has one owner", async () => {
    const chip = await openLines(LINE_OPTIONS);
    const other = await openLines(LINE_OPTIONS);
    const led = chip.output(LINES.led, { consumer: "a test", high: true });
    expect(bridge.hat.levels[LINES.led]).toBe(1);
    led.set(false);
    expect(bridge.hat.levels[LINES.led]).toBe(0);
    expect(() => other.output(LINES.led, { consumer: "another", high: true })).toThrow("a test");
    led.close();
    const button = chip.input(LINES.userButton, { consumer: "a test", pull: "none", activeLow: true });
    bridge.hat.levels[LINES.userButton] = 0;
    expect(button.get()).toBe(true);
    bridge.hat.levels[LINES.userButton] = 1;
    expect(button.get()).toBe(false);
    button.close();
    chip.close();
    other.close();
  });

  // This processor takes some 15 ms to clear a dead program away; the lease would end 250 ms after its last sign of life.
  test.each([
    ["is killed", "SIGKILL", 40],
    ["crashes", "SIGSEGV", 40],
    ["leaves", "exit", 40],
    ["falls over a fault", "throw", 40],
    ["hangs", "hang", 350],
  ] as const)("the wheels turn, and stop when the runtime %s", async (_, cause, limitMs) => {
    const { parent, pid } = await driving();
    expect(bridge.hat.levels[LINES.leftDirection]).toBe(0);
    expect(bridge.hat.levels[LINES.rightDirection]).toBe(1);
    const { written } = bridge.hat;
    let causedAtMs = sharedNowMs();
    if (cause.startsWith("SIG")) parent.kill(cause as NodeJS.Signals);
    else parent.stdin.write(`${cause}\n`);
    if (cause === "exit" || cause === "throw") {
      // Bun takes its time to leave: what counts is its end.
      await parent.exited;
      causedAtMs = sharedNowMs();
    }
    await until(false);
    expect(stoppedAtMs(bridge.hat, written)! - causedAtMs).toBeLessThan(limitMs);
    parent.kill("SIGKILL");
    await gone(pid);
    expect(turning()).toBe(false);
  });

  test("the wheels stop by the reset line when the bus fails in the middle of a drive", async () => {
    const { parent, pid } = await driving();
    const { resets } = bridge.hat;
    bridge.hat.failTransactions(0, 1_000_000);
    await until(false);
    expect(bridge.hat.resets).toBeGreaterThan(resets);
    bridge.hat.failTransactions(0, 0);
    parent.kill("SIGKILL");
    await gone(pid);
  });

  test("a second motion process is refused by the kernel's line", async () => {
    const { parent, pid } = await driving();
    const second = Bun.spawn([process.execPath, join(PLUGINS, "drive-picarx/motion/main.ts")], {
      stdin: Buffer.from(`${settings()}\n`),
      stdout: "pipe",
      stderr: "inherit",
    });
    const said = await new Response(second.stdout).text();
    expect(said).toContain("DEVICE_BUSY");
    expect(said).toContain(String(pid));
    expect(await second.exited).toBe(3);
    parent.kill("SIGKILL");
    await until(false);
    await gone(pid);
  });
});
