import type { CaptureDriver } from "./port.ts";
import { FRAME_MS, RATE_HZ } from "./port.ts";
import { Resampler } from "./resample.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";

/**
 * Run in the device thread: each `step` reads 20 ms from the device, which blocks, converts them to 24 kHz mono, says whether
 * half duplex silences them, and hands them to the main thread. Allocates nothing per block.
 */
export class CaptureLoop {
  readonly #driver: CaptureDriver;
  readonly #ring: Ring;
  readonly #shared: SharedState;
  readonly #frames: Int16Array;
  readonly #mono: Int16Array;
  readonly #resampler: Resampler | undefined;
  /** At 24 kHz. */
  readonly #block: Int16Array;
  readonly #views = new Map<number, Int16Array>();
  #xruns = 0;

  constructor(driver: CaptureDriver, ring: Ring, shared: SharedState) {
    this.#driver = driver;
    this.#ring = ring;
    this.#shared = shared;
    const count = Math.round((driver.rateHz * FRAME_MS) / 1000);
    this.#frames = new Int16Array(count * driver.channels);
    this.#mono = driver.channels === 1 ? this.#frames : new Int16Array(count);
    this.#resampler = driver.rateHz === RATE_HZ ? undefined : new Resampler(driver.rateHz, RATE_HZ);
    this.#block = this.#resampler ? new Int16Array(this.#resampler.outputLimit(count)) : this.#mono;
  }

  /** One block. Throws when the device is gone. */
  step(): void {
    const shared = this.#shared;
    const ring = this.#ring;
    const read = this.#driver.read(this.#frames);
    const atMs = shared.nowMs();
    const mono = this.#mono;
    if (this.#driver.channels === 2) {
      const frames = this.#frames;
      for (let i = 0; i < read; i++) mono[i] = (frames[2 * i]! + frames[2 * i + 1]!) >> 1;
    }
    const count = this.#resampler ? this.#resampler.process(mono, this.#block, read) : read;
    const gated = shared.halfDuplex && atMs - FRAME_MS < shared.audibleUntilMs + shared.tailMs;
    const from = ring.head;
    shared.gate(from, from + count, gated);
    ring.write(this.#view(count));
    shared.publishCaptured(ring.head, atMs);
    const xruns = this.#driver.xruns?.() ?? 0;
    if (xruns > this.#xruns) {
      shared.addCaptureXruns(xruns - this.#xruns);
      this.#xruns = xruns;
    }
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
