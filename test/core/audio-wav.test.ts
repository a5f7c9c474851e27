import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WavWriter, decodeWav, encodeWav } from "../../core/audio/wav.ts";
import { isMynaError } from "../../core/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "myna-wav-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Shape {
  codec?: number;
  bits?: number;
  channels?: number;
  rateHz?: number;
  extensible?: boolean;
  /** What the data chunk claims to hold; default the truth. */
  claimed?: number;
  /** Bytes of an odd-sized chunk before the data. */
  note?: number;
}

/** A WAV file of `frames` frames; `sample(frame, channel)` is -1 to 1. */
function wav(shape: Shape, frames: number, sample: (frame: number, channel: number) => number): Uint8Array {
  const { codec = 1, bits = 16, channels = 1, rateHz = 24_000, extensible = false, note = 0 } = shape;
  const step = bits / 8;
  const data = new DataView(new ArrayBuffer(frames * channels * step));
  for (let frame = 0, at = 0; frame < frames; frame++) {
    for (let channel = 0; channel < channels; channel++, at += step) {
      const value = sample(frame, channel);
      if (codec === 3) data.setFloat32(at, value, true);
      else if (bits === 8) data.setUint8(at, Math.round(value * 127) + 128);
      else if (bits === 16) data.setInt16(at, Math.round(value * 32_767), true);
      else if (bits === 24) {
        const whole = Math.round(value * 8_388_607);
        data.setUint8(at, whole & 255);
        data.setInt16(at + 1, whole >> 8, true);
      } else data.setInt32(at, Math.round(value * 2_147_483_647), true);
    }
  }
  const format = new DataView(new ArrayBuffer(extensible ? 40 : 16));
  format.setUint16(0, extensible ? 0xfffe : codec, true);
  format.setUint16(2, channels, true);
  format.setUint32(4, rateHz, true);
  format.setUint32(8, rateHz * channels * step, true);
  format.setUint16(12, channels * step, true);
  format.setUint16(14, bits, true);
  if (extensible) format.setUint16(24, codec, true);
  const chunk = (id: string, body: Uint8Array, size = body.length): Buffer => {
    const header = Buffer.alloc(8);
    header.write(id, "latin1");
    header.writeUInt32LE(size, 4);
    return Buffer.concat([header, body, Buffer.alloc(body.length & 1)]);
  };
  const body = Buffer.concat([
    Buffer.from("WAVE"),
    chunk("fmt ", new Uint8Array(format.buffer)),
    ...(note ? [chunk("LIST", new Uint8Array(note))] : []),
    chunk("data", new Uint8Array(data.buffer), shape.claimed),
  ]);
  return chunk("RIFF", body);
}

const tone = (rateHz: number) => (frame: number) => 0.5 * Math.sin((2 * Math.PI * 440 * frame) / rateHz);

