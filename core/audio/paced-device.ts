import { Bell } from "./bell.ts";
import type { CaptureDriver, PlaybackDriver } from "./port.ts";
import { RATE_HZ } from "./port.ts";

/** Absolute path of this module: the `module` of a device without hardware. */
export const PACED_DEVICE: string = import.meta.path;

/** Further behind than this (a suspended machine) the device starts its clock anew instead of rushing after it. */
const LOST_MS = 500;

/** Options of {@link PACED_DEVICE}. */
export interface PacedOptions {
  /** Samples are taken and given in portions of this length; default 20. */
  period_ms?: number;
  /** How much faster than real time; default 1. For tests. */
  speed?: number;
  /** Default 24,000. */
  rate_hz?: number;
}

/** Sleeps to absolute deadlines, so that it does not drift. Only for threads: it blocks. */
class Pace {
  readonly samplesPerMs: number;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #startMs = performance.now();

  constructor(rateHz: number, speed: number) {
    this.samplesPerMs = (rateHz * speed) / 1000;
  }

  /** Samples since the start. */
  get samples(): number {
    return (performance.now() - this.#startMs) * this.samplesPerMs;
  }

  /** Returns when the clock stands at `samples` or later. */
  waitFor(samples: number): void {
    const dueMs = this.#startMs + samples / this.samplesPerMs;
    for (let nowMs = performance.now(); nowMs < dueMs; nowMs = performance.now()) {
      Atomics.wait(this.#sleeper, 0, 0, dueMs - nowMs);
    }
    const lateMs = performance.now() - dueMs;
    if (lateMs > LOST_MS) this.#startMs += lateMs;
  }

  /** As `waitFor`, but not while the bell rings. */
  waitUnlessCalled(samples: number, bell: Bell): void {
    const dueMs = this.#startMs + samples / this.samplesPerMs;
    for (let nowMs = performance.now(); nowMs < dueMs && !bell.take(); nowMs = performance.now()) {
      bell.sleep(dueMs - nowMs);
    }
  }

  /** The clock stands at `samples` now. */
  restart(samples: number): void {
    this.#startMs = performance.now() - samples / this.samplesPerMs;
  }
}

/** A microphone that hears silence at the pace of a real one. */
export function openCapture(options: PacedOptions): CaptureDriver {
  const { period_ms = 20, speed = 1, rate_hz = RATE_HZ } = options;
  const period = Math.round((rate_hz * period_ms) / 1000);
  const pace = new Pace(rate_hz, speed);
  let taken = 0;
  return {
    rateHz: rate_hz,
    channels: 1,
    read(into) {
      const count = Math.min(period, into.length);
      taken += count;
      pace.waitFor(taken);
      into.fill(0, 0, count);
      return count;
    },
    close() {},
  };
}

/** A loudspeaker nobody hears, at the pace of a real one: it queues a period beside what is being written, and can run dry. */
export function openPlayback(options: PacedOptions, bell = new Bell()): PlaybackDriver {
  const { period_ms = 20, speed = 1, rate_hz = RATE_HZ } = options;
  const period = Math.round((rate_hz * period_ms) / 1000);
  const pace = new Pace(rate_hz, speed);
  let given = 0;
  let playing = false;
  let xruns = 0;
  return {
    rateHz: rate_hz,
    channels: 1,
    awaitRoom() {
      if (playing) pace.waitUnlessCalled(given - period, bell);
    },
    write(frames) {
      if (playing) {
        pace.waitFor(given - period);
        if (pace.samples > given) {
          xruns++;
          playing = false;
        }
      }
      if (!playing) pace.restart(given);
      playing = true;
      given += frames.length;
    },
    delay: () => (playing ? Math.max(0, Math.ceil(given - pace.samples)) : 0),
    drop() {
      playing = false;
    },
    xruns: () => xruns,
    close() {},
  };
}
