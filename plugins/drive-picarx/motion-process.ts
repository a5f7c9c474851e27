import { ERRORS, MynaError } from "myna";
import type { ErrorCode, Logger, MotionProgress, MotionReport } from "myna";
import type { Intent, Reply, Request } from "./motion/messages.ts";
import type { MotionSettings } from "./motion/settings.ts";

const START_LIMIT_MS = 5000;
const END_LIMIT_MS = 500;
/** Beats without a word from it, at 50 ms each: then it hangs, and what hangs does not stop the wheels. */
const SILENT_BEATS_MOVING = 10;
const SILENT_BEATS = 60;
const MOST_ERROR_TEXT = 2000;

/** What {@link MotionProcess} tells. */
export interface MotionProcessEvents {
  onPose(pose: Extract<Reply, { type: "pose" }>): void;
  onState(state: Extract<Reply, { type: "state" }>): void;
  /** The body began to do what intent `id` asks. */
  onStarted(id: number): void;
  /** Also for an intent that never began. */
  onEnded(id: number, report: MotionReport): void;
  /** An intent that was not taken; one of a stream as well. */
  onRefused(id: number): void;
  /** It died without being told to: its motors go on as they were, and nobody holds the reset line. */
  onDied(error: MynaError): void;
}

interface Waiting {
  resolve(report: MotionReport): void;
  reject(error: MynaError): void;
  progress: MotionProgress;
}

/** The process that owns the body, seen from the runtime. It stops the wheels when this one dies or falls silent. */
export class MotionProcess {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #events: MotionProcessEvents;
  readonly #log: Logger;
  readonly #claimed = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, Waiting>();
  #isReady = false;
  #owns = false;
  /** Motions that were asked for before the controller had started. */
  #early: Intent[] = [];
  #moving = false;
  #closing = false;
  /** Was told to `onDied`. */
  #died = false;
  #silentBeats = 0;
  #sent = 0;
  #fault: MynaError | undefined;

