import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HatMemory } from "../../plugins/board-sim/hat-memory.ts";
import { HatRobot, until } from "../fixtures/hat-robot.ts";
import { MOTORS } from "./body-kit.ts";

const DEAD_MAN = 4;
const STOP = 1;
const RELEASE = 7;
const STICK_Y = 1;

let folder: string;
let device: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "myna-input-"));
  expect(Bun.spawnSync(["mkfifo", join(folder, "js0")]).exitCode).toBe(0);
  device = openSync(join(folder, "js0"), "r+");
});
afterEach(() => rmSync(folder, { recursive: true }));

function send(type: number, number: number, value: number): void {
  const event = new DataView(new ArrayBuffer(8));
  event.setInt16(4, value, true);
  event.setUint8(6, type);
  event.setUint8(7, number);
  writeSync(device, new Uint8Array(event.buffer));
}

const press = (button: number) => send(1, button, 1);
const letGo = (button: number) => send(1, button, 0);
const forward = () => send(2, STICK_Y, -32_767);
const turning = (hat: HatMemory) => MOTORS.some((register) => hat.registers[register] !== 0);

async function pilot(): Promise<HatRobot> {
  const one = await HatRobot.start({
    drive: { use: "drive-picarx" },
    pad: { use: "gamepad-hid", hid: false, input_folder: folder, release_s: 0.2 },
  });
  await until(() => one.robot.health().plugins.find(({ id }) => id === "pad")!.state === "ready", "the pad");
  return one;
}

/** Each way in which a hand, a cable or noise ends the drive; the motors' registers are the judge. */
const ENDS: [string, () => void][] = [
  ["the dead-man button is let go", () => letGo(DEAD_MAN)],
  ["the pad is unplugged", () => closeSync(device)],
  [
    "the pad sends garbage",
    () =>
      writeSync(
        device,
        Uint8Array.from({ length: 80 }, (_, at) => (at * 37 + 5) % 256),
      ),
  ],
];

for (const [what, end] of ENDS) {
  test(`the motors stop when ${what}, and do not start again by themselves`, async () => {
    await using one = await pilot();
    press(DEAD_MAN);
    forward();
    await until(() => turning(one.hat), "the wheels turn");
    end();
    await until(() => !turning(one.hat), "the motors are at zero");
    await Bun.sleep(300);
    expect(turning(one.hat)).toBe(false);
    if (what !== "the pad is unplugged") closeSync(device);
  });
}

test("after the stop button nothing drives until it was released, and then only by a new press", async () => {
  await using one = await pilot();
  const latched = () => one.robot.service("body").state()?.latched;
  press(DEAD_MAN);
  forward();
  await until(() => turning(one.hat), "the wheels turn");
  press(STOP);
  await until(() => !turning(one.hat), "the motors are at zero");
  await until(() => latched() !== undefined, "the body says why");
  letGo(STOP);
  letGo(DEAD_MAN);
  press(DEAD_MAN);
  await Bun.sleep(300);
  expect(turning(one.hat)).toBe(false);
  press(RELEASE);
  await until(() => latched() === undefined, "the stop is released");
  letGo(RELEASE);
  letGo(DEAD_MAN);
  await Bun.sleep(200);
  expect(turning(one.hat)).toBe(false);
  press(DEAD_MAN);
  await until(() => turning(one.hat), "the wheels turn again");
  closeSync(device);
});
