import { mixInto } from "./mix.ts";
import { Views, edgeResampler, f32FromMono, s16FromMono } from "./device-format.ts";
import type { FloatPlaybackDriver, PlaybackDriver } from "./port.ts";
import { FRAME_SAMPLES, RATE_HZ } from "./port.ts";
import type { StreamResampler } from "./resample.ts";
import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";
import { SpeechSource } from "./speech-source.ts";
import { REFERENCE, SOUND, SPEECH, Timeline } from "./timeline.ts";

const SAMPLES_PER_MS = RATE_HZ / 1000;

/** The rings between main thread and playback thread. */
export interface PlaybackRings {
  speech: Ring;
  sounds: Ring;
  /** What was heard, back to the main thread. */
  reference: Ring;
}

/**
 * The mixer, run in the device thread: each `step` makes one period of 20 ms, writes it to the device, which blocks, and
 * says what has been heard. A ring's samples are released when they were heard, not when the device took them: so a flush
 * can play a sound's tail again, and the next device goes on where the last one stopped. Allocates nothing per period.
 */
export class PlaybackLoop {
  readonly #driver: PlaybackDriver | FloatPlaybackDriver;
  readonly #rings: PlaybackRings;
  readonly #shared: SharedState;
  readonly #timeline: Timeline;
  readonly #mix = new Int16Array(FRAME_SAMPLES);
  readonly #sound = new Int16Array(FRAME_SAMPLES);
  readonly #resampler: StreamResampler | undefined;
  /** At the device's rate: mono, and interleaved in the device's format. */
  readonly #deviceMono: Int16Array;
  readonly #s16: Int16Array;
  readonly #f32: Float32Array;
  readonly #s16Views: Views<Int16Array>;
  readonly #f32Views: Views<Float32Array>;
  readonly #speech: SpeechSource;
  #soundAt: number;
  #referenceAt: number;
  #flushSeq: number;
  #duckSeq: number;
  #gain: number;
  #gainTarget: number;
  #gainStep = 0;
  #xruns = 0;
  #periods = 0;
  #periodAtMs = 0;

  private constructor(
    driver: PlaybackDriver | FloatPlaybackDriver,
    rings: PlaybackRings,
    shared: SharedState,
    resampler: StreamResampler | undefined,
  ) {
    this.#driver = driver;
    this.#rings = rings;
    this.#shared = shared;
    this.#speech = new SpeechSource(rings.speech, shared);
    this.#soundAt = rings.sounds.tail;
    this.#referenceAt = rings.reference.head;
    this.#timeline = new Timeline(this.#speech.at, this.#soundAt, this.#referenceAt);
    this.#flushSeq = shared.flushPending ? shared.flushSeq - 1 : shared.flushSeq;
    this.#duckSeq = shared.duckSeq;
    this.#gain = this.#gainTarget = shared.duckGain;
    shared.placedReference = this.#referenceAt;
    shared.beginPlayedEpoch();
    this.#resampler = resampler;
    this.#deviceMono = resampler ? new Int16Array(resampler.outputLimit(FRAME_SAMPLES)) : this.#mix;
    const float = driver.format === "f32";
    const length = this.#deviceMono.length * driver.channels;
    this.#f32 = new Float32Array(float ? length : 0);
    this.#s16 = float || driver.channels === 1 ? this.#deviceMono : new Int16Array(length);
    this.#s16Views = new Views(this.#s16);
    this.#f32Views = new Views(this.#f32);
  }

  static async create(
    driver: PlaybackDriver | FloatPlaybackDriver,
    rings: PlaybackRings,
    shared: SharedState,
  ): Promise<PlaybackLoop> {
    const resampler = await edgeResampler(RATE_HZ, driver.rateHz, FRAME_SAMPLES);
    return new PlaybackLoop(driver, rings, shared, resampler);
  }

  /** One period. Throws when the device is gone. */
  step(): void {
    const shared = this.#shared;
    const speech = this.#speech;
    this.#flushIfAsked();
    const speechFrom = speech.at;
    const soundFrom = this.#soundAt;
    const referenceFrom = this.#referenceAt;
    speech.take(this.#mix, shared.completeTo);
    this.#followDuck();
    const soundCount = this.#addSound(this.#rings.sounds);
    const referenceCount = this.#keepReference(this.#rings.reference);
    const delayBefore = this.#delay();
    if (speech.audible || soundCount > 0) {
      shared.audibleUntilMs = shared.nowMs() + (delayBefore + FRAME_SAMPLES) / SAMPLES_PER_MS;
    }
    this.#write();
    this.#timeline.push(
      FRAME_SAMPLES,
      speechFrom,
      speech.count,
      speech.span,
      soundFrom,
      soundCount,
      referenceFrom,
      referenceCount,
    );
    this.#account();
    this.#count(delayBefore);
  }

