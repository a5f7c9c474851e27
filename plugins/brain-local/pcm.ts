import { Refusal } from "./refusal.ts";

/** The only PCM rate of the Realtime API, Hz. */
export const RATE_HZ = 24_000;
/** Samples in a millisecond. */
export const SAMPLES_PER_MS = RATE_HZ / 1000;

/** Whole milliseconds that `samples` last, rounded down. */
export function toMs(samples: number): number {
  return Math.floor(samples / SAMPLES_PER_MS);
}

/** Base64 with padding of PCM16 samples. */
export function encodePcm(pcm: Int16Array): string {
  return Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString("base64");
}

/** Samples of an `append` event; a Refusal when it is no base64 or holds half a sample. */
export function decodePcm(base64: string): Int16Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.fromBase64(base64);
  } catch {
    throw new Refusal("invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.", "audio");
  }
  if (bytes.byteLength % 2 !== 0) {
    throw new Refusal("invalid_value", "Invalid 'audio'. PCM16 needs an even number of bytes.", "audio");
  }
  return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}

/** The pieces one after the other in one array. */
export function joinPcm(pieces: readonly Int16Array[]): Int16Array<ArrayBuffer> {
  const joined = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** A WAV file (PCM16 mono, {@link RATE_HZ}) around the samples. */
export function wavOf(pcm: Int16Array): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(44 + pcm.byteLength);
  const view = new DataView(file.buffer);
  const ascii = (at: number, text: string) => file.set(new TextEncoder().encode(text), at);
  ascii(0, "RIFF");
  view.setUint32(4, 36 + pcm.byteLength, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE_HZ, true);
  view.setUint32(28, RATE_HZ * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  ascii(36, "data");
  view.setUint32(40, pcm.byteLength, true);
  file.set(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength), 44);
  return file;
}
