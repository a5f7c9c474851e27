import { mixInto } from "./playback-loop.ts";
import type { CaptureDriver } from "./port.ts";
import { FRAME_MS, RATE_HZ } from "./port.ts";
import { Resampler } from "./resample.ts";
import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";

/** The rings between capture thread and main thread. */
export interface CaptureRings {
  capture: Ring;
  /** What is spoken into the microphone by the program. */
  feed: Ring;
}

/**
 * Run in the device thread: each `step` reads 20 ms from the device, which blocks, converts them to 24 kHz mono, silences
 * them in half duplex, mixes in what is fed and hands them to the main thread. Allocates nothing per block.
 */
export class CaptureLoop {
  readonly #driver: CaptureDriver;
  readonly #rings: CaptureRings;
  readonly #shared: SharedState;
  readonly #frames: Int16Array;
  readonly #mono: Int16Array;
  readonly #resampler: Resampler | undefined;
  /** At 24 kHz. */
  readonly #block: Int16Array;
  readonly #views = new Map<number, Int16Array>();
  readonly #fed: Int16Array;
  #xruns = 0;

  constructor(driver: CaptureDriver, rings: CaptureRings, shared: SharedState) {
    this.#driver = driver;
    this.#rings = rings;
    this.#shared = shared;
    const count = Math.round((driver.rateHz * FRAME_MS) / 1000);
    this.#frames = new Int16Array(count * driver.channels);
    this.#mono = driver.channels === 1 ? this.#frames : new Int16Array(count);
    this.#resampler = driver.rateHz === RATE_HZ ? undefined : new Resampler(driver.rateHz, RATE_HZ);
    this.#block = this.#resampler ? new Int16Array(this.#resampler.outputLimit(count)) : this.#mono;
    this.#fed = new Int16Array(this.#block.length);
  }

  /** One block. Throws when the device is gone. */
  step(): void {
    const shared = this.#shared;
    const read = this.#driver.read(this.#frames);
    const atMs = shared.nowMs();
    const mono = this.#mono;
    if (this.#driver.channels === 2) {
      const frames = this.#frames;
      for (let i = 0; i < read; i++) mono[i] = (frames[2 * i]! + frames[2 * i + 1]!) >> 1;
    }
    const block = this.#block;
    const count = this.#resampler ? this.#resampler.process(mono, block, read) : read;
    if (shared.halfDuplex && atMs - FRAME_MS < shared.audibleUntilMs + shared.tailMs) {
      block.fill(0, 0, count);
      shared.countGated();
    }
    this.#hand(count, atMs);
    const xruns = this.#driver.xruns?.() ?? 0;
    if (xruns > this.#xruns) {
      shared.addCaptureXruns(xruns - this.#xruns);
      this.#xruns = xruns;
    }
  }

  #hand(count: number, atMs: number): void {
    const { capture, feed } = this.#rings;
    const fedFrom = feed.tail;
    const fedCount = Math.min(count, distance(fedFrom, feed.head));
    if (fedCount > 0) {
      feed.copy(fedFrom, this.#fed, fedCount);
      mixInto(this.#block, this.#fed, fedCount);
    }
    capture.write(this.#view(count));
    this.#shared.publishCaptured(capture.head, atMs);
    // After the captured samples can be seen: who waits for the end of the feed then looks for its last sample there.
    if (fedCount > 0) feed.release((fedFrom + fedCount) >>> 0);
  }

  /** The first `count` samples of the block; block lengths repeat, so each view is made once. */
  #view(count: number): Int16Array {
    if (count === this.#block.length) return this.#block;
    let view = this.#views.get(count);
    if (!view) {
      view = this.#block.subarray(0, count);
      this.#views.set(count, view);
    }
    return view;
  }
}
