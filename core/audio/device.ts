import { Worker } from "node:worker_threads";
import { ERRORS, MynaError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import { Bell } from "./bell.ts";
import { answerClock, createClock } from "./clock.ts";
import type { DeviceThreadMessage, DeviceThreadSetup } from "./device-thread.ts";
import type { AudioDevice, DeviceSpec } from "./port.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";

const OPEN_LIMIT_MS = 5000;
/** A device that does not come back from a read or write for so long is abandoned with its thread. */
const CLOSE_LIMIT_MS = 1000;

/** A device thread, seen from the main thread. */
export class Device implements AudioDevice {
  readonly failed: Promise<Error>;
  readonly spec: DeviceSpec;
  readonly rateHz: number;
  readonly #worker: Worker;
  readonly #stop: Int32Array;
  readonly #bell: Bell;
  readonly #gone: Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(spec: DeviceSpec, opened: Opened) {
    this.spec = spec;
    this.rateHz = opened.rateHz;
    this.#worker = opened.worker;
    this.#stop = opened.stop;
    this.#bell = opened.bell;
    this.#gone = opened.gone;
    this.failed = new Promise((resolve) => {
      void opened.ended.then(({ error }) => {
        void this.#terminate();
        if (!this.#closing) resolve(error ?? new MynaError("DEVICE_FAILED", "the device's thread ended"));
      });
    });
  }

  /** Resolves when the device runs. Rejects with the code its module gave, else with DEVICE_FAILED. */
  static async open(
    kind: "capture" | "playback",
    spec: DeviceSpec,
    shared: SharedState,
    rings: Ring[],
  ): Promise<Device> {
    return new Device(spec, await start(kind, spec, shared, rings));
  }

  /** The end of `close`, once it was called. */
  get closing(): Promise<void> | undefined {
    return this.#closing;
  }

  /** A loudspeaker's thread does not wait for the device any longer. */
  hurry(): void {
    this.#bell.ring();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    Atomics.store(this.#stop, 0, 1);
    this.#bell.ring();
    await this.#terminate();
  }

  /** Ends the thread once it has closed the device, or cannot. */
  async #terminate(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CLOSE_LIMIT_MS);
    await Promise.race([this.#gone, late.promise]);
    clearTimeout(timer);
    await this.#worker.terminate();
    this.#bell.close();
  }
}

interface Ended {
  error?: MynaError;
}

interface Opened {
  worker: Worker;
  stop: Int32Array;
  bell: Bell;
  rateHz: number;
  ended: Promise<Ended>;
  /** Resolves when the thread has closed the device. */
  gone: Promise<void>;
}

async function start(
  kind: "capture" | "playback",
  spec: DeviceSpec,
  shared: SharedState,
  rings: Ring[],
): Promise<Opened> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const clock = createClock();
  const bell = new Bell();
  const workerData: DeviceThreadSetup = {
    kind,
    module: spec.module,
    options: spec.options,
    stop: stop.buffer as SharedArrayBuffer,
    shared: shared.memory,
    clock,
    bell: bell.memory,
    rings: rings.map((ring) => ring.memory),
  };
  const opened = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<Ended>();
  const gone = Promise.withResolvers<void>();
  const end = (error?: MynaError) => {
    opened.reject(error ?? new MynaError("DEVICE_FAILED", "the device's thread ended before it was open"));
    ended.resolve(error ? { error } : {});
  };
  const worker = new Worker(new URL("./device-thread.ts", import.meta.url), { workerData });
  worker.on("message", (message: DeviceThreadMessage) => {
    if (message.type === "clock") answerClock(clock);
    else if (message.type === "opened") opened.resolve(message.rateHz);
    else if (message.type === "closed") {
      gone.resolve();
      end();
    } else end(deviceError(message.code, message.message));
  });
  worker.on("error", (error: unknown) => end(MynaError.from(error, "DEVICE_FAILED")));
  worker.on("exit", () => {
    gone.resolve();
    end();
  });
  const timer = setTimeout(
    () => end(new MynaError("DEVICE_FAILED", `the device did not open within ${OPEN_LIMIT_MS / 1000} s`)),
    OPEN_LIMIT_MS,
  );
  try {
    return { worker, stop, bell, rateHz: await opened.promise, ended: ended.promise, gone: gone.promise };
  } catch (error) {
    void worker.terminate().then(() => bell.close());
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function deviceError(code: string | undefined, message: string): MynaError {
  const known = code !== undefined && code in ERRORS;
  return new MynaError(known ? (code as ErrorCode) : "DEVICE_FAILED", message);
}
