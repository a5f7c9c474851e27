import { ClockLine } from "./clock-line.ts";
import { FRAME_SAMPLES } from "./port.ts";
import { Ring, distance } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";

const TAPS = 16;
/** Samples of the filter that lie before the one it looks up. */
const BEFORE = TAPS / 2 - 1;
const PHASES = 256;
/** Ring samples at hand for one frame: the frame at the steepest step, the filter, and rounding. */
const WINDOW_SAMPLES = FRAME_SAMPLES + TAPS + 8;
/** Further from where it belongs than this, the reading point jumps: 2 ms; */
const JUMP_SAMPLES = 48;
/** 0.1 ms when one of the two clocks began anew. */
const MOVED_SAMPLES = 2.4;
/** What the reading point is off is made good in so many samples (two seconds), */
const CATCH_UP_SAMPLES = 48_000;
/** by this much of the speed at most: far below what an echo canceller notices. */
const MOST_CORRECTION = 2e-4;
/** Samples that may be overwritten while they are read. */
const MARGIN_SAMPLES = 4 * FRAME_SAMPLES;

/**
 * What the loudspeaker let out, read at the microphone's pace: each frame of the microphone gets the samples that were heard
 * while it was taken. The two clocks drift against each other; the reading speed follows, so that no sample is skipped or said
 * twice. On the main thread; allocates nothing per frame.
 */
export class ReferenceReader {
  /** The loudspeaker's clock: positions of the reference ring. */
  readonly played = new ClockLine();
  /** The microphone's clock: positions of the capture ring. */
  readonly captured = new ClockLine();
  /** How often the reading point was put somewhere else, because a device began anew or lost samples. */
  jumps = 0;
  /** Whether the last frame that was read is what the loudspeaker let out, be it silence. */
  known = false;
  readonly #ring: Ring;
  readonly #shared: SharedState;
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  readonly #window = new Int16Array(WINDOW_SAMPLES);
  readonly #filters = fractionalDelays(PHASES, TAPS);
  #epoch = 0;
  /** Where the loudspeaker's clock stood when its epoch began; it says nothing of the time until it has moved. */
  #epochFrom = 0;
  #playedXruns = 0;
  #capturedXruns = 0;
  #locked = false;
  /** How often the two clocks had begun anew when the last frame was read. */
  #lineJumps = 0;
  /** Nothing was to be heard in the last frame. */
  #silent = true;
  /** The reading point: a ring position and the part of a sample behind it; the next frame of the microphone starts there. */
  #at = 0;
  #fraction = 0;
  /** Capture position at the end of the last frame. */
  #capturedTo = 0;

  /** `memory` is that of the reference ring. */
  constructor(memory: SharedArrayBuffer, shared: SharedState) {
    this.#ring = new Ring(memory);
    this.#shared = shared;
  }

