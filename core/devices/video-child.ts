import { MynaError } from "../errors.ts";

/** Output of a program cut into frames; what `push` completes goes to the function it was made with. */
export interface FrameSplitter {
  push(bytes: Uint8Array): void;
}

/** What {@link VideoChild} is made with. */
export interface VideoChildOptions<Frame> {
  /** The program and its arguments; it writes frames to its standard output until it is ended. */
  command: readonly string[];
  splitter: (onFrame: (frame: Frame) => void) => FrameSplitter;
  /** A program that gives no frame for so long hangs and is ended. */
  stallMs?: number;
}

const STALL_MS = 4000;
const KILL_AFTER_MS = 1000;

/**
 * A camera's program that runs all the time, so that a picture is there when it is asked for. Of its frames only the newest is
 * kept. It ends with whoever made it: by `close`, or because nobody reads what it writes.
 */
export class VideoChild<Frame> {
  /** Resolves with the first frame; rejects like `failed`. */
  readonly first: Promise<void>;
  /** Resolves when it ended by itself: DEVICE_FAILED with what it last said; never after `close`. */
  readonly failed: Promise<MynaError>;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #handlers = new Set<(frame: Frame) => void>();
  readonly #stallMs: number;
  #waiting: ((frame: Frame) => void)[] = [];
  #newest: { frame: Frame; atMs: number } | undefined;
  #frames = 0;
  #words = "";
  #lastMs: number = performance.now();
  #closed = false;

  /** Throws DEVICE_NOT_FOUND where there is no such program. */
  constructor({ command, splitter, stallMs = STALL_MS }: VideoChildOptions<Frame>) {
    this.#stallMs = stallMs;
    try {
      this.#child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    } catch (cause) {
      throw new MynaError("DEVICE_NOT_FOUND", `the program ${command[0]} cannot be started`, { cause });
    }
    const first = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<MynaError>();
    this.first = first.promise;
    this.failed = failed.promise;
    this.first.catch(() => {});
    const cut = splitter((frame) => {
      first.resolve();
      this.#take(frame);
    });
    void this.#listen();
    void this.#read(cut, command[0]!).then((error) => {
      clearInterval(watch);
      if (this.#closed) return;
      first.reject(error);
      failed.resolve(error);
    });
    const watch = setInterval(() => this.#look(), this.#stallMs / 4);
  }

  /** The newest frame, if it is not older than `maxAgeMs`, else the next one; DEVICE_FAILED when none comes for `limitMs`. */
  async frame(maxAgeMs: number, limitMs: number): Promise<Frame> {
    const newest = this.#newest;
    if (newest && performance.now() - newest.atMs <= maxAgeMs) return newest.frame;
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    this.#waiting.push(resolve);
    const timer = setTimeout(
      () => reject(new MynaError("DEVICE_FAILED", `the camera has given no picture for ${limitMs} ms`)),
      limitMs,
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting = this.#waiting.filter((one) => one !== resolve);
    }
  }

  /** Each frame as it comes. */
  onFrame(handler: (frame: Frame) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** For the health report. */
  counters(): Record<string, unknown> {
    const ageMs = this.#newest ? Math.round(performance.now() - this.#newest.atMs) : null;
    return { frames: this.#frames, newest_age_ms: ageMs, watchers: this.#handlers.size };
  }

  /** Ends the program; resolves when it is gone. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), KILL_AFTER_MS);
    await this.#child.exited;
    clearTimeout(timer);
  }

  #take(frame: Frame): void {
    this.#frames++;
    this.#lastMs = performance.now();
    this.#newest = { frame, atMs: this.#lastMs };
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(frame);
    for (const handler of [...this.#handlers]) handler(frame);
  }

  #look(): void {
    if (performance.now() - this.#lastMs < this.#stallMs) return;
    this.#words = `no picture for ${this.#stallMs} ms`;
    void this.#end();
  }

  async #read(cut: FrameSplitter, program: string): Promise<MynaError> {
    try {
      for await (const bytes of this.#child.stdout) cut.push(bytes);
    } catch (cause) {
      this.#child.kill("SIGKILL");
      return MynaError.from(cause, "DEVICE_FAILED");
    }
    const code = await this.#child.exited;
    const why = this.#words === "" ? "" : `: ${this.#words}`;
    return new MynaError("DEVICE_FAILED", `${program} ended with ${this.#child.signalCode ?? code}${why}`);
  }

  /** Keeps the last line it said. */
  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stderr) {
      const lines = decoder.decode(bytes, { stream: true }).split("\n");
      this.#words =
        lines
          .findLast((line) => line.trim() !== "")
          ?.trim()
          .slice(0, 200) ?? this.#words;
    }
  }
}
