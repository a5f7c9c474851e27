import { closeSync, openSync, writeSync } from "node:fs";
import { MynaError } from "../errors.ts";
import { RATE_HZ } from "./port.ts";
import { resample } from "./resample.ts";

/** A sound as the runtime uses it, and what the file said of it. */
export interface DecodedWav {
  /** PCM16, 24 kHz, mono. */
  pcm: Int16Array;
  /** Of the file. */
  rateHz: number;
  channels: number;
  durationMs: number;
}

const CODECS: Record<number, string> = {
  0x0002: "Microsoft ADPCM",
  0x0006: "A-law",
  0x0007: "mu-law",
  0x0011: "IMA ADPCM",
  0x0031: "GSM 6.10",
  0x0050: "MPEG audio",
  0x0055: "MP3",
  0x00ff: "AAC",
};
const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
/** What other files begin with. */
const MAGIC: Record<string, string> = {
  OggS: "an Ogg file",
  fLaC: "a FLAC file",
  "ID3\u0003": "an MP3 file",
  "ID3\u0004": "an MP3 file",
  RIFX: "a big-endian RIFX file",
  RF64: "an RF64 file",
  FORM: "an AIFF file",
};
const HEADER_BYTES = 44;

interface Format {
  codec: number;
  channels: number;
  rateHz: number;
  bits: number;
}

/**
 * Reads a WAV file: PCM of 8, 16, 24 or 32 bits or 32-bit float, 8 to 192 kHz, any number of channels (averaged). A size
 * field that promises more than the file holds is overlooked. Throws AUDIO_FORMAT.
 */
export function decodeWav(bytes: Uint8Array): DecodedWav {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 0) throw bad("the file is empty");
  const magic = tag(view, 0);
  if (magic !== "RIFF" || tag(view, 8) !== "WAVE") {
    const kind = MAGIC[magic];
    throw bad(`not a WAV file${kind ? ` but ${kind}` : ""}; convert it, for example with: sox IN OUT.wav`);
  }
  let format: Format | undefined;
  for (let at = 12; at + 8 <= view.byteLength;) {
    const id = tag(view, at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (id === "fmt ") format = readFormat(view, start, size);
    if (id === "data") {
      if (!format) throw bad("its data comes before its format");
      return decodeSamples(
        view,
        start,
        Math.min(size === 0 ? Infinity : size, view.byteLength - start),
        format,
      );
    }
    at = start + size + (size & 1);
  }
  throw bad(format ? "it holds no data" : "it ends before its format");
}

function readFormat(view: DataView, at: number, size: number): Format {
  if (size < 16 || at + 16 > view.byteLength) throw bad("its format is cut off");
  let codec = view.getUint16(at, true);
  if (codec === EXTENSIBLE && size >= 26 && at + 26 <= view.byteLength) codec = view.getUint16(at + 24, true);
  const format = {
    codec,
    channels: view.getUint16(at + 2, true),
    rateHz: view.getUint32(at + 4, true),
    bits: view.getUint16(at + 14, true),
  };
  const supported = codec === PCM ? [8, 16, 24, 32] : codec === FLOAT ? [32] : undefined;
  if (!supported) {
    const name = CODECS[codec] ?? `codec 0x${codec.toString(16)}`;
    throw bad(`it is compressed (${name}); convert it to PCM, for example with: sox IN OUT.wav`);
  }
  if (!supported.includes(format.bits)) {
    throw bad(`${format.bits}-bit ${codec === FLOAT ? "float" : "PCM"} is not supported`);
  }
  if (format.channels < 1 || format.channels > 32) throw bad(`it claims ${format.channels} channels`);
  if (format.rateHz < 8000 || format.rateHz > 192_000) {
    throw bad(`a rate of ${format.rateHz} Hz is not supported (8000 to 192000)`);
  }
  return format;
}

