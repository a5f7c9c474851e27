import type { Bell } from "../../core/audio/bell.ts";
import type { CaptureDriver, PlaybackDriver } from "../../core/audio/port.ts";
import * as paced from "../../core/audio/paced-device.ts";

/** Absolute path of this module: devices for tests of the engine. */
export const TEST_DEVICES: string = import.meta.path;

/** Options of both devices; everything survives structured cloning. */
export interface TestDeviceOptions {
  /** Code and message of an error at open. */
  refuse?: { code?: string; message: string };
  /** The device dies when this word is not 0. */
  kill?: SharedArrayBuffer;
  /** What was played: word 0 counts samples, PCM16 follows at byte 4. */
  tape?: SharedArrayBuffer;
  /** The microphone hears this sample all the time. */
  hears?: number;
  /** The microphone counts: each sample is one more than the one before, up to 30,000. */
  counts?: boolean;
  /** What the device claims to be. */
  claims?: { rateHz?: number; channels?: 1 | 2; format?: "s16" };
  paced?: paced.PacedOptions;
}

function checkOpen({ refuse }: TestDeviceOptions): void {
  if (refuse) throw Object.assign(new Error(refuse.message), refuse.code ? { code: refuse.code } : {});
}

function checkAlive({ kill }: TestDeviceOptions): void {
  if (kill && Atomics.load(new Int32Array(kill), 0) !== 0) throw new Error("the cable was pulled");
}

export function openCapture(options: TestDeviceOptions): CaptureDriver {
  checkOpen(options);
  const driver = paced.openCapture(options.paced ?? {});
  let counted = 0;
  return {
    ...driver,
    ...options.claims,
    read(into) {
      checkAlive(options);
      const count = driver.read(into);
      if (options.hears) into.fill(options.hears, 0, count);
      if (options.counts) for (let i = 0; i < count; i++) into[i] = 1 + (counted++ % 30_000);
      return count;
    },
  };
}

export function openPlayback(options: TestDeviceOptions, bell: Bell): PlaybackDriver {
  checkOpen(options);
  const driver = paced.openPlayback(options.paced ?? {}, bell);
  const words = options.tape && new Int32Array(options.tape, 0, 1);
  const samples = options.tape && new Int16Array(options.tape, 4);
  return {
    ...driver,
    ...options.claims,
    write(frames) {
      checkAlive(options);
      driver.write(frames);
      if (!words || !samples) return;
      const at = Atomics.load(words, 0);
      if (at + frames.length > samples.length) return;
      samples.set(frames, at);
      Atomics.store(words, 0, at + frames.length);
    },
  };
}

/** Memory for `seconds` of a tape. */
export function createTape(seconds: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 + seconds * 24_000 * 2);
}

/** What is on a tape so far. */
export function readTape(tape: SharedArrayBuffer): Int16Array {
  return new Int16Array(tape, 4, Atomics.load(new Int32Array(tape, 0, 1), 0)).slice();
}