  /** Looks at both clocks; to be called before frames are read, many times a second. */
  observe(): void {
    const shared = this.#shared;
    const { playedLog, capturedLog, playedEpoch: epoch } = shared;
    const playedXruns = shared.counters.get("playback_xruns");
    if (epoch !== this.#epoch || playedXruns !== this.#playedXruns) {
      this.#epoch = epoch;
      this.#playedXruns = playedXruns;
      shared.readPlayed();
      this.#epochFrom = shared.playedReference;
      this.#locked = false;
      this.played.reset();
      playedLog.skip();
    }
    const capturedXruns = shared.counters.get("capture_xruns");
    if (capturedXruns !== this.#capturedXruns) {
      this.#capturedXruns = capturedXruns;
      this.#locked = false;
      this.captured.reset();
      capturedLog.skip();
    }
    while (playedLog.read()) {
      if (playedLog.epoch !== epoch || playedLog.position === this.#epochFrom) continue;
      this.#epochFrom = Number.NaN;
      this.played.observe(playedLog.position, playedLog.atMs, playedLog.given);
    }
    while (capturedLog.read()) {
      this.captured.observe(capturedLog.position, capturedLog.atMs - shared.captureDelayMs);
    }
  }

  /** The reference of the frame that ends at this position of the capture ring; borrowed until the next call. */
  read(capturedEnd: number): Int16Array {
    const frame = this.#frame;
    this.known = false;
    if (!this.played.known || !this.captured.known) {
      this.#locked = false;
      return frame.fill(0);
    }
    const step = this.#follow((capturedEnd - FRAME_SAMPLES) >>> 0);
    this.#capturedTo = capturedEnd;
    this.#silent = !this.#load();
    if (this.#silent) frame.fill(0);
    else this.#interpolate(step);
    const moved = this.#fraction + FRAME_SAMPLES * step;
    const whole = Math.floor(moved);
    this.#at = (this.#at + whole) >>> 0;
    this.#fraction = moved - whole;
    return frame;
  }

  /** Puts the reading point where the frame that starts at this capture position belongs; answers the reading speed. */
  #follow(start: number): number {
    const off = this.played.samplesSince(this.#at, this.captured.timeOf(start)) - this.#fraction;
    const goesOn = this.#locked && this.#capturedTo === start;
    const lineJumps = this.played.jumps + this.captured.jumps;
    const most = lineJumps === this.#lineJumps ? JUMP_SAMPLES : MOVED_SAMPLES;
    this.#lineJumps = lineJumps;
    if (goesOn && !this.#silent && Math.abs(off) <= most) {
      const drift = (this.played.driftPpm - this.captured.driftPpm) * 1e-6;
      const correction = off / CATCH_UP_SAMPLES;
      return 1 + drift + Math.max(-MOST_CORRECTION, Math.min(MOST_CORRECTION, correction));
    }
    // In silence nobody hears where it is read.
    if (this.#locked && !this.#silent) this.jumps++;
    this.#locked = true;
    const to = this.#fraction + off;
    const whole = Math.floor(to);
    this.#at = (this.#at + whole) >>> 0;
    this.#fraction = to - whole;
    return 1;
  }

  /** Copies what lies round the reading point, zeros where nothing is known; answers whether any of it is a sound. */
  #load(): boolean {
    const window = this.#window;
    const first = (this.#at - BEFORE) >>> 0;
    const placed = this.#shared.placedReference;
    const kept = (placed - this.#ring.capacity + MARGIN_SAMPLES) >>> 0;
    if (distance(kept, first) < 0) return false;
    const count = Math.min(WINDOW_SAMPLES, distance(first, placed));
    if (count <= 0) return false;
    this.known = count >= BEFORE + FRAME_SAMPLES;
    this.#ring.copy(first, window, count);
    window.fill(0, count);
    const { silencedFrom, silencedTo } = this.#shared;
    const from = Math.max(0, distance(first, silencedFrom));
    const to = Math.min(count, distance(first, silencedTo));
    if (from < to) window.fill(0, from, to);
    for (let i = 0; i < count; i++) if (window[i] !== 0) return true;
    return false;
  }

  #interpolate(step: number): void {
    const frame = this.#frame;
    const window = this.#window;
    const filters = this.#filters;
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      const at = this.#fraction + i * step;
      const whole = Math.floor(at);
      const phase = (at - whole) * PHASES;
      const lower = Math.floor(phase);
      const part = phase - lower;
      let f = lower * TAPS;
      let a = 0;
      let b = 0;
      for (let w = whole; w < whole + TAPS; w++, f++) {
        a += window[w]! * filters[f]!;
        b += window[w]! * filters[f + TAPS]!;
      }
      const sample = Math.round(a + (b - a) * part);
      frame[i] = sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample;
    }
  }
}

/** Windowed sincs that look up a signal between two samples: for each 1/`phases` of a sample `taps` factors, their sum 1. */
function fractionalDelays(phases: number, taps: number): Float64Array {
  const table = new Float64Array((phases + 1) * taps);
  const half = taps / 2;
  for (let phase = 0; phase <= phases; phase++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const x = tap - (half - 1) - phase / phases;
      const window = Math.cos((Math.PI * x) / (2 * half)) ** 2;
      const value = x === 0 ? 1 : Math.abs(x) >= half ? 0 : (Math.sin(Math.PI * x) / (Math.PI * x)) * window;
      table[phase * taps + tap] = value;
      sum += value;
    }
    for (let tap = 0; tap < taps; tap++) table[phase * taps + tap]! /= sum;
  }
  return table;
}
