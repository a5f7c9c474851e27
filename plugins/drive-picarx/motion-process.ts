import { ERRORS, MynaError } from "myna";
import type { ErrorCode, Logger, MotionReport } from "myna";
import type { Reply, Request } from "./motion/messages.ts";
import type { MotionSettings } from "./motion/settings.ts";

const START_LIMIT_MS = 5000;
const END_LIMIT_MS = 500;

/** What {@link MotionProcess} tells. */
export interface MotionProcessEvents {
  onPose(pose: Extract<Reply, { type: "pose" }>): void;
  onState(state: Extract<Reply, { type: "state" }>): void;
  /** The body began to do what intent `id` asks. */
  onStarted(id: number): void;
  onEnded(id: number, report: MotionReport): void;
  /** It died without being told to. */
  onDied(error: MynaError): void;
}

interface Waiting {
  resolve(report: MotionReport): void;
  reject(error: MynaError): void;
}

/** The process that owns the body, seen from the runtime. It stops the wheels when this one dies or falls silent. */
export class MotionProcess {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #events: MotionProcessEvents;
  readonly #log: Logger;
  readonly #ready = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, Waiting>();
  #closing = false;
  #fault: MynaError | undefined;

  constructor(settings: MotionSettings, events: MotionProcessEvents, log: Logger) {
    this.#events = events;
    this.#log = log;
    this.#child = Bun.spawn([process.execPath, `${import.meta.dir}/motion/main.ts`], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      // A Ctrl-C at the terminal is the runtime's: the wheels are stopped in order, not by a race.
      detached: true,
    });
    this.#ready.promise.catch(() => {});
    this.#write(settings);
    void this.#read();
    void this.#readErrors();
  }

  /** Resolves when the motor controller answers. Rejects with DEVICE_BUSY, naming the owner, or DEVICE_FAILED. */
  async ready(): Promise<void> {
    const late = Bun.sleep(START_LIMIT_MS).then(() => {
      const message = `the motor controller did not start within ${START_LIMIT_MS / 1000} s`;
      throw new MynaError("DEVICE_FAILED", message, { cause: this.#fault });
    });
    await Promise.race([this.#ready.promise, late]);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Tells it; what has no answer is not waited for. */
  tell(request: Request): void {
    this.#write(request);
  }

  /** Resolves with what the body did. Rejects with MOTION_REFUSED or DEVICE_FAILED. */
  run(request: Extract<Request, { id: number }>): Promise<MotionReport> {
    const { promise, resolve, reject } = Promise.withResolvers<MotionReport>();
    if (this.#closing || this.#child.exitCode !== null) {
      reject(new MynaError("DEVICE_FAILED", "the motion process is not running"));
      return promise;
    }
    this.#waiting.set(request.id, { resolve, reject });
    this.#write(request);
    return promise;
  }

  /** The end of its stdin stops the wheels and ends it. Resolves when it is gone. */
  async close(): Promise<void> {
    this.#closing = true;
    try {
      await this.#child.stdin.end();
    } catch {
      // It is gone already.
    }
    await Promise.race([this.#child.exited, Bun.sleep(END_LIMIT_MS)]);
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#answerAll({ movedM: 0, turnedDeg: 0, ended: "stopped" });
  }

  #write(line: unknown): void {
    try {
      this.#child.stdin.write(`${JSON.stringify(line)}\n`);
      void this.#child.stdin.flush();
    } catch (error) {
      this.#log.debug("the motion process takes nothing", { reason: String(error) });
    }
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line) as Reply);
    }
    const exitCode = await this.#child.exited;
    const error =
      this.#fault ?? new MynaError("DEVICE_FAILED", `the motion process ended with code ${exitCode}`);
    this.#ready.reject(error);
    if (this.#closing) return;
    this.#answerAll({ movedM: 0, turnedDeg: 0, ended: "failed" });
    this.#events.onDied(error);
  }

  async #readErrors(): Promise<void> {
    const text = await new Response(this.#child.stderr).text();
    if (text.trim() !== "") this.#log.error("the motion process wrote", { text: text.trim().slice(0, 2000) });
  }

  #take(reply: Reply): void {
    switch (reply.type) {
      case "ready":
        return this.#ready.resolve();
      case "started":
        return this.#events.onStarted(reply.id);
      case "pose":
        return this.#events.onPose(reply);
      case "state":
        return this.#events.onState(reply);
      case "ended": {
        const { type: _, id, ...report } = reply;
        this.#events.onEnded(id, report);
        this.#waiting.get(id)?.resolve(report);
        this.#waiting.delete(id);
        return;
      }
      case "refused": {
        const error = coded(reply.code, reply.message);
        this.#waiting.get(reply.id)?.reject(error);
        this.#waiting.delete(reply.id);
        return;
      }
      case "fault":
        this.#fault = coded(reply.code, reply.message);
        this.#log.error(reply.message, { code: reply.code });
    }
  }

  #answerAll(report: MotionReport): void {
    for (const { resolve } of this.#waiting.values()) resolve(report);
    this.#waiting.clear();
  }
}

function coded(code: string, message: string): MynaError {
  return new MynaError(code in ERRORS ? (code as ErrorCode) : "DEVICE_FAILED", message);
}