  constructor(settings: MotionSettings, events: MotionProcessEvents, log: Logger) {
    this.#events = events;
    this.#log = log;
    this.#child = Bun.spawn([process.execPath, `${import.meta.dir}/motion/main.ts`], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: process.env,
      // A Ctrl-C at the terminal is the runtime's: the wheels are stopped in order, not by a race.
      detached: true,
    });
    this.#ready.promise.catch(() => {});
    this.#claimed.promise.catch(() => {});
    this.#write(settings);
    void this.#read();
    void this.#readErrors();
  }

  /** Resolves when it owns the robot. Rejects with DEVICE_BUSY, naming the owner, or DEVICE_FAILED. */
  async claimed(): Promise<void> {
    await Promise.race([this.#claimed.promise, this.ready()]);
  }

  /** Resolves when the motor controller answers, some 200 ms later. Rejects with DEVICE_FAILED. */
  async ready(): Promise<void> {
    const late = Bun.sleep(START_LIMIT_MS).then(() => {
      const message = `the motor controller did not start within ${START_LIMIT_MS / 1000} s`;
      throw new MynaError("DEVICE_FAILED", message, { cause: this.#fault });
    });
    await Promise.race([this.#ready.promise, late]);
  }

  /** True once it has the robot: then its reset line is free for the runtime when it is dead. */
  get owned(): boolean {
    return this.#owns;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The sign of life, to be given every 50 ms; and a look whether the other one still gives any. */
  beat(): void {
    this.tell({ type: "alive" });
    const most = this.#moving || this.#waiting.size > 0 ? SILENT_BEATS_MOVING : SILENT_BEATS;
    if (!this.#isReady || ++this.#silentBeats <= most) return;
    this.#fault = new MynaError("DEVICE_FAILED", "the motion process hangs");
    this.#child.kill("SIGKILL");
  }

  /** Tells it, and answers the line's number; what has no answer is not waited for. */
  tell(request: Request): number {
    if (request.type === "stop") this.#dropEarly(request.ended, request.id);
    if (request.type === "latch") this.#dropEarly("stopped");
    const seq = ++this.#sent;
    this.#write({ ...request, seq, at_ms: performance.now() });
    return seq;
  }

  /** What waits for the controller to start does not begin any more. */
  #dropEarly(ended: MotionReport["ended"], id?: number): void {
    const dropped = this.#early.filter((intent) => id === undefined || intent.id === id);
    this.#early = this.#early.filter((intent) => !dropped.includes(intent));
    for (const intent of dropped) this.#ended(intent.id, { movedM: 0, turnedDeg: 0, ended });
  }

  /** Resolves with what the body did. Rejects with MOTION_REFUSED or DEVICE_FAILED. */
  run(intent: Intent): Promise<MotionReport> {
    const { promise, resolve, reject } = Promise.withResolvers<MotionReport>();
    if (this.#closing || this.#child.exitCode !== null || this.#child.signalCode !== null) {
      reject(new MynaError("DEVICE_FAILED", "the motion process is not running"));
      return promise;
    }
    this.#waiting.set(intent.id, { resolve, reject, progress: { movedM: 0, turnedDeg: 0 } });
    if (this.#isReady) this.tell(intent);
    else this.#early.push(intent);
    return promise;
  }

  /** The end of its stdin stops the wheels and ends it. Resolves when it is gone: false if it had to be killed, and nobody was told. */
  async close(): Promise<boolean> {
    this.#closing = true;
    try {
      await this.#child.stdin.end();
    } catch {
      // It is gone already.
    }
    await Promise.race([this.#child.exited, Bun.sleep(END_LIMIT_MS)]);
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#answerAll("stopped");
    return this.#died || this.#child.exitCode !== null;
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
      this.#silentBeats = 0;
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") this.#take(line);
    }
    const code = await this.#child.exited;
    const error = this.#fault ?? new MynaError("DEVICE_FAILED", `the motion process ended with code ${code}`);
    this.#claimed.reject(error);
    this.#ready.reject(error);
    if (this.#closing) return;
    this.#died = true;
    this.#answerAll("failed");
    this.#events.onDied(error);
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of this.#child.stderr)
      if (text.length < MOST_ERROR_TEXT) text += decoder.decode(bytes, { stream: true });
    if (text.trim() !== "")
      this.#log.error("the motion process wrote", { text: text.trim().slice(0, MOST_ERROR_TEXT) });
  }

  #take(line: string): void {
    let reply: Reply;
    try {
      reply = JSON.parse(line) as Reply;
    } catch {
      return this.#log.warn("the motion process printed something else", { line: line.slice(0, 200) });
    }
    switch (reply.type) {
      case "claimed":
        this.#owns = true;
        return this.#claimed.resolve();
      case "ready":
        this.#isReady = true;
        for (const intent of this.#early.splice(0)) this.tell(intent);
        return this.#ready.resolve();
      case "started":
        return this.#events.onStarted(reply.id);
      case "pose":
        return this.#pose(reply);
      case "state":
        this.#moving = reply.moving;
        return this.#events.onState(reply);
      case "ended": {
        const { type: _, id, ...report } = reply;
        return this.#ended(id, report);
      }
      case "refused": {
        const error = coded(reply.code, reply.message);
        this.#waiting.get(reply.id)?.reject(error);
        this.#waiting.delete(reply.id);
        return this.#events.onRefused(reply.id);
      }
      case "fault":
        this.#fault = coded(reply.code, reply.message);
        this.#log.error(reply.message, { code: reply.code });
    }
  }

  #pose(pose: Extract<Reply, { type: "pose" }>): void {
    this.#moving = pose.moving;
    const waiting = pose.motion && this.#waiting.get(pose.motion.id);
    if (waiting) waiting.progress = { movedM: pose.motion!.movedM, turnedDeg: pose.motion!.turnedDeg };
    this.#events.onPose(pose);
  }

  #ended(id: number, report: MotionReport): void {
    this.#events.onEnded(id, report);
    this.#waiting.get(id)?.resolve(report);
    this.#waiting.delete(id);
  }

  /** As far as each came by what was last told. */
  #answerAll(ended: MotionReport["ended"]): void {
    for (const [id, { progress }] of [...this.#waiting]) this.#ended(id, { ...progress, ended });
  }
}

function coded(code: string, message: string): MynaError {
  return new MynaError(code in ERRORS ? (code as ErrorCode) : "DEVICE_FAILED", message);
}
