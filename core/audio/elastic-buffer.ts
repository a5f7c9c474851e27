import { mixInto } from "./mix.ts";
import { FRAME_MS, FRAME_SAMPLES } from "./port.ts";

/** So much more than at the start is delay: it is made up in pauses, by leaving silence out. */
const SPARE_SAMPLES = 3 * FRAME_SAMPLES;
/** Below this level, -44 dB of full scale, a portion is silence. */
const QUIET = 200;
/** More than a second is dropped down to the start, whatever it is. */
const MOST_SAMPLES = 50 * FRAME_SAMPLES;
const CAPACITY = 2 * MOST_SAMPLES;

/**
 * Between two clocks that tick alike: sound is written in portions as it comes (PCM16 mono 24 kHz) and taken in frames of 20 ms.
 * On one thread. Allocates nothing per frame.
 */
export class ElasticBuffer {
  readonly #startSamples: number;
  readonly #samples = new Int16Array(CAPACITY);
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  #from = 0;
  #count = 0;
  #running = false;
  /** Frames that had to be silence because nothing had come, and samples dropped because too much had. */
  gaps = 0;
  droppedSamples = 0;

  /** `startFrames` have to be there before the first one is given out, and again after a gap. */
  constructor(startFrames = 2) {
    this.#startSamples = startFrames * FRAME_SAMPLES;
  }

  /** A frame can be taken. */
  get ready(): boolean {
    return this.#count >= (this.#running ? FRAME_SAMPLES : this.#startSamples);
  }

  /** What waits to be taken. */
  get waitingMs(): number {
    return (this.#count * FRAME_MS) / FRAME_SAMPLES;
  }

  /** Copies. */
  write(pcm: Int16Array): void {
    if (this.#count > this.#startSamples + SPARE_SAMPLES && isQuiet(pcm)) {
      this.droppedSamples += pcm.length;
      return;
    }
    for (let i = Math.max(0, pcm.length - MOST_SAMPLES); i < pcm.length; i++) {
      this.#samples[(this.#from + this.#count++) % CAPACITY] = pcm[i]!;
    }
    if (this.#count <= MOST_SAMPLES) return;
    const excess = this.#count - this.#startSamples;
    this.#drop(excess);
    this.droppedSamples += excess;
  }

  /** Mixes the next 20 ms into the frame; false where there was nothing. */
  mixInto(frame: Int16Array): boolean {
    if (!this.#running && this.#count < this.#startSamples) return false;
    if (this.#count < FRAME_SAMPLES) {
      this.#running = false;
      this.gaps++;
      return false;
    }
    this.#running = true;
    for (let i = 0; i < FRAME_SAMPLES; i++) this.#frame[i] = this.#samples[(this.#from + i) % CAPACITY]!;
    this.#drop(FRAME_SAMPLES);
    mixInto(frame, this.#frame, FRAME_SAMPLES);
    return true;
  }

  #drop(samples: number): void {
    this.#from = (this.#from + samples) % CAPACITY;
    this.#count -= samples;
  }
}

function isQuiet(pcm: Int16Array): boolean {
  for (let i = 0; i < pcm.length; i++) if (pcm[i]! > QUIET || pcm[i]! < -QUIET) return false;
  return true;
}
