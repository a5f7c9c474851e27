import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/** One line of `--json`. */
export interface JsonLine {
  t_ms: number;
  topic: string;
  event: Record<string, unknown>;
}

export interface RobotRun {
  exitCode: number;
  lines: JsonLine[];
  stderr: string;
  /** Events of a topic, in order. */
  events(topic: string): Record<string, unknown>[];
}

/** A robot in a process of its own, as the README starts it, with metrics on a free port. */
export class RobotProcess {
  readonly lines: JsonLine[] = [];
  readonly process: Bun.Subprocess<"pipe" | "ignore", "pipe", "pipe">;
  readonly #output: Promise<void>;
  readonly #stderr: Promise<string>;
  readonly #waiting = new Set<() => void>();

  constructor(args: string[], options: { stdin?: "pipe" | "ignore"; env?: Record<string, string> } = {}) {
    this.process = Bun.spawn(
      [
        process.execPath,
        "core/main.ts",
        "--set",
        "plugins.metrics.port=0",
        "--set",
        "runtime.watch=false",
        "--json",
        ...args,
      ],
      {
        cwd: ROOT,
        stdin: options.stdin ?? "ignore",
        stdout: "pipe",
        stderr: "pipe",
        env: { ...process.env, ...options.env },
      },
    );
    this.#output = this.#read();
    this.#stderr = new Response(this.process.stderr).text();
  }

  events(topic: string): Record<string, unknown>[] {
    return this.lines.filter((line) => line.topic === topic).map((line) => line.event);
  }

  /** The first event, past or to come, that satisfies `matches`. */
  async waitFor(
    topic: string,
    matches: (event: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.events(topic).find(matches);
      if (found) return found;
      if (this.process.exitCode !== null)
        throw new Error(`the robot ended before "${topic}": ${await this.#stderr}`);
      const next = Promise.withResolvers<void>();
      this.#waiting.add(next.resolve);
      await next.promise;
    }
  }

  async finished(): Promise<RobotRun> {
    const exitCode = await this.process.exited;
    await this.#output;
    return { exitCode, lines: this.lines, stderr: await this.#stderr, events: (topic) => this.events(topic) };
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const bytes of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + bytes).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part.trim()) this.lines.push(JSON.parse(part) as JsonLine);
      this.#wake();
    }
    void this.process.exited.then(() => this.#wake());
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Runs the robot to its end. */
export function runRobot(...args: string[]): Promise<RobotRun> {
  return new RobotProcess(args).finished();
}
