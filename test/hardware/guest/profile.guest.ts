import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../../fixtures/hat-robot.ts";
import { Bridge, LINES } from "./bridge.ts";
import { Pi4Picar } from "./pi4-picar.ts";

const ROOT = join(import.meta.dir, "../../..");
const LIMIT_MS = 30_000;
/** What is not plugged in here is waited for, and is no fault. */
const ABSENT = ["gamepad", "phone"];
const STEERING = 0x22;
const CENTRE_TICKS = 0x133;
/** Pulse registers of all motor channels of a V5 board. */
const V5_MOTORS = [0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33];
/** The loudspeaker's card, from its other side. */
const HEARS = ["arecord", "-q", "-D", "plughw:CARD=sndrpihifiberry,DEV=1", "-t", "raw", "-f", "S16_LE"];
const RATE_HZ = 24_000;

let bridge: Bridge;
let car: Pi4Picar;
beforeAll(async () => {
  bridge = await Bridge.plugIn();
});
afterAll(async () => {
  await car[Symbol.asyncDispose]();
  await bridge[Symbol.asyncDispose]();
});

function shell(env: Record<string, string>, ...command: string[]): { exitCode: number; said: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: ROOT, env: { ...process.env, ...env } });
  return { exitCode, said: `${stdout}${stderr}` };
}

/** Says it, and waits until both wheels turn as it wants. */
async function drives(text: string, direction: 1 | -1 = 1): Promise<void> {
  car.type(text);
  await until(() => car.drives(direction), text, LIMIT_MS);
}

async function stands(): Promise<void> {
  await until(() => !car.turning, "it stands", LIMIT_MS);
}

async function inspected(id: string): Promise<Record<string, unknown>> {
  return (await car.report()).plugins.find((plugin) => plugin.id === id)!.inspect;
}

