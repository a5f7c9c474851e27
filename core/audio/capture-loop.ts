import { Views, edgeResampler, monoFromF32, monoFromS16 } from "./device-format.ts";
import type { CaptureDriver, FloatCaptureDriver } from "./port.ts";
import { FRAME_MS, RATE_HZ } from "./port.ts";
import type { StreamResampler } from "./resample.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";

/**
 * Run in the device thread: each `step` reads 20 ms from the device, which blocks, converts them to 24 kHz mono, says whether
 * half duplex silences them, and hands them to the main thread. Allocates nothing per block.
 */
export class CaptureLoop {
  readonly #driver: CaptureDriver | FloatCaptureDriver;
  readonly #ring: Ring;
  readonly #shared: SharedState;
  /** As the device gives them, interleaved; one of the two. */
  readonly #s16: Int16Array;
  readonly #f32: Float32Array;
  readonly #mono: Int16Array;
  readonly #resampler: StreamResampler | undefined;
  /** At 24 kHz. */
  readonly #block: Int16Array;
  readonly #views: Views<Int16Array>;
  #xruns = 0;
  #blockAtMs = 0;

  private constructor(
    driver: CaptureDriver | FloatCaptureDriver,
    ring: Ring,
    shared: SharedState,
    resampler: StreamResampler | undefined,
  ) {
    this.#driver = driver;
    this.#ring = ring;
    this.#shared = shared;
    this.#resampler = resampler;
    shared.captureDelayMs = ((resampler?.delaySamples ?? 0) * 1000) / driver.rateHz;
    const count = blockSamples(driver.rateHz);
    const float = driver.format === "f32";
    this.#s16 = new Int16Array(float ? 0 : count * driver.channels);
    this.#f32 = new Float32Array(float ? count * driver.channels : 0);
    this.#mono = driver.channels === 1 && !float ? this.#s16 : new Int16Array(count);
    this.#block = resampler ? new Int16Array(resampler.outputLimit(count)) : this.#mono;
    this.#views = new Views(this.#block);
  }

  static async create(
    driver: CaptureDriver | FloatCaptureDriver,
    ring: Ring,
    shared: SharedState,
  ): Promise<CaptureLoop> {
    const resampler = await edgeResampler(driver.rateHz, RATE_HZ, blockSamples(driver.rateHz));
    return new CaptureLoop(driver, ring, shared, resampler);
  }

  /** One block. Throws when the device is gone. */
  step(): void {
    const shared = this.#shared;
    const ring = this.#ring;
    const read = this.#read();
    const waiting = this.#driver.waiting?.() ?? 0;
    const atMs = shared.nowMs();
    const count = this.#resampler ? this.#resampler.process(this.#mono, this.#block, read) : read;
    // A thread that is late reads what the room sounded like before.
    const takenMs = atMs - (waiting * 1000) / this.#driver.rateHz - FRAME_MS;
    const gated = shared.halfDuplex && takenMs < shared.audibleUntilMs + shared.tailMs;
    const from = ring.head;
    shared.gate(from, from + count, gated);
    ring.write(this.#views.of(count));
    const taken = ring.head + Math.round((waiting * RATE_HZ) / this.#driver.rateHz);
    shared.capturedLog.add(taken, taken, 0, atMs);
    shared.publishCaptured(ring.head, atMs);
    const { counters } = shared;
    counters.add("captured_blocks");
    if (this.#blockAtMs > 0) counters.observe("capture_period_ms", atMs - this.#blockAtMs);
    this.#blockAtMs = atMs;
    const xruns = this.#driver.xruns?.() ?? 0;
    if (xruns > this.#xruns) counters.add("capture_xruns", xruns - this.#xruns);
    this.#xruns = xruns;
  }

  /** 20 ms from the device, as mono; returns how many samples. */
  #read(): number {
    const driver = this.#driver;
    if (driver.format === "f32") {
      const read = driver.read(this.#f32);
      this.#check(read, this.#f32.length);
      monoFromF32(this.#f32, driver.channels, this.#mono, read);
      return read;
    }
    const read = driver.read(this.#s16);
    this.#check(read, this.#s16.length);
    monoFromS16(this.#s16, driver.channels, this.#mono, read);
    return read;
  }

  #check(read: number, length: number): void {
    const most = length / this.#driver.channels;
    if (Number.isInteger(read) && read >= 0 && read <= most) return;
    throw new Error(
      `the microphone's driver says that it read ${read} frames, where there is room for ${most}`,
    );
  }
}

/** Samples per channel of one read. */
function blockSamples(rateHz: number): number {
  return Math.round((rateHz * FRAME_MS) / 1000);
}
