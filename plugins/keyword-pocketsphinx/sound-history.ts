import { SPHINX_HZ } from "./sphinx.ts";

const KEPT_S = 4;
const KEPT_FRAMES = KEPT_S * 100;
const FLOOR_FRAMES = 20;
const FRAME_SAMPLES = SPHINX_HZ / 100;

/** The last four seconds of a stream at 16 kHz and the loudness of each 10 ms of it. Allocates once. */
export class SoundHistory {
  readonly #samples = new Int16Array(KEPT_S * SPHINX_HZ);
  readonly #levels = new Float64Array(KEPT_FRAMES);
  /** Frames of 10 ms so far. */
  frames = 0;

  /** Whole frames. */
  push(pcm: Int16Array): void {
    for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES) {
      const place = this.frames % KEPT_FRAMES;
      let sum = 0;
      for (let i = 0; i < FRAME_SAMPLES; i++) {
        const sample = pcm[at + i]!;
        this.#samples[place * FRAME_SAMPLES + i] = sample;
        sum += sample * sample;
      }
      this.#levels[place] = sum / FRAME_SAMPLES + 1;
      this.frames++;
    }
  }

  /** Mean power from one frame to before another, at least 1. */
  level(from: number, to: number): number {
    let sum = 0;
    for (let frame = from; frame < to; frame++) sum += this.#at(frame);
    return to > from ? sum / (to - from) : 1;
  }

  /** Mean power of the quietest 200 ms of what is known. */
  floor(): number {
    const first = Math.max(0, this.frames - KEPT_FRAMES);
    let least = Infinity;
    for (let at = first; at + FLOOR_FRAMES <= this.frames; at += FLOOR_FRAMES)
      least = Math.min(least, this.level(at, at + FLOOR_FRAMES));
    return Number.isFinite(least) ? least : 1;
  }

  /** Where the first `length` frames in a row below `level` begin, of those that begin from `from` on and end before `to`; -1: none. */
  quietFrom(from: number, to: number, length: number, level: number): number {
    let run = 0;
    for (let frame = from; frame < Math.min(to, this.frames); frame++) {
      run = this.#at(frame) < level ? run + 1 : 0;
      if (run === length) return frame + 1 - length;
    }
    return -1;
  }

  /** The sound from one frame to before another; a copy. */
  sound(from: number, to: number): Int16Array {
    const first = Math.max(from, this.frames - KEPT_FRAMES, 0);
    const pcm = new Int16Array(Math.max(0, Math.min(to, this.frames) - first) * FRAME_SAMPLES);
    for (let i = 0; i < pcm.length; i++)
      pcm[i] = this.#samples[(first * FRAME_SAMPLES + i) % this.#samples.length]!;
    return pcm;
  }

  /** What is not known, or not any more, was silent. */
  #at(frame: number): number {
    const known = frame >= 0 && frame < this.frames && frame >= this.frames - KEPT_FRAMES;
    return known ? this.#levels[frame % KEPT_FRAMES]! : 1;
  }
}
