import { Views, edgeResampler, f32FromMono, s16FromMono } from "./device-format.ts";
import { Mixer } from "./mixer.ts";
import type { FloatPlaybackDriver, PlaybackDriver } from "./port.ts";
import { FRAME_SAMPLES, RATE_HZ } from "./port.ts";
import type { StreamResampler } from "./resample.ts";
import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";
import { SpeechSource } from "./speech-source.ts";
import { EARCON, SOUND, SPEECH, Timeline } from "./timeline.ts";

const SAMPLES_PER_MS = RATE_HZ / 1000;

/** The rings between main thread and playback thread. */
export interface PlaybackRings {
  speech: Ring;
  sounds: Ring;
  earcons: Ring;
  /** What was heard, back to the main thread. */
  reference: Ring;
}

/**
 * Run in the device thread: each `step` makes one period of 20 ms, writes it to the device, which blocks, and
 * says what has been heard. A ring's samples are released when they were heard, not when the device took them: so a flush
 * can play a sound's tail again, and the next device goes on where the last one stopped. Allocates nothing per period.
 */
export class PlaybackLoop {
  readonly #driver: PlaybackDriver | FloatPlaybackDriver;
  readonly #rings: PlaybackRings;
  readonly #shared: SharedState;
  readonly #timeline: Timeline;
  readonly #mix = new Int16Array(FRAME_SAMPLES);
  readonly #resampler: StreamResampler | undefined;
  /** At the device's rate: mono, and interleaved in the device's format. */
  readonly #deviceMono: Int16Array;
  readonly #s16: Int16Array;
  readonly #f32: Float32Array;
  readonly #s16Views: Views<Int16Array>;
  readonly #f32Views: Views<Float32Array>;
  readonly #speech: SpeechSource;
  readonly #mixer: Mixer;
  /** The reference has been placed up to here, and has left the device's buffer up to there. */
  #referenceAt: number;
  #letOut: number;
  #flushSeq: number;
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
    this.#mixer = new Mixer(rings.sounds, rings.earcons, shared);
    this.#referenceAt = rings.reference.head;
    this.#letOut = this.#referenceAt;
    const { sounds, earcons } = this.#mixer;
    this.#timeline = new Timeline(this.#speech.at, sounds.at, earcons.at);
    this.#flushSeq = shared.flushPending ? shared.flushSeq - 1 : shared.flushSeq;
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
    const { sounds, earcons } = this.#mixer;
    const speechFrom = speech.at;
    const soundFrom = sounds.at;
    const earconFrom = earcons.at;
    speech.take(this.#mix, shared.completeTo);
    this.#mixer.mix(this.#mix);
    const off = shared.loudspeakerOff;
    const given = this.#referenceAt;
    this.#keepReference(this.#rings.reference, off);
    const delayBefore = this.#delay();
    if (speech.audible || this.#mixer.audible) {
      shared.audibleUntilMs = shared.nowMs() + (delayBefore + FRAME_SAMPLES) / SAMPLES_PER_MS;
    }
    if (off) this.#mix.fill(0);
    this.#write();
    const timeline = this.#timeline;
    timeline.push(FRAME_SAMPLES);
    timeline.track(SPEECH, speechFrom, speech.count, speech.span);
    timeline.track(SOUND, soundFrom, sounds.count, sounds.count);
    timeline.track(EARCON, earconFrom, earcons.count, earcons.count);
    this.#account(given);
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
    this.#account(this.#referenceAt);
    this.#driver.drop();
    this.#speech.jump(shared.flushTo);
    const { heard } = this.#timeline;
    const { sounds, earcons } = this.#mixer;
    sounds.at = heard[SOUND]!;
    earcons.at = heard[EARCON]!;
    this.#referenceAt = this.#letOut;
    this.#timeline.reset(this.#speech.at, sounds.at, earcons.at);
    shared.audibleUntilMs = Math.min(shared.audibleUntilMs, shared.nowMs());
    this.#rings.speech.release(this.#speech.at);
    shared.placedReference = this.#referenceAt;
    shared.publishPlayed(this.#speech.at, this.#referenceAt, shared.nowMs());
    shared.beginPlayedEpoch();
    shared.flushed(seq);
  }

  /** Puts the period where the main thread will see it once it was let out. */
  #keepReference(ring: Ring, off: boolean): void {
    if (ring.capacity - distance(ring.tail, this.#referenceAt) < FRAME_SAMPLES) {
      ring.countOverrun(FRAME_SAMPLES);
      return;
    }
    const from = this.#referenceAt;
    ring.place(from, this.#mix);
    this.#referenceAt = (from + FRAME_SAMPLES) >>> 0;
    this.#shared.silence(from, this.#referenceAt, off);
    this.#shared.placedReference = this.#referenceAt;
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
    return this.#behind(this.#driver.delay());
  }

  #behind(deviceSamples: number): number {
    const inDevice = Math.ceil((deviceSamples * RATE_HZ) / this.#driver.rateHz);
    return inDevice + (this.#resampler?.delaySamples ?? 0);
  }

  /** What the device has let go of stays so. */
  #letGo(): void {
    const driver = this.#driver;
    const queued = this.#behind(driver.queued ? driver.queued() : driver.delay());
    const at = (this.#referenceAt - queued) >>> 0;
    if (distance(this.#letOut, at) > 0) this.#letOut = at;
  }

  /** `given`: up to there the device had been given the reference before the last write. */
  #account(given: number): void {
    this.#timeline.advance(this.#delay());
    this.#letGo();
    const { heard } = this.#timeline;
    const { speech, sounds, earcons, reference } = this.#rings;
    const shared = this.#shared;
    const nowMs = shared.nowMs();
    shared.playedLog.add(this.#letOut, given, shared.playedEpoch, nowMs);
    shared.publishPlayed(heard[SPEECH]!, this.#letOut, nowMs);
    reference.publish(this.#letOut);
    speech.release(heard[SPEECH]!);
    sounds.release(heard[SOUND]!);
    earcons.release(heard[EARCON]!);
  }
}
