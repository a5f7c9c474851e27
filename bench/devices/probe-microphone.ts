import { openCapture as openPaced } from "../../core/audio/paced-device.ts";
import type { CaptureDriver } from "../../core/audio/port.ts";
import { monotonicMs } from "../../test/kit/monotonic.ts";

/** Absolute path of this module. */
export const PROBE_MICROPHONE: string = import.meta.path;

const SECONDS = 10;
const RATE_SAMPLES_PER_MS = 24;
const SAMPLES = SECONDS * 1000 * RATE_SAMPLES_PER_MS;
const HEADER_BYTES = 32;
const LENGTH = 0;
const AT = 1;

/** What a person says into the probe microphone, in shared memory. */
export class ProbeSpeech {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  /** When its first sample reached the microphone, monotonic milliseconds; 0 before. */
  readonly startedAtMs: Float64Array;
  readonly samples: Int16Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, 2);
    this.startedAtMs = new Float64Array(memory, 8, 1);
    this.samples = new Int16Array(memory, HEADER_BYTES, SAMPLES);
  }

  static create(): ProbeSpeech {
    return new ProbeSpeech(new SharedArrayBuffer(HEADER_BYTES + SAMPLES * 2));
  }

  /** True once everything was heard. */
  get said(): boolean {
    return Atomics.load(this.words, AT) >= Atomics.load(this.words, LENGTH);
  }

  /** Begins to speak now: in the middle of whatever period the device is in. At most ten seconds. */
  say(pcm: Int16Array): void {
    this.startedAtMs[0] = 0;
    this.samples.set(pcm);
    Atomics.store(this.words, AT, 0);
    Atomics.store(this.words, LENGTH, pcm.length);
  }
}

/** The paced microphone of the simulator, in front of a person; `options.memory` is a ProbeSpeech's. */
export function openCapture(options: { memory: SharedArrayBuffer }): CaptureDriver {
  const speech = new ProbeSpeech(options.memory);
  const paced = openPaced({});
  let taken = 0;
  /** The device's clock at its first sample: of all reads the most punctual tells it. */
  let originMs = Infinity;
  return {
    ...paced,
    read(into) {
      const lengthBefore = Atomics.load(speech.words, LENGTH);
      const count = paced.read(into);
      const fromMs = taken / RATE_SAMPLES_PER_MS;
      taken += count;
      originMs = Math.min(originMs, monotonicMs() - taken / RATE_SAMPLES_PER_MS);
      const at = Atomics.load(speech.words, AT);
      const left = lengthBefore - at;
      if (left <= 0) return count;
      if (at === 0) speech.startedAtMs[0] = originMs + fromMs;
      into.set(speech.samples.subarray(at, at + Math.min(left, count)));
      Atomics.store(speech.words, AT, at + Math.min(left, count));
      return count;
    },
  };
}
