/**
 * Entry of the thread that drives one device. It never returns to its event loop while the device runs: the device's
 * blocking read or write is the clock, and the main thread speaks to it through shared memory only.
 */
import { parentPort, workerData } from "node:worker_threads";
import { CaptureLoop } from "./capture-loop.ts";
import { clockOffsetMs } from "./clock.ts";
import { PlaybackLoop } from "./playback-loop.ts";
import { checkFormat } from "./device-format.ts";
import type { CaptureDriver, FloatCaptureDriver, FloatPlaybackDriver, PlaybackDriver } from "./port.ts";
import { raisePriority } from "./priority.ts";
import { Ring } from "./ring.ts";
import { SharedState } from "./shared-state.ts";

type Driver = CaptureDriver | FloatCaptureDriver | PlaybackDriver | FloatPlaybackDriver;

/** What the thread is started with. */
export interface DeviceThreadSetup {
  kind: "capture" | "playback";
  /** Absolute path or file URL. */
  module: string;
  options: Record<string, unknown>;
  /** One word; not 0 means: close the device and end. */
  stop: SharedArrayBuffer;
  shared: SharedArrayBuffer;
  /** For the exchange of {@link clockOffsetMs}. */
  clock: SharedArrayBuffer;
  /** capture — or speech, sounds, reference, earcons. */
  rings: SharedArrayBuffer[];
}

/** What the thread says, in this order: questions for the time; refused, or opened then died or closed. */
export type DeviceThreadMessage =
  | { type: "clock" }
  | { type: "opened"; rateHz: number; channels: number }
  | { type: "refused" | "died"; code: string | undefined; message: string }
  | { type: "closed" };

const tell = (message: DeviceThreadMessage): void => parentPort?.postMessage(message);

async function run(setup: DeviceThreadSetup): Promise<void> {
  const stop = new Int32Array(setup.stop);
  const offsetMs = clockOffsetMs(setup.clock, () => tell({ type: "clock" }));
  const shared = new SharedState(setup.shared, offsetMs);
  let opened: { driver: Driver; loop: CaptureLoop | PlaybackLoop };
  // Before the device is opened: threads that its library starts then, as a sound server's client does, inherit it.
  raisePriority();
  try {
    opened = await open(setup, shared);
  } catch (error) {
    return tell({ type: "refused", ...describe(error) });
  }
  const { driver, loop } = opened;
  tell({ type: "opened", rateHz: driver.rateHz, channels: driver.channels });
  try {
    while (Atomics.load(stop, 0) === 0) loop.step();
  } catch (error) {
    // Told first, since a device that hangs may also hang when it is closed.
    tell({ type: "died", ...describe(error) });
  }
  driver.close();
  tell({ type: "closed" });
}

async function open(
  setup: DeviceThreadSetup,
  shared: SharedState,
): Promise<{ driver: Driver; loop: CaptureLoop | PlaybackLoop }> {
  const exports = (await import(setup.module)) as Record<string, unknown>;
  const name = setup.kind === "capture" ? "openCapture" : "openPlayback";
  const openDriver = exports[name] as (options: Record<string, unknown>) => Driver | Promise<Driver>;
  if (typeof openDriver !== "function") throw new Error(`${setup.module} exports no function ${name}`);
  const driver = await openDriver(setup.options);
  try {
    checkFormat(driver.rateHz, driver.channels, driver.format);
    const [first, sounds, reference, earcons] = setup.rings.map((memory) => new Ring(memory));
    const loop =
      setup.kind === "capture"
        ? await CaptureLoop.create(driver as CaptureDriver, first!, shared)
        : await PlaybackLoop.create(
            driver as PlaybackDriver,
            { speech: first!, sounds: sounds!, reference: reference!, earcons: earcons! },
            shared,
          );
    return { driver, loop };
  } catch (error) {
    driver.close();
    throw error;
  }
}

function describe(error: unknown): { code: string | undefined; message: string } {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return {
    code: typeof code === "string" ? code : undefined,
    message: typeof message === "string" ? message : String(error),
  };
}

await run(workerData as DeviceThreadSetup);
