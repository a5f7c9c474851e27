import { MynaError, type Logger } from "myna";
import type { BrainDialect } from "./brain.ts";
import { type ChildLine, type ChildLog, linesOf } from "./child-line.ts";

/** What the process is started with. */
export interface BrainProcessOptions {
  port: number;
  voice: string;
  silenceMs: number;
  sessionMinutes: number;
  dialect: BrainDialect;
  speed: number;
  origins?: readonly string[];
  logLevel: ChildLog["level"];
}

/** Where a running brain listens and whether it hears. */
export interface Listening {
  url: string;
  hearing: { available: boolean; hint?: string };
}

/** One run of the brain's own process, from its start to its end. Ends with the process that made it. */
export class BrainProcess {
  /** Resolves when it listens; rejects with PORT_IN_USE or DEVICE_FAILED when it does not come to that. */
  readonly listening: Promise<Listening>;
  /** Resolves with the exit code, or the signal's name, when the process is gone. */
  readonly ended: Promise<number | string>;
  #child: Bun.Subprocess<"pipe", "pipe", "pipe">;

  constructor(options: BrainProcessOptions, log: Logger) {
    this.#child = Bun.spawn({
      cmd: [process.execPath, `${import.meta.dir}/main.ts`, "--child", ...flagsOf(options)],
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.ended = this.#child.exited.then((code) => this.#child.signalCode ?? code);
    this.listening = this.#firstLine();
    this.listening.catch(() => {});
    void forward(this.#child.stderr, log);
  }

  /** True when the process is gone. */
  get over(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Ends it; idempotent. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #firstLine(): Promise<Listening> {
    for await (const text of linesOf(this.#child.stdout)) {
      const line = JSON.parse(text) as ChildLine;
      if ("url" in line) return line;
      const code = line.error.code === "PORT_IN_USE" ? "PORT_IN_USE" : "DEVICE_FAILED";
      throw new MynaError(code, line.error.message);
    }
    throw new MynaError(
      "DEVICE_FAILED",
      `The brain's process ended before it listened (${await this.ended}).`,
    );
  }
}

function flagsOf(options: BrainProcessOptions): string[] {
  return [
    ...["--port", String(options.port)],
    ...["--voice", options.voice],
    ...["--silence-ms", String(options.silenceMs)],
    ...["--session-minutes", String(options.sessionMinutes)],
    ...["--dialect", options.dialect],
    ...["--speed", String(options.speed)],
    ...(options.origins ?? []).flatMap((origin) => ["--origin", origin]),
    ...["--log-level", options.logLevel],
  ];
}

async function forward(stream: ReadableStream<Uint8Array>, log: Logger): Promise<void> {
  for await (const text of linesOf(stream)) {
    try {
      const line = JSON.parse(text) as ChildLog;
      log[line.level](line.message);
    } catch {
      log.warn(text);
    }
  }
}