  #count(delaySamples: number): void {
    const { counters } = this.#shared;
    const nowMs = performance.now();
    if (this.#periods++ > 0) counters.observe("playback_period_ms", nowMs - this.#periodAtMs);
    this.#periodAtMs = nowMs;
    counters.add("played_frames");
    counters.observe("playback_delay_ms", delaySamples / SAMPLES_PER_MS);
    const xruns = this.#driver.xruns?.() ?? 0;
    if (xruns > this.#xruns) counters.add("playback_xruns", xruns - this.#xruns);
    this.#xruns = xruns;
  }

  #flushIfAsked(): void {
    const shared = this.#shared;
    const seq = shared.flushSeq;
    if (seq === this.#flushSeq) return;
    this.#flushSeq = seq;
    this.#account();
    this.#driver.drop();
    this.#speech.jump(shared.flushTo);
    this.#soundAt = this.#timeline.heard[SOUND]!;
    this.#referenceAt = this.#timeline.heard[REFERENCE]!;
    this.#timeline.reset(this.#speech.at, this.#soundAt, this.#referenceAt);
    shared.audibleUntilMs = Math.min(shared.audibleUntilMs, shared.nowMs());
    this.#rings.speech.release(this.#speech.at);
    shared.placedReference = this.#referenceAt;
    shared.publishPlayed(this.#speech.at, this.#referenceAt, shared.nowMs());
    shared.beginPlayedEpoch();
    shared.flushed(seq);
  }

  /** Applies the speech gain; a ramp goes on through silence. */
  #followDuck(): void {
    const shared = this.#shared;
    const seq = shared.duckSeq;
    if (seq !== this.#duckSeq) {
      this.#duckSeq = seq;
      this.#gainTarget = shared.duckGain;
      this.#gainStep = (this.#gainTarget - this.#gain) / Math.max(1, shared.duckRampSamples);
    }
    let gain = this.#gain;
    const target = this.#gainTarget;
    if (gain === 1 && target === 1) return;
    const mix = this.#mix;
    const step = this.#gainStep;
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      if (gain !== target) {
        gain += step;
        if (step > 0 ? gain > target : gain < target) gain = target;
      }
      mix[i] = Math.round(mix[i]! * gain);
    }
    this.#gain = gain;
  }

  #addSound(ring: Ring): number {
    const available = distance(this.#soundAt, ring.head);
    if (available <= 0) return 0;
    const count = available < FRAME_SAMPLES ? available : FRAME_SAMPLES;
    ring.copy(this.#soundAt, this.#sound, count);
    mixInto(this.#mix, this.#sound, count);
    this.#soundAt = (this.#soundAt + count) >>> 0;
    return count;
  }

  /** Puts the period where the main thread will see it once it was heard; returns 0 when there was no room. */
  #keepReference(ring: Ring): number {
    if (ring.capacity - distance(ring.tail, this.#referenceAt) < FRAME_SAMPLES) {
      ring.countOverrun(FRAME_SAMPLES);
      return 0;
    }
    ring.place(this.#referenceAt, this.#mix);
    this.#referenceAt = (this.#referenceAt + FRAME_SAMPLES) >>> 0;
    this.#shared.placedReference = this.#referenceAt;
    return FRAME_SAMPLES;
  }

  #write(): void {
    const mono = this.#deviceMono;
    let count = FRAME_SAMPLES;
    if (this.#resampler) count = this.#resampler.process(this.#mix, mono);
    const driver = this.#driver;
    if (driver.format === "f32") {
      f32FromMono(mono, driver.channels, this.#f32, count);
      driver.write(this.#f32Views.of(count * driver.channels));
    } else {
      s16FromMono(mono, driver.channels, this.#s16, count);
      driver.write(this.#s16Views.of(count * driver.channels));
    }
  }

  /** Samples at 24 kHz that were given to the device and not yet heard. */
  #delay(): number {
    const inDevice = Math.ceil((this.#driver.delay() * RATE_HZ) / this.#driver.rateHz);
    return inDevice + (this.#resampler?.delaySamples ?? 0);
  }

  #account(): void {
    this.#timeline.advance(this.#delay());
    const { heard } = this.#timeline;
    const { speech, sounds, reference } = this.#rings;
    this.#shared.publishPlayed(heard[SPEECH]!, heard[REFERENCE]!, this.#shared.nowMs());
    reference.publish(heard[REFERENCE]!);
    speech.release(heard[SPEECH]!);
    sounds.release(heard[SOUND]!);
  }
}
