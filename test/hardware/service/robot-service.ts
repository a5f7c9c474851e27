import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HatMemory } from "../../../plugins/board-sim/hat-memory.ts";
import { until } from "../../fixtures/hat-robot.ts";
import { dualsense } from "../../plugins/gamepad-layouts.ts";
import { LINES, bridgedBus } from "../guest/bridge.ts";
import { DUALSENSE } from "../guest/dualsense.ts";
import { PluggedDevice } from "../guest/plugged-device.ts";
import { wiresToml } from "../guest/wires.ts";

const ROOT = join(import.meta.dir, "../../..");
const UNIT = "myna.service";
const LIMIT_MS = 60_000;
/** Its pictures would be half of what the emulated processor does; profile.guest.ts has them. */
const NO_CAMERA = "[plugins.camera]\nenabled = false\n[plugins.pictures]\nenabled = false\n";
const L1 = 1;
/** A silent pad stops the robot after a quarter of a second. */
const REPORT_MS = 50;
/** A few of its reports. */
const AT_REST_MS = 300;
const HEALTH = "http://127.0.0.1:9464/healthz";
const MOTORS = [0x2c, 0x2d];

/** The robot as systemd's service, on a Robot HAT whose memory outlives this computer, driven by a gamepad. */
export class RobotService {
  readonly hat: HatMemory;
  #pad: PluggedDevice | undefined;

  private constructor(hat: HatMemory) {
    this.hat = hat;
  }

  /** Installs it by deploy/install.sh, tells it its wires as an owner would, and starts it; resolves when it is ready. */
  static async install(): Promise<RobotService> {
    const hat = HatMemory.open("/run/hat");
    hat.analog.fill(1400);
    hat.analog[4] = 3144;
    hat.levels[LINES.userButton] = 1;
    await until(() => bridgedBus() !== undefined, "the kernel's bus", LIMIT_MS);
    command(["deploy/install.sh"], { PATH: `${join(import.meta.dir, "programs")}:${process.env["PATH"]}` });
    const bus = bridgedBus()!;
    writeFileSync("/opt/myna/current/profiles/local.toml", `${wiresToml(bus, "v4")}${NO_CAMERA}`);
    writeFileSync("/etc/myna/environment", `MYNA_I2C_BUS=${bus.at(-1)}\n`);
    // In place of the reboot that install.sh asks for: new rules for devices, new settings of systemd itself.
    command(["udevadm", "trigger", "--settle"]);
    command(["systemctl", "daemon-reexec"]);
    return new RobotService(hat);
  }

  /** The one that {@link install} put there. */
  static installed(): RobotService {
    return new RobotService(HatMemory.open("/run/hat"));
  }

  start(): void {
    command(["systemctl", "start", UNIT]);
  }

  /** `systemctl show`. */
  property(name: string): string {
    return command(["systemctl", "show", UNIT, "--value", `--property=${name}`]).trim();
  }

  get mainPid(): number {
    return Number(this.property("MainPID"));
  }

  get turning(): boolean {
    return MOTORS.some((register) => this.hat.registers[register] !== 0);
  }

  /** Pushes the stick of a pad, once the robot has seen it at rest, and waits until both wheels turn. */
  async drive(): Promise<void> {
    this.#pad ??= await this.#plugIn();
    const endMs = performance.now() + LIMIT_MS;
    while (!(await hasPad())) {
      if (performance.now() > endMs) throw new Error(`it does not find its pad: ${journal()}`);
      await Bun.sleep(100);
    }
    await Bun.sleep(AT_REST_MS);
    this.#pad.input(dualsense([8, L1, 0], [128, 0, 128, 128]));
    await until(() => MOTORS.every((register) => this.hat.registers[register] !== 0), "it drives", LIMIT_MS);
  }

  /** So that it does not drive on as soon as it runs again. */
  letGo(): void {
    this.#pad?.input(dualsense());
  }

  async stands(): Promise<void> {
    await until(() => !this.turning, "it stands", LIMIT_MS);
  }

  /** After an end that was none of its own: started for the `count`th time, and ready. */
  async restarted(count: number): Promise<void> {
    const endMs = performance.now() + LIMIT_MS;
    while (this.property("ActiveState") !== "active" || Number(this.property("NRestarts")) < count) {
      if (performance.now() > endMs) throw new Error(`it was not started again: ${journal()}`);
      await Bun.sleep(200);
    }
  }

  async #plugIn(): Promise<PluggedDevice> {
    const pad = await PluggedDevice.plugIn("Wireless Controller", 0x054c, 0x0ce6, DUALSENSE, REPORT_MS);
    pad.input(dualsense());
    return pad;
  }
}

async function hasPad(): Promise<boolean> {
  try {
    const { plugins } = (await (await fetch(HEALTH)).json()) as { plugins: { id: string; state: string }[] };
    return plugins.some(({ id, state }) => id === "gamepad" && state === "ready");
  } catch {
    return false;
  }
}

/** The service's last lines. */
export function journal(): string {
  return command(["journalctl", "--unit=myna", "--lines=40", "--output=cat", "--no-pager"]);
}

/** What a command of the system says; throws where it fails. */
export function command(words: string[], env: Record<string, string> = {}): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(words, { cwd: ROOT, env: { ...process.env, ...env } });
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: code ${exitCode}: ${stdout}${stderr}`);
  return stdout.toString();
}

/** The one watchdog of this computer, by what the kernel tells of it. */
export function watchdog(): Record<string, string> {
  const folder = "/sys/class/watchdog/watchdog0";
  if (!existsSync(folder)) throw new Error("this computer has no watchdog");
  const told = readdirSync(folder).filter((name) =>
    ["identity", "state", "timeout", "bootstatus"].includes(name),
  );
  return Object.fromEntries(told.map((name) => [name, readFileSync(join(folder, name), "utf8").trim()]));
}