describe("pi4-picar on the kernel's devices, Robot HAT V4", () => {
  beforeAll(async () => {
    car = await Pi4Picar.start(bridge, "v4");
  });
  afterEach(() => expect(car.turning).toBe(false));

  test("every part of it runs, what is not plugged in is waited for, and systemd is told", async () => {
    await car.supervisor.until(/^READY=1$/);
    await car.supervisor.until(/^WATCHDOG=1$/, 2);
    const { session, plugins } = await car.report();
    expect(session.state).toBe("ready");
    const ill = plugins.filter(({ id, state }) => state !== (ABSENT.includes(id) ? "degraded" : "ready"));
    expect(ill).toEqual([]);
    expect(plugins.find(({ id }) => id === "camera")).toMatchObject({ use: "camera-v4l2" });
    expect(await inspected("board")).toMatchObject({ revision: "v4" });
    expect(bridge.hat.levels[LINES.speakerEnable]).toBe(1);
  });

  test("a sentence drives both motors forward as far as it says, and what the robot answers leaves its sound card", async () => {
    const heard = Bun.spawn([...HEARS, "-r", String(RATE_HZ), "-d", "6"], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const stopped = car.next("motion.stopped");
    await drives("drive forward twenty centimeters");
    expect(bridge.hat.registers[STEERING]).toBe(CENTRE_TICKS);
    expect(await stopped()).toMatchObject({
      kind: "move",
      ended: "completed",
      moved_m: expect.closeTo(0.2, 1),
    });
    const samples = new Int16Array(await new Response(heard.stdout).arrayBuffer());
    expect(samples.filter((sample) => Math.abs(sample) > 1000).length).toBeGreaterThan(RATE_HZ / 20);
  });

  test("backward turns them the other way, until somebody types stop", async () => {
    const stopped = car.next("motion.stopped");
    await drives("drive back one meter", -1);
    car.type("stop");
    await stands();
    expect(await stopped()).toMatchObject({ ended: "stopped" });
  });

  test("it looks through the kernel's camera", async () => {
    const captured = car.next("camera.frame_captured");
    car.type("take a picture");
    expect(await captured()).toMatchObject({ width: 640 });
  });

  test("what is played to its microphone is heard", async () => {
    const heard = car.next("user.speech_started");
    const playing = Bun.spawn(
      ["aplay", "-q", "-D", "plughw:CARD=USB,DEV=1", "-t", "raw", "-f", "S16_LE", "-r", String(RATE_HZ)],
      { stdin: "pipe", stderr: "inherit" },
    );
    const tone = Int16Array.from(
      { length: RATE_HZ },
      (_, at) => 12_000 * Math.sin((at * 2 * Math.PI * 440) / RATE_HZ),
    );
    playing.stdin.write(tone);
    await playing.stdin.end();
    await heard();
    await playing.exited;
  });

  test("the button stops a turn for good, until it is pressed once more and held", async () => {
    const stopped = car.next("motion.stopped");
    const press = async (level: 0 | 1, afterMs: number) => {
      await Bun.sleep(afterMs);
      const changed = car.next("button.changed");
      bridge.hat.levels[LINES.userButton] = level;
      expect(await changed()).toMatchObject({ pressed: level === 0 });
    };
    // It is a car: the wheels turn once the steering does. More ticks are more to the right (picarx.py).
    await drives("turn left ninety degrees");
    expect(bridge.hat.registers[STEERING]).toBeLessThan(CENTRE_TICKS);
    bridge.hat.levels[LINES.userButton] = 0;
    await stands();
    expect(await stopped()).toMatchObject({ kind: "turn", ended: "stopped" });
    expect((await inspected("drive"))["latched"]).toContain("button");
    // The press that stops does not release, however long it is.
    await press(1, 2500);
    expect((await inspected("drive"))["latched"]).toContain("button");
    await press(0, 100);
    await press(1, 2500);
    expect((await inspected("drive"))["latched"]).toBeNull();
    // Or the next sentence waits for the answer that the button cut off.
    car.type("stop");
  });

  test("`bun run stop` stops it from another shell, and releases it", async () => {
    const stopped = car.next("motion.stopped");
    await drives("drive forward two meters");
    const { exitCode, said } = shell({ BUN: process.execPath }, "sh", "plugins/drive-picarx/stop.sh");
    expect(exitCode, said).toBe(0);
    expect(car.turning).toBe(false);
    expect(await stopped()).toMatchObject({ ended: "stopped" });
    expect(shell({}, process.execPath, "plugins/drive-picarx/stop.ts", "--release").exitCode).toBe(0);
    car.type("stop");
  });

  test("kill -9 in the middle of a drive leaves the motors at zero", async () => {
    await drives("drive forward two meters");
    await car.kill();
  });
});

describe("pi4-picar on the kernel's devices, Robot HAT V5", () => {
  const pulses = () => V5_MOTORS.map((register) => bridge.hat.registers[register]!);
  const zeros = V5_MOTORS.map(() => 0);

  beforeAll(async () => {
    await car[Symbol.asyncDispose]();
    car = await Pi4Picar.start(bridge, "v5");
  });

  test("it is told from V4 by the device tree, and starts with its motors at zero", async () => {
    expect(await inspected("board")).toMatchObject({ revision: "v5" });
    expect(pulses()).toEqual(zeros);
  });

  test("forward and backward are channels of their own, the other one at zero", async () => {
    const stopped = car.next("motion.stopped");
    await drives("drive forward twenty centimeters");
    expect([pulses()[1], pulses()[3]]).toEqual([0, 0]);
    expect(await stopped()).toMatchObject({ ended: "completed" });
    expect(pulses()).toEqual(zeros);
    await drives("drive back one meter", -1);
    expect([pulses()[0], pulses()[2]]).toEqual([0, 0]);
  });

  test("the service's last resort stops the motors by the bus, without Bun", async () => {
    // Of a robot that stands still as a whole, its motion process included, nothing stops the wheels.
    car.freeze();
    expect(car.turning).toBe(true);
    const { exitCode, said } = shell({ MYNA_I2C_BUS: bridge.bus.at(-1)! }, "sh", "deploy/stop-motors.sh");
    expect(exitCode, said).toBe(0);
    expect(pulses()).toEqual(zeros);
    car.thaw();
  });

  test("kill -9 in the middle of a drive leaves every channel at zero", async () => {
    await drives("drive forward two meters");
    await car.kill();
    expect(pulses()).toEqual(zeros);
  });
});
