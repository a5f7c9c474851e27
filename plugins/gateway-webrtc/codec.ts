import { FRAME_SAMPLES, RATE_HZ } from "myna";
import { Application, createDecoder, createEncoder } from "libopus-wasm";
import type { OpusDecoderHandle, OpusEncoderHandle } from "libopus-wasm";

/** How the robot's voice is coded. */
export interface CodecSettings {
  bitrateBps: number;
  /** 0 to 10: effort of the encoder. */
  complexity: number;
  /** Packet loss that the stream is protected against by in-band FEC, percent; 0 is none. */
  expectedLossPercent: number;
}

/** 20 ms of silence as every Opus decoder takes it: full band, mono, nothing coded (RFC 6716 §3.1, configuration 31). */
export const SILENT_PACKET: Uint8Array = Uint8Array.of(0xf8, 0xff, 0xfe);
/** The largest Opus packet of 20 ms (RFC 6716 §3.2.1). */
export const MAX_OPUS_BYTES = 1275;

/** Takes frames of 20 ms at 24 kHz, which Opus codes as they are; the caller frees it. */
export function createVoiceEncoder(settings: CodecSettings): Promise<OpusEncoderHandle> {
  return createEncoder({
    channels: 1,
    sampleRate: RATE_HZ,
    frameSize: FRAME_SAMPLES,
    application: Application.Voip,
    bitrate: settings.bitrateBps,
    complexity: settings.complexity,
    fec: settings.expectedLossPercent > 0,
    packetLossPercent: settings.expectedLossPercent,
  });
}

/** Gives PCM16 mono 24 kHz; the caller frees it. */
export function createVoiceDecoder(): Promise<OpusDecoderHandle> {
  return createDecoder({ channels: 1, sampleRate: RATE_HZ });
}
