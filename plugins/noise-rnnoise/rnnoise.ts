import { FRAME_SAMPLES, RATE_HZ, Resampler } from "myna";

/** The network was trained for this rate. */
const RNNOISE_HZ = 48_000;
/** 10 ms at {@link RNNOISE_HZ}, see rnnoise_get_frame_size. */
const BLOCK_SAMPLES = 480;
const BLOCKS = (FRAME_SAMPLES * RNNOISE_HZ) / RATE_HZ / BLOCK_SAMPLES;

/** The library's functions; pointers are byte offsets into its memory, see rnnoise.h. */
interface RnnoiseModule {
  HEAPF32: Float32Array;
  _malloc(bytes: number): number;
  _rnnoise_create(model: number): number;
  _rnnoise_process_frame(state: number, output: number, input: number): number;
}

/** RNNoise for one stream of frames. Allocates nothing per frame. */
export class Rnnoise {
  readonly #rnnoise: RnnoiseModule;
  readonly #state: number;
  readonly #block: Float32Array;
  readonly #up = new Resampler(RATE_HZ, RNNOISE_HZ);
  readonly #down = new Resampler(RNNOISE_HZ, RATE_HZ);
  readonly #samples = new Int16Array(BLOCKS * BLOCK_SAMPLES + 1);
  readonly #output = new Int16Array(FRAME_SAMPLES + 1);
  /** Probability of speech in the last 10 ms, by the network's own reckoning. */
  speech = 0;

  private constructor(rnnoise: RnnoiseModule) {
    this.#rnnoise = rnnoise;
    const block = rnnoise._malloc(BLOCK_SAMPLES * 4);
    this.#state = rnnoise._rnnoise_create(0);
    // Made last: what is allocated after it could move the memory.
    this.#block = new Float32Array(rnnoise.HEAPF32.buffer, block, BLOCK_SAMPLES);
  }

  /** An instance with memory of its own. */
  static async create(): Promise<Rnnoise> {
    // @ts-expect-error the package has no types
    const loaded: unknown = await import("@echogarden/rnnoise-wasm");
    const { default: instantiate } = loaded as { default: () => Promise<RnnoiseModule> };
    return new Rnnoise(await instantiate());
  }

  /** Takes the noise out of 20 ms at 24 kHz, in place; what comes out lies 12 ms behind what went in. */
  process(frame: Int16Array): void {
    const samples = this.#samples;
    const block = this.#block;
    this.#up.process(frame, samples);
    for (let at = 0; at < BLOCKS * BLOCK_SAMPLES; at += BLOCK_SAMPLES) {
      for (let i = 0; i < BLOCK_SAMPLES; i++) block[i] = samples[at + i]!;
      this.speech = this.#rnnoise._rnnoise_process_frame(this.#state, block.byteOffset, block.byteOffset);
      for (let i = 0; i < BLOCK_SAMPLES; i++)
        samples[at + i] = Math.max(-32768, Math.min(32767, Math.round(block[i]!)));
    }
    const made = this.#down.process(samples, this.#output, BLOCKS * BLOCK_SAMPLES);
    for (let i = 0; i < made; i++) frame[i] = this.#output[i]!;
  }
}
