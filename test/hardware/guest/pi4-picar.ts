import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { motionPids } from "./processes.ts";
import { RobotProcess } from "../../e2e/run-robot.ts";
import { ServiceManager } from "../../fixtures/service-manager.ts";
import { Bridge, LINES } from "./bridge.ts";
import { wiresToml } from "./wires.ts";

const ROOT = join(import.meta.dir, "../../..");
/** How a Robot HAT V5 names itself in the device tree. */
const V5_UUID = "9daeea78-0000-076e-0032-582369ac3e02";
const METRICS = "http://127.0.0.1:9464";
/** Channels of the motors: V4 has a direction line for each, V5 two channels, forward first. */
const CHANNELS = { v4: [12, 13], v5: [12, 13, 14, 15] } as const;

/** The profile pi4-picar as it is shipped, with a local.toml that says what the wires of this robot are called. */
export class Pi4Picar implements AsyncDisposable {
  readonly robot: RobotProcess;
  readonly bridge: Bridge;
  readonly supervisor: ServiceManager;
  readonly #revision: "v4" | "v5";

  private constructor(
    robot: RobotProcess,
    bridge: Bridge,
    supervisor: ServiceManager,
    revision: "v4" | "v5",
  ) {
    this.robot = robot;
    this.bridge = bridge;
    this.supervisor = supervisor;
    this.#revision = revision;
  }

  /** Resolves when the robot is ready and has its link. */
  static async start(bridge: Bridge, revision: "v4" | "v5"): Promise<Pi4Picar> {
    const folder = mkdtempSync("/tmp/pi4-picar-");
    const hat = join(folder, "device-tree/hat");
    mkdirSync(hat, { recursive: true });
    if (revision === "v5") writeFileSync(join(hat, "uuid"), `${V5_UUID}\0`);
    const local = wiresToml(bridge.bus, revision, join(folder, "device-tree"));
    writeFileSync(join(ROOT, "profiles/local.toml"), local);
    const supervisor = new ServiceManager(join(folder, "notify"));
    const robot = new RobotProcess(
      ["--profile", "pi4-picar", "--set", "plugins.metrics.port=9464", "--log-level", "info"],
      { stdin: "pipe", env: { NOTIFY_SOCKET: supervisor.path, WATCHDOG_USEC: "2000000" } },
    );
    await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
    return new Pi4Picar(robot, bridge, supervisor, revision);
  }

  /** A line at the robot's terminal. */
  type(text: string): void {
    (this.robot.process.stdin as Bun.FileSink).write(`${text}\n`);
    void (this.robot.process.stdin as Bun.FileSink).flush();
  }

  /** What the HAT gives both motors, -1 to 1, forward positive for both. */
  duties(): { left: number; right: number } {
    const { registers, levels } = this.bridge.hat;
    const at = (channel: number) => registers[0x20 + channel]! / 4095;
    if (this.#revision === "v5") return { left: at(12) - at(13), right: at(14) - at(15) };
    const left = levels[LINES.leftDirection] === 0 ? 1 : -1;
    const right = levels[LINES.rightDirection] === 1 ? 1 : -1;
    return { left: left * at(13), right: right * at(12) };
  }

  /** Both wheels turn alike: not in the moment between the two writes. */
  drives(direction: 1 | -1): boolean {
    const { left, right } = this.duties();
    return left === right && Math.sign(left) === direction;
  }

  get turning(): boolean {
    return CHANNELS[this.#revision].some((channel) => this.bridge.hat.registers[0x20 + channel] !== 0);
  }

  /** Waits for the first event of a topic after this call. */
  next(topic: string): () => Promise<Record<string, unknown>> {
    const before = this.robot.events(topic).length;
    return async () => {
      while (this.robot.events(topic).length <= before) {
        if (this.robot.process.exitCode !== null) throw new Error(`the robot ended before "${topic}"`);
        await Bun.sleep(5);
      }
      return this.robot.events(topic)[before]!;
    };
  }

  async report(): Promise<{
    session: { state: string };
    plugins: { id: string; state: string; message?: string; inspect: Record<string, unknown> }[];
  }> {
    return (await (await fetch(`${METRICS}/healthz`)).json()) as never;
  }

  /** Kills it as a crash would; resolves when its motion process is gone too. */
  async kill(): Promise<void> {
    const motions = motionPids();
    this.robot.process.kill("SIGKILL");
    await this.robot.process.exited;
    while (motionPids().some((pid) => motions.includes(pid))) await Bun.sleep(5);
  }

  /** Holds all of it where it is: nothing of it runs until {@link thaw}. */
  freeze(): void {
    for (const pid of [this.robot.process.pid, ...motionPids()]) process.kill(pid, "SIGSTOP");
  }

  thaw(): void {
    for (const pid of [...motionPids(), this.robot.process.pid]) process.kill(pid, "SIGCONT");
  }

  /** What it complained of, for whoever reads of a test that failed. */
  async #tellErrors(): Promise<void> {
    const { stderr } = await this.robot.finished();
    const errors = stderr.split("\n").filter((line) => /"level":"error"| ERROR /.test(line));
    if (errors.length > 0) process.stderr.write(`the robot's errors:\n${errors.join("\n")}\n`);
  }

  /** Also ends one that a failed test left frozen, which would hold its devices for every test after this. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.robot.process.exitCode === null && this.robot.process.signalCode === null) {
      this.thaw();
      this.robot.process.kill("SIGTERM");
      await this.robot.process.exited;
    }
    await this.#tellErrors();
    this.supervisor[Symbol.dispose]();
  }
}
