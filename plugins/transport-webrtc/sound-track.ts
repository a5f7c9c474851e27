import { createDecoder } from "libopus-wasm";
import type { OpusDecoderHandle } from "libopus-wasm";
import { FRAME_SAMPLES, RATE_HZ } from "myna";

/** Ticks of the RTP clock in one sample (RFC 7587 §4.2: 48 kHz). */
const SAMPLE_TICKS = 48_000 / RATE_HZ;
const FRAME_TICKS = FRAME_SAMPLES * SAMPLE_TICKS;
/** Lost packets in a row that the decoder makes something up for; after that there is silence. */
const CONCEALED_FRAMES = 5;
/** A jump of the clock by more is another stream, not a loss: one second. */
const LARGEST_GAP_TICKS = 48_000;

/**
 * The server's Opus packets as PCM16 mono 24 kHz, in order and without holes: a lost packet is taken from the redundancy
 * in the next one (in-band FEC), else concealed; what comes too late is dropped, silence that was not sent is filled in.
 */
export class SoundTrack {
  readonly #decoder: OpusDecoderHandle;
  readonly #onPcm: (pcm: Int16Array) => void;
  readonly #silence = new Int16Array(FRAME_SAMPLES);
  /** RTP time of the sample that comes next; -1 before the first packet. */
  #nextTicks = -1;
  #nextSequence = 0;
  #free = false;
  readonly #counters = {
    received_packets: 0,
    late_packets: 0,
    lost_packets: 0,
    recovered_frames: 0,
    concealed_frames: 0,
    bad_packets: 0,
    resyncs: 0,
  };

  private constructor(decoder: OpusDecoderHandle, onPcm: (pcm: Int16Array) => void) {
    this.#decoder = decoder;
    this.#onPcm = onPcm;
  }

  /** `onPcm` gets samples that are its own until the next call. */
  static async create(onPcm: (pcm: Int16Array) => void): Promise<SoundTrack> {
    return new SoundTrack(await createDecoder({ channels: 1, sampleRate: RATE_HZ }), onPcm);
  }

  packet(sequence: number, ticks: number, opus: Uint8Array): void {
    if (this.#free || opus.length === 0) return;
    this.#counters.received_packets++;
    if (this.#nextTicks >= 0 && !this.#catchUp(sequence, ticks, opus)) return;
    const samples = this.#decode(opus);
    this.#nextSequence = (sequence + 1) & 0xffff;
    this.#nextTicks = (ticks + samples * SAMPLE_TICKS) >>> 0;
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  /** Gives the decoder's memory back; idempotent. */
  free(): void {
    if (this.#free) return;
    this.#free = true;
    this.#decoder.free();
  }

  /** Fills the hole before a packet; false where the packet comes too late. */
  #catchUp(sequence: number, ticks: number, opus: Uint8Array): boolean {
    const gapTicks = (ticks - this.#nextTicks) | 0;
    const lost = ((sequence - this.#nextSequence) << 16) >> 16;
    if (Math.abs(gapTicks) > LARGEST_GAP_TICKS) {
      this.#counters.resyncs++;
      return true;
    }
    if (gapTicks < 0 || lost < 0) {
      this.#counters.late_packets++;
      return false;
    }
    this.#counters.lost_packets += lost;
    const missing = Math.round(gapTicks / FRAME_TICKS);
    for (let at = 0; at < missing; at++) {
      if (lost === 0 || at >= CONCEALED_FRAMES) this.#onPcm(this.#silence);
      else if (at === missing - 1) this.#recover(opus);
      else this.#conceal();
    }
    return true;
  }

  /** The frame before `opus`, from what it carries of it; the decoder conceals where it carries nothing. */
  #recover(opus: Uint8Array): void {
    try {
      const pcm = this.#decoder.decode(opus, { decodeFec: true, frameSize: FRAME_SAMPLES });
      this.#counters.recovered_frames++;
      this.#onPcm(pcm);
    } catch {
      this.#conceal();
    }
  }

  #conceal(): void {
    this.#counters.concealed_frames++;
    this.#onPcm(this.#decoder.decodePacketLoss(FRAME_SAMPLES));
  }

  /** Samples per channel that the packet was, or stands for. */
  #decode(opus: Uint8Array): number {
    let pcm: Int16Array;
    try {
      pcm = this.#decoder.decode(opus);
    } catch {
      this.#counters.bad_packets++;
      this.#conceal();
      return FRAME_SAMPLES;
    }
    this.#onPcm(pcm);
    return pcm.length;
  }
}
