import { ClockLog } from "./clock-log.ts";
import type { JitterLimits } from "./jitter-control.ts";
import { FRAME_MS } from "./port.ts";
import { distance } from "./ring.ts";
import { StageCounters } from "./stage-counters.ts";

const W = {
  flushSeq: 0,
  flushTo: 1,
  flushDone: 2,
  completeTo: 3,
  startSamples: 4,
  duckSeq: 5,
  duckRampSamples: 6,
  gate: 7,
  loudspeakerOff: 8,
  silencedFrom: 9,
  silencedTo: 10,
  playedSeq: 12,
  playedSpeech: 13,
  playedReference: 14,
  capturedSeq: 15,
  captured: 16,
  placedReference: 18,
  playedEpoch: 19,
  jitterTarget: 20,
  jitterLeast: 21,
  jitterMost: 22,
  delayTarget: 26,
  live: 27,
} as const;
const WORDS = 32;

const T = {
  duckGain: 0,
  played: 1,
  captured: 2,
  audibleUntil: 3,
  tail: 4,
  speechGain: 5,
  soundGain: 6,
  earconGain: 7,
  earconDuck: 8,
  captureDelay: 9,
} as const;
const TIMES = 16;

/** Half duplex is known for each so many samples of the capture ring, a power of two, */
const GATE_SAMPLES = 32;
/** and for the last 5.5 s: longer than the ring. */
const GATE_SLOTS = 4096;
/** So much of a silenced loudspeaker is remembered: more than the reference ring keeps. */
const SILENCED_SAMPLES = 1 << 20;
const HEADER_BYTES = TIMES * 8 + WORDS * 4 + GATE_SLOTS;
const LOGS_AT = HEADER_BYTES + Math.ceil(StageCounters.BYTES / 8) * 8;
const BYTES = LOGS_AT + 2 * ClockLog.BYTES;
const DEFAULT_JITTER = { targetMs: 100, leastMs: 50, mostMs: 200 };

/** Loudness of what is mixed, 1 being as it came. */
export interface Gains {
  speech: number;
  sound: number;
  earcon: number;
  /** Of speech and sounds while an earcon plays. */
  earconDuck: number;
}

const UNCHANGED: Gains = { speech: 1, sound: 1, earcon: 1, earconDuck: 1 };

/**
 * What the main thread and the two device threads tell each other besides samples. One writer for each value.
 * Positions are those of the rings; times are milliseconds on the main thread's `performance.now()` clock.
 */
export class SharedState {
  readonly memory: SharedArrayBuffer;
  readonly counters: StageCounters;
  /** The loudspeaker's clock: positions of the reference ring that its buffer has let go of. */
  readonly playedLog: ClockLog;
  /** The microphone's clock: positions of the capture ring, those that the device still holds included. */
  readonly capturedLog: ClockLog;
  /** As they were when the memory was made. */
  gains: Readonly<Gains>;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #gates: Uint8Array;
  readonly #clockOffsetMs: number;

  /** Position and time of one instant, as the last `readPlayed` found them. */
  playedSpeech = 0;
  playedReference = 0;
  playedAtMs = 0;
  /** The same for `readCaptured`. */
  captured = 0;
  capturedAtMs = 0;

  /** In a device thread, `clockOffsetMs` leads from its clock to the main thread's. */
  constructor(memory: SharedArrayBuffer, clockOffsetMs = 0) {
    this.memory = memory;
    this.#times = new Float64Array(memory, 0, TIMES);
    this.#words = new Int32Array(memory, TIMES * 8, WORDS);
    this.#gates = new Uint8Array(memory, TIMES * 8 + WORDS * 4, GATE_SLOTS);
    this.counters = new StageCounters(memory, HEADER_BYTES);
    this.playedLog = new ClockLog(memory, LOGS_AT);
    this.capturedLog = new ClockLog(memory, LOGS_AT + ClockLog.BYTES);
    const times = this.#times;
    this.gains = {
      speech: times[T.speechGain]!,
      sound: times[T.soundGain]!,
      earcon: times[T.earconGain]!,
      earconDuck: times[T.earconDuck]!,
    };
    this.#clockOffsetMs = clockOffsetMs;
  }

