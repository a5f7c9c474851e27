import { RATE_HZ } from "../audio/port.ts";

/** -12 dB of full scale: as loud as speech, and far from clipping. */
const PEAK = 32767 * 10 ** (-12 / 20);
const SWEEP_S = 1.2;
const FADE_S = 0.02;

/** A tone that glides from 200 to 6000 Hz, each octave in the same time. */
export function sweep(): Int16Array<ArrayBuffer> {
  const pcm = new Int16Array(Math.round(SWEEP_S * RATE_HZ));
  const octaves = Math.log(6000 / 200);
  for (let i = 0; i < pcm.length; i++) {
    const s = i / RATE_HZ;
    const phase = ((2 * Math.PI * 200 * SWEEP_S) / octaves) * (Math.exp((s / SWEEP_S) * octaves) - 1);
    pcm[i] = PEAK * fade(s, SWEEP_S) * Math.sin(phase);
  }
  return pcm;
}

/**
 * An artificial voice: syllables of a buzz with the resonances of vowels, and of noise, with pauses, after the idea of ITU-T
 * P.501's composite source signal. No two syllables are alike.
 */
export function artificialVoice(seconds: number): Int16Array<ArrayBuffer> {
  const pcm = new Int16Array(Math.round(seconds * RATE_HZ));
  const random = randomSource();
  for (let from = 0; from < pcm.length;) {
    const lengthS = 0.12 + 0.14 * random();
    const length = Math.min(pcm.length - from, Math.round(lengthS * RATE_HZ));
    syllable(pcm.subarray(from, from + length), lengthS, random);
    const pauseS = random() < 0.15 ? 0.35 : 0.04;
    from += length + Math.round(pauseS * RATE_HZ);
  }
  return pcm;
}

const VOWELS = [
  [700, 1200, 2600],
  [300, 2300, 3000],
  [500, 900, 2400],
  [400, 1900, 2500],
] as const;

function syllable(into: Int16Array, lengthS: number, random: () => number): void {
  const voiced = random() < 0.75;
  const pitchHz = 100 + 90 * random();
  const formants = VOWELS[Math.floor(random() * VOWELS.length)] ?? VOWELS[0];
  const loudness = 0.4 + 0.6 * random();
  const memory = new Float64Array(6);
  let phase = 0;
  for (let i = 0; i < into.length; i++) {
    phase += pitchHz / RATE_HZ;
    const pulse = phase >= 1 ? 1 : 0;
    phase -= pulse;
    const source = voiced ? pulse * 12 + 0.05 * (random() - 0.5) : 1.5 * (random() - 0.5);
    let sum = 0;
    for (const [k, hz] of formants.entries()) {
      const r = Math.exp((-Math.PI * 90) / RATE_HZ);
      const y =
        source * (1 - r) +
        2 * r * Math.cos((2 * Math.PI * hz) / RATE_HZ) * memory[2 * k]! -
        r * r * memory[2 * k + 1]!;
      memory[2 * k + 1] = memory[2 * k]!;
      memory[2 * k] = y;
      sum += y / (k + 1);
    }
    const sample = 3 * PEAK * loudness * fade(i / RATE_HZ, lengthS) * sum;
    into[i] = Math.max(-PEAK, Math.min(PEAK, sample));
  }
}

function fade(s: number, lengthS: number): number {
  return Math.max(0, Math.min(1, s / FADE_S, (lengthS - s) / FADE_S));
}

/** From 0 to 1, the same every time. */
function randomSource(): () => number {
  let state = 20_261;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
