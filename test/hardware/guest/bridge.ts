import { existsSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { HatMemory } from "../../../plugins/board-sim/hat-memory.ts";

/** Label of the CP2112's GPIO chip (drivers/hid/hid-cp2112.c). */
export const CHIP = "cp2112_gpio";

/** Its eight lines stand for those of the header that the body needs. Edges come too late here to time an echo by. */
export const LINES = {
  motorReset: 0,
  leftDirection: 1,
  rightDirection: 2,
  ultrasonicTrigger: 3,
  ultrasonicEcho: 4,
  led: 5,
  userButton: 6,
  resetButton: 16,
  speakerEnable: 7,
};

/** A Robot HAT behind the kernel's drivers for I2C and GPIO; its memory is the judge. */
export class Bridge implements AsyncDisposable {
  readonly hat: HatMemory;
  /** Its character device. */
  readonly bus: string;
  readonly #process: Bun.Subprocess;

  private constructor(hat: HatMemory, bus: string, process: Bun.Subprocess) {
    this.hat = hat;
    this.bus = bus;
    this.#process = process;
  }

  /** Resolves when the kernel has made its devices. */
  static async plugIn(): Promise<Bridge> {
    const file = join(mkdtempSync("/dev/shm/hat-"), "hat");
    const hat = HatMemory.open(file);
    hat.analog.fill(1400);
    hat.analog[4] = 3144;
    // Its pull holds the button's line up.
    hat.levels[LINES.userButton] = 1;
    const emulator = Bun.spawn([process.execPath, join(import.meta.dir, "cp2112.ts"), file], {
      stdout: "inherit",
      stderr: "inherit",
    });
    const endMs = performance.now() + 30_000;
    while (performance.now() < endMs) {
      const bus = bridgedBus();
      if (bus) return new Bridge(hat, bus, emulator);
      await Bun.sleep(20);
    }
    throw new Error(`the kernel made no devices of the bridge: ${adapters().join(", ")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    while (existsSync(this.bus)) await Bun.sleep(20);
  }
}

/** The bridge's bus, a character device, once the kernel has made all of its devices. */
export function bridgedBus(): string | undefined {
  const adapter = adapters().find((name) => name.includes("CP2112"));
  const bus = adapter && `/dev/${adapter.split(":")[0]}`;
  const chips = readdirSync("/dev").filter((name) => /^gpiochip/.test(name));
  return bus && existsSync(bus) && chips.length > 1 ? bus : undefined;
}

/** "i2c-1:name" of each adapter. */
function adapters(): string[] {
  const folder = "/sys/class/i2c-dev";
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map(
    (name) => `${name}:${readFileSync(join(folder, name, "name"), "utf8").trim()}`,
  );
}
