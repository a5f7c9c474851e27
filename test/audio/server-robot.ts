import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HealthReport } from "../../core/plugin.ts";
import { until } from "./private-server.ts";
import type { PrivateServer } from "./private-server.ts";
import type { RobotCommand, RobotSetup } from "./robot-on-server.ts";

interface Line {
  topic: string;
  event: Record<string, unknown>;
  atMs: number;
}

/** The robot of robot-on-server.ts, seen from the test. */
export class ServerRobot implements AsyncDisposable {
  readonly lines: Line[] = [];
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;

  private constructor(server: PrivateServer, setup: RobotSetup) {
    writeFileSync(join(server.folder, ".asoundrc"), setup.asoundrc ?? "");
    this.#child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "robot-on-server.ts"), JSON.stringify(setup)],
      { env: { ...server.env, ...setup.env }, stdin: "pipe", stdout: "pipe", stderr: "pipe" },
    );
    void this.#read();
  }

  static async start(server: PrivateServer, setup: RobotSetup): Promise<ServerRobot> {
    server.checkAlive();
    const robot = new ServerRobot(server, setup);
    await robot.waitFor("test.ready");
    return robot;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const { topic, event } = JSON.parse(part) as Omit<Line, "atMs">;
        this.lines.push({ topic, event, atMs: performance.now() });
      }
    }
  }

  /** How many events there have been; give it to `waitFor` to wait for a later one. */
  get mark(): number {
    return this.lines.length;
  }

  async waitFor(
    topic: string,
    matches: (event: Record<string, unknown>) => boolean = () => true,
    from = 0,
    limitMs?: number,
  ): Promise<Line> {
    let found: Line | undefined;
    try {
      await until(
        () => {
          found = this.lines.slice(from).find((line) => line.topic === topic && matches(line.event));
          return found !== undefined || this.#child.exitCode !== null;
        },
        `an event of ${topic}`,
        limitMs,
      );
    } catch (error) {
      const states = this.lines.filter((line) => line.topic === "plugin.state_changed");
      throw new Error(`${String(error)}; plugins: ${JSON.stringify(states.map(({ event }) => event))}`);
    }
    if (!found) throw new Error(`the robot ended before ${topic}: ${await this.#child.stderr.text()}`);
    return found;
  }

  send(command: RobotCommand): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    void this.#child.stdin.flush();
  }

  async health(): Promise<HealthReport> {
    const from = this.mark;
    this.send({ do: "health" });
    return (await this.waitFor("test.health", undefined, from)).event as unknown as HealthReport;
  }

  /** Resolves when the plugin is in that state after `from`; answers when that was. */
  async plugin(id: string, state: string, from = 0): Promise<Line> {
    return this.waitFor(
      "plugin.state_changed",
      (event) => event["id"] === id && event["state"] === state,
      from,
    );
  }

  /** The whole process gets no processor for so long, as on a machine that does something else. */
  async stall(ms: number): Promise<void> {
    this.#child.kill("SIGSTOP");
    await Bun.sleep(ms);
    this.#child.kill("SIGCONT");
  }

  /** The process ends without a word, as when it crashes. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  /** Programs that the robot has started and that run, as process numbers. */
  children(program: string): number[] {
    const found: number[] = [];
    for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        // "pid (name) state parent …"
        const [, name, parent] =
          /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, "latin1")) ?? [];
        if (name === program && Number(parent) === this.#child.pid) found.push(Number(entry));
      } catch {
        // It has ended meanwhile.
      }
    }
    return found;
  }

  /** Its threads and how nice they are to others, from -20 to 19. */
  threads(): { name: string; nice: number }[] {
    const folder = `/proc/${this.#child.pid}/task`;
    return readdirSync(folder).flatMap((thread) => {
      try {
        // "pid (name) state parent …", of which the nice value is number 19
        const [, name, rest] =
          /^\d+ \((.*)\) (.*)/.exec(readFileSync(join(folder, thread, "stat"), "latin1")) ?? [];
        return name === undefined ? [] : [{ name, nice: Number(rest!.split(" ")[16]) }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.send({ do: "stop" });
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.#child.exited;
    clearTimeout(late);
  }
}
