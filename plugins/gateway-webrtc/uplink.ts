import { FRAME_SAMPLES, RATE_HZ } from "myna";
import type { OpusDecoderHandle } from "libopus-wasm";
import { JitterBuffer } from "./jitter-buffer.ts";
import type { JitterLimits, JitterSink } from "./jitter-buffer.ts";
import { RtpReader } from "./rtp.ts";

/** Ticks of the RTP clock in one sample (RFC 7587 §4.2: 48 kHz). */
const SAMPLE_TICKS = 48_000 / RATE_HZ;
/** Lost packets in a row that the decoder makes something up for; after that there is silence. */
const CONCEALED_PACKETS = 5;
/** Silence that was not sent (discontinuous transmission) is filled in up to two seconds. */
const MOST_SILENCE = 2 * RATE_HZ;

/** The page's microphone: RTP packets in, frames of 20 ms out (PCM16 mono 24 kHz), in order and without holes. */
export class Uplink implements JitterSink {
  readonly #decoder: OpusDecoderHandle;
  readonly #payloadType: number;
  readonly #onFrame: (frame: Int16Array) => void;
  readonly #reader = new RtpReader();
  readonly #jitter: JitterBuffer;
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  #filled = 0;
  /** RTP time of the sample that comes next; -1 before the first packet. */
  #nextTicks = -1;
  #packetSamples = FRAME_SAMPLES;
  #freed = false;
  readonly #counters = { recovered: 0, concealed: 0, bad: 0, foreign: 0, frames: 0 };
  /** When the last packet came; -Infinity before the first. */
  lastPacketAtMs = -Infinity;

  /** `onFrame` borrows the frame. The decoder is freed with the uplink. */
  constructor(
    decoder: OpusDecoderHandle,
    payloadType: number,
    limits: JitterLimits,
    onFrame: (frame: Int16Array) => void,
  ) {
    this.#decoder = decoder;
    this.#payloadType = payloadType;
    this.#onFrame = onFrame;
    this.#jitter = new JitterBuffer(limits, this);
  }

  /** How long sound is held back for packets that are late, at present. */
  get bufferMs(): number {
    return this.#jitter.held > 0 ? this.#jitter.waitMs : 0;
  }

  /** Anything that came on the track. */
  receive(bytes: Uint8Array, nowMs: number): void {
    if (this.#freed) return;
    const reader = this.#reader;
    if (!reader.read(bytes)) return;
    if (reader.payloadType !== this.#payloadType) {
      this.#counters.foreign++;
      return;
    }
    this.lastPacketAtMs = nowMs;
    this.#jitter.push(reader.sequence, reader.ticks, reader.payload, nowMs);
  }

  tick(nowMs: number): void {
    if (!this.#freed) this.#jitter.tick(nowMs);
  }

  packet(opus: Uint8Array, ticks: number): void {
    this.#fillSilence(ticks);
    let pcm: Int16Array;
    try {
      pcm = this.#decoder.decode(opus);
    } catch {
      this.#counters.bad++;
      pcm = this.#decoder.decodePacketLoss(this.#packetSamples);
    }
    this.#packetSamples = Math.max(1, pcm.length);
    this.#take(pcm);
    this.#nextTicks = (ticks + pcm.length * SAMPLE_TICKS) >>> 0;
  }

  lost(count: number, next: Uint8Array): void {
    const concealed = Math.min(count, CONCEALED_PACKETS);
    for (let i = 0; i < concealed; i++) {
      this.#take(i === concealed - 1 ? this.#recover(next) : this.#conceal());
    }
    if (this.#nextTicks >= 0)
      this.#nextTicks = (this.#nextTicks + concealed * this.#packetSamples * SAMPLE_TICKS) >>> 0;
  }

  counters(): Record<string, number> {
    return { ...this.#jitter.counters, ...this.#counters, jitter_wait_ms: Math.round(this.#jitter.waitMs) };
  }

  /** Gives the decoder's memory back; idempotent. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#decoder.free();
  }

  /** The packet before `next`, from what that carries of it. */
  #recover(next: Uint8Array): Int16Array {
    try {
      const pcm = this.#decoder.decode(next, { decodeFec: true, frameSize: this.#packetSamples });
      this.#counters.recovered++;
      return pcm;
    } catch {
      return this.#conceal();
    }
  }

  #conceal(): Int16Array {
    this.#counters.concealed++;
    return this.#decoder.decodePacketLoss(this.#packetSamples);
  }

  #fillSilence(ticks: number): void {
    if (this.#nextTicks < 0) return;
    const gap = ((ticks - this.#nextTicks) | 0) / SAMPLE_TICKS;
    if (gap < FRAME_SAMPLES || gap > MOST_SILENCE) return;
    for (let left = Math.floor(gap / FRAME_SAMPLES); left > 0; left--) this.#take(SILENCE);
  }

  #take(pcm: Int16Array): void {
    for (let at = 0; at < pcm.length;) {
      const count = Math.min(FRAME_SAMPLES - this.#filled, pcm.length - at);
      for (let i = 0; i < count; i++) this.#frame[this.#filled + i] = pcm[at + i]!;
      this.#filled += count;
      at += count;
      if (this.#filled < FRAME_SAMPLES) return;
      this.#filled = 0;
      this.#counters.frames++;
      this.#onFrame(this.#frame);
    }
  }
}

const SILENCE = new Int16Array(FRAME_SAMPLES);
