import { FRAME_SAMPLES, RATE_HZ, Resampler } from "myna";

const FVAD_HZ = 16_000;
/** 10, 20 or 30 ms at {@link FVAD_HZ}; one frame of the microphone is 20 ms. */
const FVAD_SAMPLES = (FRAME_SAMPLES * FVAD_HZ) / RATE_HZ;

/** The library's functions; pointers are byte offsets into its memory, see fvad.h of libfvad. */
interface FvadModule {
  HEAP16: Int16Array;
  _malloc(bytes: number): number;
  _fvad_new(): number;
  _fvad_set_mode(instance: number, mode: number): number;
  _fvad_set_sample_rate(instance: number, rateHz: number): number;
  _fvad_process(instance: number, samples: number, count: number): number;
}

/** WebRTC's voice detector, for one stream of frames. Allocates nothing per frame. */
export class WebrtcJudge {
  readonly #fvad: FvadModule;
  readonly #instance: number;
  readonly #input: Int16Array;
  readonly #resampler = new Resampler(RATE_HZ, FVAD_HZ);
  readonly #samples: Int16Array;
  #filled = 0;
  #speech = false;

  private constructor(fvad: FvadModule, aggressiveness: number) {
    this.#fvad = fvad;
    this.#samples = new Int16Array(this.#resampler.outputLimit(FRAME_SAMPLES));
    const input = fvad._malloc(FVAD_SAMPLES * 2);
    this.#instance = fvad._fvad_new();
    const refused =
      this.#instance === 0 ||
      fvad._fvad_set_mode(this.#instance, aggressiveness) !== 0 ||
      fvad._fvad_set_sample_rate(this.#instance, FVAD_HZ) !== 0;
    if (refused) throw new Error(`libfvad refuses aggressiveness ${aggressiveness} at ${FVAD_HZ} Hz`);
    // Made last: what is allocated after it could move the memory.
    this.#input = new Int16Array(fvad.HEAP16.buffer, input, FVAD_SAMPLES);
  }

  /** `aggressiveness`: 0 finds all speech, and much else; 3 is hard to convince. An instance with memory of its own. */
  static async create(aggressiveness: number): Promise<WebrtcJudge> {
    // @ts-expect-error the package has no types
    const loaded: unknown = await import("@echogarden/fvad-wasm");
    const { default: instantiate } = loaded as { default: () => Promise<FvadModule> };
    return new WebrtcJudge(await instantiate(), aggressiveness);
  }

  /** Takes 20 ms at 24 kHz; the verdict is that of the last whole frame at 16 kHz. */
  judge(frame: Int16Array): boolean {
    const samples = this.#samples;
    const input = this.#input;
    const count = this.#resampler.process(frame, samples);
    for (let i = 0; i < count; i++) {
      input[this.#filled++] = samples[i]!;
      if (this.#filled < FVAD_SAMPLES) continue;
      this.#filled = 0;
      this.#speech = this.#fvad._fvad_process(this.#instance, input.byteOffset, FVAD_SAMPLES) === 1;
    }
    return this.#speech;
  }
}
