import { noise } from "../fixtures/sound.ts";
import type { Measures, Part, Row } from "../part.ts";
import { nsPerTurn } from "../stopwatch.ts";

const FRAME_MS = 20;
const BLOCKS = 16;
const PAIRS = [
  [48_000, 24_000],
  [24_000, 48_000],
  [16_000, 24_000],
  [44_100, 24_000],
] as const;

type Convert = (input: Int16Array, output: Int16Array) => number;
type Make = (fromHz: number, toHz: number, block: number) => Promise<Convert>;

/** Every pair of rates: what a block of 20 ms costs, and how pure a tone comes out of it. */
function measured(make: Make): () => Promise<Measures> {
  return async () => {
    const measures: Measures = {};
    for (const [fromHz, toHz] of PAIRS) {
      const block = (fromHz * FRAME_MS) / 1000;
      const convert = await make(fromHz, toHz, block);
      const inputs = Array.from({ length: BLOCKS }, (_, seed) => noise(block, seed + 1));
      const output = new Int16Array(4 * block);
      const { ns } = nsPerTurn((turns) => {
        let sum = 0;
        for (let i = 0; i < turns; i++) {
          convert(inputs[i & (BLOCKS - 1)]!, output);
          sum += output[i & 255]!;
        }
        return sum;
      });
      measures[`${name(fromHz, toHz)}_ns`] = ns!;
      measures[`${name(fromHz, toHz)}_noise_db`] = await noiseDb(
        await make(fromHz, toHz, block),
        fromHz,
        toHz,
      );
    }
    return measures;
  };
}

/** Loudness of everything but the tone in the output, compared with the tone; the worst of four tones, dB. */
async function noiseDb(convert: Convert, fromHz: number, toHz: number): Promise<number> {
  const block = (fromHz * FRAME_MS) / 1000;
  let worst = -Infinity;
  let at = 0;
  for (const part of [0.05, 0.3, 0.6, 0.8]) {
    const hz = (Math.min(fromHz, toHz) / 2) * part;
    const output = new Int16Array(4 * block);
    const made: number[] = [];
    for (let n = 0; n < 40; n++) {
      const input = Int16Array.from({ length: block }, (_, i) =>
        Math.round(29_000 * Math.sin((2 * Math.PI * hz * (at + i)) / fromHz)),
      );
      at += block;
      made.push(...output.subarray(0, convert(input, output)));
    }
    worst = Math.max(worst, residueDb(made.slice(made.length >> 2, -(made.length >> 2)), toHz, hz));
  }
  return worst;
}

/** What a least-squares sine of that frequency leaves over. */
function residueDb(samples: readonly number[], rateHz: number, hz: number): number {
  let [ss, cc, sc, sy, cy] = [0, 0, 0, 0, 0];
  samples.forEach((sample, i) => {
    const [s, c] = [Math.sin((2 * Math.PI * hz * i) / rateHz), Math.cos((2 * Math.PI * hz * i) / rateHz)];
    ss += s * s;
    cc += c * c;
    sc += s * c;
    sy += s * sample;
    cy += c * sample;
  });
  const determinant = ss * cc - sc * sc;
  const a = (sy * cc - cy * sc) / determinant;
  const b = (cy * ss - sy * sc) / determinant;
  let [noisePower, tonePower] = [0, 0];
  samples.forEach((sample, i) => {
    const angle = (2 * Math.PI * hz * i) / rateHz;
    const tone = a * Math.sin(angle) + b * Math.cos(angle);
    noisePower += (sample - tone) ** 2;
    tonePower += tone ** 2;
  });
  return 10 * Math.log10(noisePower / tonePower);
}

const copy: Make = async () => (input, output) => {
  output.set(input);
  return input.length;
};

const linear: Make = async (fromHz, toHz) => {
  const step = fromHz / toHz;
  let at = 0;
  let last = 0;
  return (input, output) => {
    let made = 0;
    for (; at < input.length; at += step) {
      const whole = Math.floor(at);
      const before = whole === 0 ? last : input[whole - 1]!;
      output[made++] = before + (input[whole]! - before) * (at - whole);
    }
    at -= input.length;
    last = input.at(-1)!;
    return made;
  };
};

/** Our own, in TypeScript. */
const typescript: Make = async (fromHz, toHz) => {
  const { Resampler } = await import("../../core/audio/resample.ts");
  const resampler = new Resampler(fromHz, toHz);
  return (input, output) => resampler.process(input, output);
};

/** speexdsp everywhere, also where it interpolates its filter. */
const speexdsp: Make = async (fromHz, toHz, block) => {
  const { SpeexResampler } = await import("../../core/audio/speex-resampler.ts");
  const resampler = await SpeexResampler.create(fromHz, toHz, block);
  return (input, output) => resampler.process(input, output);
};

const myna: Make = async (fromHz, toHz, block) => {
  const { edgeResampler } = await import("../../core/audio/device-format.ts");
  const resampler = (await edgeResampler(fromHz, toHz, block))!;
  return (input, output) => resampler.process(input, output);
};

function name(fromHz: number, toHz: number): string {
  return `${fromHz / 1000}_${toHz / 1000}`.replace(".", "");
}

/** The limit is a copy of the block; linear interpolation, which lets everything above the band through, is shown for its price. */
export const part: Part = {
  rounds: 3,
  rows: PAIRS.flatMap(([fromHz, toHz]): Row[] => [
    {
      name: `resampler_${name(fromHz, toHz)}`,
      title: `20 ms from ${fromHz} to ${toHz} Hz at a device's edge`,
      unit: "ns",
      metric: `${name(fromHz, toHz)}_ns`,
      limit: "copy",
      peers: ["speexdsp", "typescript"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "times_peer", peer: "speexdsp", most: 1.2 }],
    },
    {
      name: `resampler_${name(fromHz, toHz)}_noise`,
      title: `what ${fromHz} to ${toHz} Hz adds to a tone, through 16 bits`,
      unit: "dB",
      metric: `${name(fromHz, toHz)}_noise_db`,
      peers: ["speexdsp", "typescript", "linear"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "at_most", most: -88 }],
    },
  ]),
  cases: {
    copy: measured(copy),
    linear: measured(linear),
    typescript: measured(typescript),
    speexdsp: measured(speexdsp),
    myna: measured(myna),
  },
};