  /** `jitter` is how long speech waits in the buffer, in ms. */
  static create(
    startFrames: number,
    frameSamples: number,
    tailMs: number,
    jitter: { targetMs: number; leastMs: number; mostMs: number } = DEFAULT_JITTER,
    gains: Gains = UNCHANGED,
  ): SharedState {
    const state = new SharedState(new SharedArrayBuffer(BYTES));
    state.#words[W.startSamples] = startFrames * frameSamples;
    const perMs = frameSamples / FRAME_MS;
    state.#words[W.jitterTarget] = Math.round(jitter.targetMs * perMs);
    state.#words[W.jitterLeast] = Math.round(jitter.leastMs * perMs);
    state.#words[W.jitterMost] = Math.round(jitter.mostMs * perMs);
    state.gains = gains;
    state.#times[T.speechGain] = gains.speech;
    state.#times[T.soundGain] = gains.sound;
    state.#times[T.earconGain] = gains.earcon;
    state.#times[T.earconDuck] = gains.earconDuck;
    state.#times[T.duckGain] = 1;
    state.#times[T.audibleUntil] = -Infinity;
    state.#times[T.tail] = tailMs;
    return state;
  }

  /** Now, on the main thread's clock. */
  nowMs(): number {
    return performance.now() + this.#clockOffsetMs;
  }

  // Main thread → playback thread.

