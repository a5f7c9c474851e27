import { Application, createEncoder } from "libopus-wasm";
import type { OpusEncoderHandle } from "libopus-wasm";
import { FRAME_MS, FRAME_SAMPLES, RATE_HZ } from "myna";
import { RtpHeader, RtpPacket } from "werift";
import type { CallSettings } from "./call.ts";

/** Ticks of the RTP clock in one frame (RFC 7587 §4.2: 48 kHz). */
const FRAME_TICKS = FRAME_MS * 48;

/**
 * Microphone frames as Opus packets, one for one: the pace is that of the device. Samples in other portions, as programs
 * of their own hand them in, are cut into frames. Opus takes 24 kHz as it is; what is on the wire does not tell the rate.
 */
export class MicrophoneTrack {
  readonly #encoder: OpusEncoderHandle;
  readonly #send: (packet: RtpPacket) => void;
  /** Filled anew for each frame: whoever sends it copies it. */
  readonly #packet = new RtpPacket(
    new RtpHeader({
      payloadType: 111,
      sequenceNumber: Math.floor(Math.random() * 0x8000),
      timestamp: Math.floor(Math.random() * 0x8000_0000),
    }),
    Buffer.alloc(0),
  );
  /** The beginning of a frame, where samples come in other portions. */
  readonly #rest = new Int16Array(FRAME_SAMPLES);
  #restSamples = 0;
  #free = false;
  readonly #counters = { sent_packets: 0, sent_bytes: 0 };

  private constructor(encoder: OpusEncoderHandle, send: (packet: RtpPacket) => void) {
    this.#encoder = encoder;
    this.#send = send;
  }

  static async create(
    { bitrate_bps, complexity, expected_loss_percent }: CallSettings,
    send: (packet: RtpPacket) => void,
  ): Promise<MicrophoneTrack> {
    const encoder = await createEncoder({
      channels: 1,
      sampleRate: RATE_HZ,
      frameSize: FRAME_SAMPLES,
      application: Application.Voip,
      bitrate: bitrate_bps,
      complexity,
      fec: expected_loss_percent > 0,
      packetLossPercent: expected_loss_percent,
    });
    return new MicrophoneTrack(encoder, send);
  }

  /** PCM16 mono 24 kHz, borrowed; a frame of it as a rule. */
  write(pcm: Int16Array): void {
    if (this.#free) return;
    if (this.#restSamples === 0 && pcm.length === FRAME_SAMPLES) {
      this.#sendFrame(pcm);
      return;
    }
    for (let at = 0; at < pcm.length;) {
      const part = pcm.subarray(at, at + FRAME_SAMPLES - this.#restSamples);
      this.#rest.set(part, this.#restSamples);
      this.#restSamples += part.length;
      at += part.length;
      if (this.#restSamples < FRAME_SAMPLES) return;
      this.#restSamples = 0;
      this.#sendFrame(this.#rest);
    }
  }

  #sendFrame(frame: Int16Array): void {
    const opus = this.#encoder.encode(frame);
    const { header } = this.#packet;
    header.marker = this.#counters.sent_packets === 0;
    this.#packet.payload = Buffer.from(opus.buffer, opus.byteOffset, opus.length);
    this.#send(this.#packet);
    header.sequenceNumber = (header.sequenceNumber + 1) & 0xffff;
    header.timestamp = (header.timestamp + FRAME_TICKS) >>> 0;
    this.#counters.sent_packets++;
    this.#counters.sent_bytes += opus.length;
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  /** Gives the encoder's memory back; idempotent. */
  free(): void {
    if (this.#free) return;
    this.#free = true;
    this.#encoder.free();
  }
}
