import { FRAME_SAMPLES, RATE_HZ } from "myna";
import { ptr } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import {
  ECHO_SET_SAMPLING_RATE,
  PREPROCESS_SET_DENOISE,
  PREPROCESS_SET_ECHO_STATE,
  PREPROCESS_SET_ECHO_SUPPRESS,
  PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE,
  PREPROCESS_SET_NOISE_SUPPRESS,
  loadSpeexDsp,
} from "./speexdsp.ts";
import type { SpeexDsp } from "./speexdsp.ts";

/** The canceller works in halves of a frame: shorter blocks follow a room faster. */
const BLOCK_SAMPLES = FRAME_SAMPLES / 2;

/** How speexdsp is set up; decibels are negative. */
export interface EchoFilterOptions {
  /** Length of the room's answer that is cancelled. */
  tailMs: number;
  /** How far what is left of the echo is turned down, while the robot alone and while both speak. */
  suppressDb: number;
  suppressActiveDb: number;
  /** How far steady noise is turned down; 0 leaves it. */
  noiseDb: number;
}

/**
 * speexdsp's adaptive filter and what takes away the rest of the echo behind it. Owns memory outside the heap until `close`.
 * Allocates nothing per frame.
 */
export class EchoFilter {
  readonly #speex: SpeexDsp = loadSpeexDsp();
  readonly #echo: Pointer;
  readonly #rest: Pointer;
  readonly #microphone = new Int16Array(FRAME_SAMPLES);
  readonly #loudspeaker = new Int16Array(FRAME_SAMPLES);
  readonly #output = new Int16Array(FRAME_SAMPLES);
  /** The last frame behind the filter, before the rest of the echo was turned down. */
  readonly left: Int16Array = new Int16Array(FRAME_SAMPLES);
  /** What the filter took for echo in it. */
  readonly taken: Int16Array = new Int16Array(FRAME_SAMPLES);
  readonly #pointers: { microphone: Pointer; loudspeaker: Pointer; output: Pointer }[];
  #closed = false;

  constructor({ tailMs, suppressDb, suppressActiveDb, noiseDb }: EchoFilterOptions) {
    const speex = this.#speex;
    const echo = speex.speex_echo_state_init(BLOCK_SAMPLES, Math.round((tailMs * RATE_HZ) / 1000));
    const rest = speex.speex_preprocess_state_init(BLOCK_SAMPLES, RATE_HZ);
    if (!echo || !rest) throw new Error("libspeexdsp has no memory for an echo canceller");
    this.#echo = echo as Pointer;
    this.#rest = rest as Pointer;
    speex.speex_echo_ctl(echo, ECHO_SET_SAMPLING_RATE, ptr(Int32Array.of(RATE_HZ)));
    const set = (request: number, value: number) =>
      speex.speex_preprocess_ctl(rest, request, ptr(Int32Array.of(value)));
    speex.speex_preprocess_ctl(rest, PREPROCESS_SET_ECHO_STATE, echo);
    set(PREPROCESS_SET_ECHO_SUPPRESS, suppressDb);
    set(PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE, suppressActiveDb);
    // Off, the echo would not be turned down either.
    set(PREPROCESS_SET_DENOISE, 1);
    set(PREPROCESS_SET_NOISE_SUPPRESS, noiseDb);
    this.#pointers = [0, 1].map((half) => ({
      microphone: ptr(this.#microphone, half * BLOCK_SAMPLES * 2),
      loudspeaker: ptr(this.#loudspeaker, half * BLOCK_SAMPLES * 2),
      output: ptr(this.#output, half * BLOCK_SAMPLES * 2),
    }));
  }

  /** Takes the echo of `reference` out of `frame`, in place. */
  process(frame: Int16Array, reference: Int16Array): void {
    if (this.#closed) return;
    this.#microphone.set(frame);
    this.#loudspeaker.set(reference);
    for (let half = 0; half < 2; half++) {
      const { microphone, loudspeaker, output } = this.#pointers[half]!;
      this.#speex.speex_echo_cancellation(this.#echo, microphone, loudspeaker, output);
    }
    this.left.set(this.#output);
    for (let i = 0; i < FRAME_SAMPLES; i++) this.taken[i] = this.#microphone[i]! - this.#output[i]!;
    for (let half = 0; half < 2; half++)
      this.#speex.speex_preprocess_run(this.#rest, this.#pointers[half]!.output);
    frame.set(this.#output);
  }

  /** Forgets the room. */
  reset(): void {
    if (!this.#closed) this.#speex.speex_echo_state_reset(this.#echo);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#speex.speex_preprocess_state_destroy(this.#rest);
    this.#speex.speex_echo_state_destroy(this.#echo);
  }
}