function failure(bytes: Uint8Array): { code: string; message: string } {
  try {
    decodeWav(bytes);
  } catch (error) {
    if (isMynaError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("it was decoded");
}

describe("WAV files", () => {
  for (const shape of [
    { bits: 8 },
    { bits: 16 },
    { bits: 24 },
    { bits: 32 },
    { codec: 3, bits: 32 },
    { bits: 16, extensible: true },
    { codec: 3, bits: 32, extensible: true },
    { bits: 16, channels: 2 },
    { bits: 24, channels: 2, rateHz: 48_000 },
    { bits: 8, rateHz: 8000 },
    { bits: 16, rateHz: 44_100, channels: 2 },
    { bits: 16, rateHz: 192_000 },
    { bits: 16, rateHz: 11_025, note: 7 },
  ] as Shape[]) {
    test(`a file with ${JSON.stringify(shape)} becomes 24 kHz mono at its level`, () => {
      const { rateHz = 24_000, channels = 1, bits } = shape;
      const decoded = decodeWav(wav(shape, rateHz / 5, tone(rateHz)));
      expect(decoded).toMatchObject({ rateHz, channels, durationMs: 200 });
      expect(Math.abs(decoded.pcm.length - 4800)).toBeLessThanOrEqual(1);
      const tolerance = bits === 8 ? 260 : 12;
      const expected = tone(24_000);
      for (let i = 200; i < 4600; i += 7) {
        expect(Math.abs(decoded.pcm[i]! - expected(i) * 32_767)).toBeLessThan(tolerance);
      }
    });
  }

  test("channels are averaged", () => {
    const { pcm } = decodeWav(wav({ channels: 2 }, 100, (_, channel) => (channel === 0 ? 0.5 : -0.25)));
    expect(pcm[50]).toBe(4096);
  });

  test("float samples beyond full scale are clipped and those that are no number are silent", () => {
    const values = [2, -3, NaN, Infinity, 0.5];
    const { pcm } = decodeWav(wav({ codec: 3, bits: 32 }, 5, (frame) => values[frame]!));
    expect([...pcm]).toEqual([32_767, -32_768, 0, 0, 16_384]);
  });

  test("a size that promises more than there is, or nothing, is overlooked", () => {
    for (const claimed of [0xffffffff, 100_000, 0]) {
      expect(decodeWav(wav({ claimed }, 240, tone(24_000))).durationMs).toBe(10);
    }
    const cut = wav({}, 2400, tone(24_000)).subarray(0, 44 + 1201);
    expect(decodeWav(cut).pcm.length).toBe(600);
  });

  for (const [what, bytes, words] of [
    ["an empty file", new Uint8Array(0), "empty"],
    ["text", Buffer.from("hello, this is no sound at all"), "not a WAV file"],
    ["an MP3 file", Buffer.from("ID3\u0003 and so on and on"), "MP3"],
    ["an Ogg file", Buffer.from("OggS and so on and on and on"), "Ogg"],
    ["a header alone", wav({}, 0, () => 0), "no samples"],
    ["a file cut off in its format", wav({}, 100, () => 0).subarray(0, 30), "cut off"],
    ["a file without data", wav({}, 100, () => 0).subarray(0, 36), "no data"],
    ["mu-law", wav({ codec: 7, bits: 8 }, 100, () => 0), "mu-law"],
    ["ADPCM", wav({ codec: 17, bits: 16 }, 100, () => 0), "IMA ADPCM"],
    ["MP3 in a WAV", wav({ codec: 0x55 }, 100, () => 0), "MP3"],
    ["an unknown codec", wav({ codec: 0x1234 }, 100, () => 0), "0x1234"],
    ["a rate of 4 kHz", wav({ rateHz: 4000 }, 100, () => 0), "4000 Hz"],
    ["a rate of 384 kHz", wav({ rateHz: 384_000 }, 100, () => 0), "384000 Hz"],
    ["no channels", wav({ channels: 0 }, 100, () => 0), "0 channels"],
  ] as [string, Uint8Array, string][]) {
    test(`${what} is refused with a reason`, () => {
      const { code, message } = failure(bytes);
      expect(code).toBe("AUDIO_FORMAT");
      expect(message).toContain(words);
    });
  }

  test("any damage gives a sound or a reason, never another error", () => {
    const good = wav({ bits: 24, channels: 2, rateHz: 48_000, extensible: true }, 50, tone(48_000));
    let state = 7;
    for (let round = 0; round < 3000; round++) {
      const bytes = good.slice();
      for (let i = 0; i < 3; i++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        bytes[state % 80] = state >>> 24;
      }
      try {
        expect(decodeWav(bytes).pcm.length).toBeGreaterThan(0);
      } catch (error) {
        if (!isMynaError(error) || error.code !== "AUDIO_FORMAT") throw error;
      }
    }
  });

  test("what is encoded is decoded to the same samples", () => {
    const pcm = Int16Array.from({ length: 999 }, (_, i) => (i * 77) % 30_000);
    expect(decodeWav(encodeWav(pcm, 24_000)).pcm).toEqual(pcm);
  });

  test("a recording is a valid file while it grows and whole when it is closed", () => {
    const file = join(folder, "growing.wav");
    const writer = new WavWriter(file, 24_000);
    const frame = Int16Array.from({ length: 480 }, (_, i) => i);
    for (let i = 0; i < 25; i++) writer.write(frame);
    expect(writer.samples).toBe(12_000);
    const growing = decodeWav(readFileSync(file)).pcm;
    expect(growing.length).toBeGreaterThanOrEqual(12_000 - 4800);
    expect([...growing.subarray(480, 485)]).toEqual([0, 1, 2, 3, 4]);
    writer.write(new Int16Array(10_001).fill(9));
    writer.close();
    writer.close();
    writer.write(frame);
    const whole = decodeWav(readFileSync(file)).pcm;
    expect(whole.length).toBe(22_001);
    expect(whole.at(-1)).toBe(9);
  });
});
