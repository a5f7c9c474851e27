import { describe, expect, test } from "bun:test";
import { edgeResampler } from "../../core/audio/device-format.ts";
import { Resampler, resample } from "../../core/audio/resample.ts";

const RATES_HZ = [8000, 16_000, 22_050, 32_000, 44_100, 48_000];

function sine(rateHz: number, hz: number, seconds: number, amplitude = 29_000): Int16Array {
  return Int16Array.from({ length: Math.round(rateHz * seconds) }, (_, i) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / rateHz)),
  );
}

/** Fits a sine and compares it with what is left: gain and signal to noise and distortion, both in dB; phase in degrees. */
function fit(signal: Int16Array, rateHz: number, hz: number, amplitude = 29_000) {
  const from = Math.floor(signal.length * 0.2);
  const to = Math.floor(signal.length * 0.8);
  let [ss, cc, sc, sy, cy] = [0, 0, 0, 0, 0];
  for (let i = from; i < to; i++) {
    const s = Math.sin((2 * Math.PI * hz * i) / rateHz);
    const c = Math.cos((2 * Math.PI * hz * i) / rateHz);
    ss += s * s;
    cc += c * c;
    sc += s * c;
    sy += s * signal[i]!;
    cy += c * signal[i]!;
  }
  const det = ss * cc - sc * sc;
  const a = (sy * cc - cy * sc) / det;
  const b = (cy * ss - sy * sc) / det;
  let [noise, power] = [0, 0];
  for (let i = from; i < to; i++) {
    const angle = (2 * Math.PI * hz * i) / rateHz;
    const model = a * Math.sin(angle) + b * Math.cos(angle);
    noise += (signal[i]! - model) ** 2;
    power += model ** 2;
  }
  return {
    gainDb: 20 * Math.log10(Math.hypot(a, b) / amplitude),
    sinadDb: 10 * Math.log10(power / noise),
    phaseDeg: (Math.atan2(b, a) * 180) / Math.PI,
  };
}

describe("resampler", () => {
  for (const rateHz of RATES_HZ) {
    for (const [fromHz, toHz] of [
      [rateHz, 24_000],
      [24_000, rateHz],
    ] as const) {
      test(`${fromHz} to ${toHz} Hz keeps tones pure, at their level and in time`, () => {
        for (const part of [0.05, 0.3, 0.6, 0.8]) {
          const hz = (Math.min(fromHz, toHz) / 2) * part;
          const { gainDb, sinadDb, phaseDeg } = fit(resample(sine(fromHz, hz, 0.5), fromHz, toHz), toHz, hz);
          expect(sinadDb).toBeGreaterThan(90);
          expect(Math.abs(gainDb)).toBeLessThan(0.15);
          expect(Math.abs(phaseDeg)).toBeLessThan(0.5);
        }
      });
    }
  }

  test("what lies above the new band is gone", () => {
    for (const hz of [13_000, 15_000, 19_000, 23_000]) {
      const out = resample(sine(48_000, hz, 0.5), 48_000, 24_000).subarray(1000, 11_000);
      const power = out.reduce((sum, sample) => sum + sample ** 2, 0) / out.length;
      expect(10 * Math.log10((power + 1e-9) / (29_000 ** 2 / 2))).toBeLessThan(-85);
    }
  });

  test("the output does not depend on how the input is cut", () => {
    for (const [fromHz, toHz] of [
      [44_100, 24_000],
      [24_000, 22_050],
      [48_000, 24_000],
    ] as const) {
      const input = sine(fromHz, 700, 0.3);
      const whole = new Resampler(fromHz, toHz);
      const expected = new Int16Array(whole.outputLimit(input.length));
      const length = whole.process(input, expected);
      const parts = new Resampler(fromHz, toHz);
      const got: number[] = [];
      for (let at = 0, size = 1; at < input.length; at += size, size = (size * 5 + 1) % 997) {
        const part = input.subarray(at, at + size);
        const out = new Int16Array(parts.outputLimit(part.length));
        got.push(...out.subarray(0, parts.process(part, out)));
      }
      expect(got).toEqual([...expected.subarray(0, length)]);
    }
  });

  test("a recording keeps its duration at any rate", () => {
    for (const rateHz of [8000, 11_025, 12_000, 44_056, 96_000, 191_999]) {
      const out = resample(sine(rateHz, 440, 0.25), rateHz, 24_000);
      expect(Math.abs(out.length - 6000)).toBeLessThanOrEqual(1);
      expect(Math.abs(fit(out, 24_000, 440).gainDb)).toBeLessThan(0.1);
    }
  });

  for (const [fromHz, toHz] of [
    [8000, 24_000],
    [16_000, 24_000],
    [32_000, 24_000],
    [44_100, 24_000],
    [48_000, 24_000],
    [24_000, 16_000],
    [24_000, 22_050],
    [24_000, 48_000],
  ] as const) {
    test(`at the device's edge ${fromHz} to ${toHz} Hz keeps tones pure and loses no sample`, async () => {
      const block = fromHz / 50;
      for (const part of [0.05, 0.3, 0.6, 0.8]) {
        const hz = (Math.min(fromHz, toHz) / 2) * part;
        const resampler = (await edgeResampler(fromHz, toHz, block))!;
        const input = sine(fromHz, hz, 0.5);
        const out = new Int16Array(resampler.outputLimit(block));
        const got: number[] = [];
        for (let at = 0; at < input.length; at += block) {
          got.push(...out.subarray(0, resampler.process(input.subarray(at, at + block), out)));
        }
        const { sinadDb, gainDb } = fit(Int16Array.from(got), toHz, hz);
        expect(sinadDb).toBeGreaterThan(85);
        expect(Math.abs(gainDb)).toBeLessThan(0.15);
        expect(Math.abs(got.length - toHz / 2)).toBeLessThanOrEqual(
          resampler.outputLimit(resampler.delaySamples),
        );
        expect(resampler.delaySamples / fromHz).toBeLessThan(0.006);
      }
    });
  }

  test("equal rates need no conversion at the device's edge", async () => {
    expect(await edgeResampler(24_000, 24_000, 480)).toBeUndefined();
  });

  test("full scale does not wrap round", () => {
    const square = Int16Array.from({ length: 4800 }, (_, i) => (i % 100 < 50 ? 32_767 : -32_768));
    const out = resample(square, 48_000, 24_000);
    for (let i = 100; i < 2300; i++) {
      const phase = (2 * i) % 100;
      if (phase > 10 && phase < 40) expect(out[i]).toBeGreaterThan(20_000);
      if (phase > 60 && phase < 90) expect(out[i]).toBeLessThan(-20_000);
    }
  });
});
