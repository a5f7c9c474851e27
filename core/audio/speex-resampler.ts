import type { StreamResampler } from "./resample.ts";

/** 0 to 10. At 5 neither 16 bits nor the pass band up to 0.85 of the Nyquist frequency lose anything; see ADR 0018. */
const QUALITY = 5;

/** The part of speexdsp's resampler that is used; pointers are byte offsets into its memory. */
interface SpeexModule {
  HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _speex_resampler_init(
    channels: number,
    fromHz: number,
    toHz: number,
    quality: number,
    error: number,
  ): number;
  _speex_resampler_get_input_latency(state: number): number;
  _speex_resampler_process_int(
    state: number,
    channel: number,
    input: number,
    inputLength: number,
    output: number,
    outputLength: number,
  ): number;
}

/** The resampler of speexdsp (WebAssembly with SIMD) for one PCM16 stream. Allocates nothing per block. */
export class SpeexResampler implements StreamResampler {
  readonly delaySamples: number;
  readonly #fromHz: number;
  readonly #toHz: number;
  readonly #speex: SpeexModule;
  readonly #state: number;
  readonly #input: Int16Array;
  readonly #output: Int16Array;
  /** Lengths of input and output; the call replaces them by what was used and made. */
  readonly #lengths: Uint32Array;

  private constructor(speex: SpeexModule, fromHz: number, toHz: number, blockSamples: number) {
    this.#fromHz = fromHz;
    this.#toHz = toHz;
    this.#speex = speex;
    const limit = this.outputLimit(blockSamples);
    const lengths = speex._malloc(8);
    const input = speex._malloc(blockSamples * 2);
    const output = speex._malloc(limit * 2);
    this.#state = speex._speex_resampler_init(1, fromHz, toHz, QUALITY, lengths);
    // Made last: what is allocated after them could move the memory.
    const memory = speex.HEAP16.buffer;
    this.#lengths = new Uint32Array(memory, lengths, 2);
    if (this.#state === 0) throw new Error(`speexdsp refuses to convert ${fromHz} to ${toHz} Hz`);
    this.#input = new Int16Array(memory, input, blockSamples);
    this.#output = new Int16Array(memory, output, limit);
    this.delaySamples = speex._speex_resampler_get_input_latency(this.#state);
  }

  /** For blocks of up to `blockSamples` at `fromHz`. The library is loaded (8 ms) with the first one. */
  static async create(fromHz: number, toHz: number, blockSamples: number): Promise<SpeexResampler> {
    // @ts-expect-error the package has no types
    const loaded: unknown = await import("@echogarden/speex-resampler-wasm/simd");
    // Each call makes an instance with memory of its own.
    const { default: instantiate } = loaded as { default: () => Promise<SpeexModule> };
    return new SpeexResampler(await instantiate(), fromHz, toHz, blockSamples);
  }

  outputLimit(count: number): number {
    return Math.ceil((count * this.#toHz) / this.#fromHz) + 1;
  }

  process(input: Int16Array, output: Int16Array, count: number = input.length): number {
    const lengths = this.#lengths;
    this.#input.set(input);
    lengths[0] = count;
    lengths[1] = this.#output.length;
    const { byteOffset } = lengths;
    const result = this.#speex._speex_resampler_process_int(
      this.#state,
      0,
      this.#input.byteOffset,
      byteOffset,
      this.#output.byteOffset,
      byteOffset + 4,
    );
    if (result !== 0 || lengths[0] !== count)
      throw new Error(`speexdsp took ${lengths[0]} of ${count} samples`);
    const made = lengths[1]!;
    const own = this.#output;
    for (let i = 0; i < made; i++) output[i] = own[i]!;
    return made;
  }
}