  /** Asks for silence: speech before `position` is to be skipped. */
  requestFlush(position: number): void {
    Atomics.store(this.#words, W.flushTo, position | 0);
    Atomics.add(this.#words, W.flushSeq, 1);
  }
  get flushPending(): boolean {
    return Atomics.load(this.#words, W.flushSeq) !== Atomics.load(this.#words, W.flushDone);
  }
  get flushSeq(): number {
    return Atomics.load(this.#words, W.flushSeq);
  }
  get flushTo(): number {
    return Atomics.load(this.#words, W.flushTo) >>> 0;
  }
  flushed(seq: number): void {
    Atomics.store(this.#words, W.flushDone, seq);
  }

  /** Position up to which speech is whole: running dry there is the end, not an underrun. */
  get completeTo(): number {
    return Atomics.load(this.#words, W.completeTo) >>> 0;
  }
  set completeTo(position: number) {
    Atomics.store(this.#words, W.completeTo, position | 0);
  }
  /** How long speech may wait in the buffer. */
  get jitterLimits(): JitterLimits {
    return {
      start: this.#words[W.startSamples]!,
      target: this.#words[W.jitterTarget]!,
      least: this.#words[W.jitterLeast]!,
      most: this.#words[W.jitterMost]!,
    };
  }

  /** The device is given silence in place of what is played. */
  get loudspeakerOff(): boolean {
    return Atomics.load(this.#words, W.loudspeakerOff) !== 0;
  }
  set loudspeakerOff(on: boolean) {
    Atomics.store(this.#words, W.loudspeakerOff, on ? 1 : 0);
  }

  requestDuck(gain: number, rampSamples: number): void {
    this.#times[T.duckGain] = gain;
    Atomics.store(this.#words, W.duckRampSamples, rampSamples);
    Atomics.add(this.#words, W.duckSeq, 1);
  }
  get duckSeq(): number {
    return Atomics.load(this.#words, W.duckSeq);
  }
  get duckGain(): number {
    return this.#times[T.duckGain]!;
  }
  get duckRampSamples(): number {
    return Atomics.load(this.#words, W.duckRampSamples);
  }

  // Playback thread → main thread.

  /** What had been heard at `atMs`. */
  publishPlayed(speech: number, reference: number, atMs: number): void {
    Atomics.add(this.#words, W.playedSeq, 1);
    this.#words[W.playedSpeech] = speech | 0;
    this.#words[W.playedReference] = reference | 0;
    this.#times[T.played] = atMs;
    Atomics.add(this.#words, W.playedSeq, 1);
  }
  readPlayed(): void {
    for (;;) {
      const seq = Atomics.load(this.#words, W.playedSeq);
      this.playedSpeech = Atomics.load(this.#words, W.playedSpeech) >>> 0;
      this.playedReference = Atomics.load(this.#words, W.playedReference) >>> 0;
      this.playedAtMs = this.#times[T.played]!;
      if ((seq & 1) === 0 && Atomics.load(this.#words, W.playedSeq) === seq) return;
    }
  }
  /** Position in the reference ring up to which the device was given samples; they will be heard, save after a flush. */
  get placedReference(): number {
    return Atomics.load(this.#words, W.placedReference) >>> 0;
  }
  set placedReference(position: number) {
    Atomics.store(this.#words, W.placedReference, position | 0);
  }
  /** Between these positions of the reference ring the device was last given silence in place of what is there. */
  get silencedFrom(): number {
    return Atomics.load(this.#words, W.silencedFrom) >>> 0;
  }
  get silencedTo(): number {
    return Atomics.load(this.#words, W.silencedTo) >>> 0;
  }
  /** The next period of the reference ring, and whether the device was given silence in its place. */
  silence(from: number, to: number, silenced: boolean): void {
    const { silencedFrom, silencedTo } = this;
    if (silenced) {
      let first = silencedTo === from ? silencedFrom : from;
      if (distance(first, to) > SILENCED_SAMPLES) first = to - SILENCED_SAMPLES;
      Atomics.store(this.#words, W.silencedFrom, first | 0);
      Atomics.store(this.#words, W.silencedTo, to | 0);
    } else if (silencedFrom !== silencedTo && distance(silencedTo, to) > SILENCED_SAMPLES) {
      // Positions come again.
      Atomics.store(this.#words, W.silencedFrom, silencedTo | 0);
    }
  }
  /** Another number after a flush and with each device: the relation of positions to time begins anew. */
  get playedEpoch(): number {
    return Atomics.load(this.#words, W.playedEpoch);
  }
  beginPlayedEpoch(): void {
    Atomics.add(this.#words, W.playedEpoch, 1);
  }
  /** The delay of speech that the jitter buffer aims at, in samples, and whether the sender speaks at the speed of speech. */
  publishJitter(targetSamples: number, live: boolean): void {
    this.#words[W.delayTarget] = targetSamples;
    this.#words[W.live] = live ? 1 : 0;
  }
  get jitterTargetSamples(): number {
    return this.#words[W.delayTarget]!;
  }
  get liveSender(): boolean {
    return this.#words[W.live] !== 0;
  }

  // Playback thread → capture thread.

  /** When the last sound that was given to the loudspeaker will have been heard. */
  get audibleUntilMs(): number {
    return this.#times[T.audibleUntil]!;
  }
  set audibleUntilMs(ms: number) {
    this.#times[T.audibleUntil] = ms;
  }

  // Main thread → capture thread.

  /** Whether the microphone is to be silenced while the loudspeaker plays. */
  get halfDuplex(): boolean {
    return Atomics.load(this.#words, W.gate) !== 0;
  }
  set halfDuplex(on: boolean) {
    Atomics.store(this.#words, W.gate, on ? 1 : 0);
  }
  get tailMs(): number {
    return this.#times[T.tail]!;
  }

  // Capture thread → main thread.

  /** By how much the conversion of the microphone's rate lags: its samples were taken so much before `capturedAtMs` says. */
  get captureDelayMs(): number {
    return this.#times[T.captureDelay]!;
  }
  set captureDelayMs(ms: number) {
    this.#times[T.captureDelay] = ms;
  }

  /** `position` of the capture ring was reached at `atMs`. */
  publishCaptured(position: number, atMs: number): void {
    Atomics.add(this.#words, W.capturedSeq, 1);
    this.#words[W.captured] = position | 0;
    this.#times[T.captured] = atMs;
    Atomics.add(this.#words, W.capturedSeq, 1);
  }
  readCaptured(): void {
    for (;;) {
      const seq = Atomics.load(this.#words, W.capturedSeq);
      this.captured = Atomics.load(this.#words, W.captured) >>> 0;
      this.capturedAtMs = this.#times[T.captured]!;
      if ((seq & 1) === 0 && Atomics.load(this.#words, W.capturedSeq) === seq) return;
    }
  }
  /** Whether half duplex silences the samples of the capture ring between two positions; to be said before they are shown. */
  gate(from: number, to: number, silenced: boolean): void {
    for (let at = from - (from % GATE_SAMPLES); distance(at, to) > 0; at = (at + GATE_SAMPLES) >>> 0) {
      // A slot that begins before the block keeps what was said of its first part.
      if (silenced || distance(from, at) >= 0) this.#gates[gateSlot(at)] = silenced ? 1 : 0;
    }
  }
  /** Whether any of these samples is to be silenced. */
  gated(from: number, to: number): boolean {
    for (let at = from - (from % GATE_SAMPLES); distance(at, to) > 0; at = (at + GATE_SAMPLES) >>> 0) {
      if (this.#gates[gateSlot(at)] !== 0) return true;
    }
    return false;
  }
}

function gateSlot(position: number): number {
  return (position / GATE_SAMPLES) % GATE_SLOTS;
}