function decodeSamples(view: DataView, start: number, bytes: number, format: Format): DecodedWav {
  const { channels, rateHz, bits } = format;
  const step = bits / 8;
  const frames = Math.floor(bytes / (step * channels));
  if (frames === 0) throw bad("it holds no samples");
  const read = sampleReader(view, format);
  const mono = new Int16Array(frames);
  for (let frame = 0, at = start; frame < frames; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++, at += step) sum += read(at);
    const sample = Math.round(sum / channels);
    mono[frame] = sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample;
  }
  return {
    pcm: resample(mono, rateHz, RATE_HZ),
    rateHz,
    channels,
    durationMs: (frames * 1000) / rateHz,
  };
}

/** Reads the sample at a byte offset, in units of a 16-bit sample. */
function sampleReader(view: DataView, { codec, bits }: Format): (at: number) => number {
  if (codec === FLOAT) {
    return (at) => {
      const value = view.getFloat32(at, true);
      return Number.isFinite(value) ? value * 32768 : 0;
    };
  }
  if (bits === 8) return (at) => (view.getUint8(at) - 128) * 256;
  if (bits === 16) return (at) => view.getInt16(at, true);
  if (bits === 24) return (at) => view.getInt16(at + 1, true) + view.getUint8(at) / 256;
  return (at) => view.getInt32(at, true) / 65536;
}

/** PCM16 mono as the bytes of a WAV file. */
export function encodeWav(pcm: Int16Array, rateHz: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + pcm.byteLength);
  bytes.set(header(pcm.length, rateHz));
  bytes.set(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength), HEADER_BYTES);
  return bytes;
}

/** Samples are written to the file in blocks of this size; a crash loses at most one. */
const BLOCK_SAMPLES = 4800;

/** A WAV file (PCM16 mono) that grows; a valid file at all times, whole after `close`. Throws when the file cannot be written. */
export class WavWriter {
  readonly #rateHz: number;
  readonly #block = new Int16Array(BLOCK_SAMPLES);
  #fd: number | undefined;
  #filled = 0;
  #written = 0;

  constructor(file: string, rateHz: number) {
    this.#rateHz = rateHz;
    this.#fd = openSync(file, "w");
    writeSync(this.#fd, header(0, rateHz), 0, HEADER_BYTES, 0);
  }

  /** Samples so far. */
  get samples(): number {
    return this.#written + this.#filled;
  }

  /** Copies. After `close` it does nothing. */
  write(pcm: Int16Array): void {
    for (let from = 0; from < pcm.length;) {
      const count = Math.min(pcm.length - from, BLOCK_SAMPLES - this.#filled);
      const part = from === 0 && count === pcm.length ? pcm : pcm.subarray(from, from + count);
      this.#block.set(part, this.#filled);
      this.#filled += count;
      from += count;
      if (this.#filled === BLOCK_SAMPLES) this.#flush();
    }
  }

  /** Writes what is left; idempotent. */
  close(): void {
    if (this.#fd === undefined) return;
    this.#flush();
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  #flush(): void {
    const { byteOffset, buffer } = this.#block;
    if (this.#fd === undefined || this.#filled === 0) return;
    const bytes = new Uint8Array(buffer, byteOffset, this.#filled * 2);
    writeSync(this.#fd, bytes, 0, bytes.length, HEADER_BYTES + this.#written * 2);
    this.#written += this.#filled;
    this.#filled = 0;
    writeSync(this.#fd, header(this.#written, this.#rateHz), 0, HEADER_BYTES, 0);
  }
}

/** http://soundfile.sapp.org/doc/WaveFormat */
function header(samples: number, rateHz: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  const text = (at: number, value: string) => {
    for (let i = 0; i < value.length; i++) view.setUint8(at + i, value.charCodeAt(i));
  };
  text(0, "RIFF");
  view.setUint32(4, HEADER_BYTES - 8 + samples * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, samples * 2, true);
  return new Uint8Array(view.buffer);
}

function tag(view: DataView, at: number): string {
  if (at + 4 > view.byteLength) return "";
  return String.fromCharCode(
    view.getUint8(at),
    view.getUint8(at + 1),
    view.getUint8(at + 2),
    view.getUint8(at + 3),
  );
}

function bad(reason: string): MynaError {
  return new MynaError("AUDIO_FORMAT", `this WAV cannot be used: ${reason}`);
}
