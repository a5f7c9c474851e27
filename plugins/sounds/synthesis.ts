import { RATE_HZ } from "myna";

/** One tone of a sound. */
export interface Tone {
  startMs: number;
  durationMs: number;
  hz: number;
  /** Slides there; the same pitch if not given. */
  toHz?: number;
  /** "sine" is soft, "square" is harsh, "bell" rings out. */
  shape: "sine" | "square" | "bell";
  /** 0 to 1. */
  level: number;
}

/** Harmonics of the square wave, few enough to stay below half the sample rate. */
const SQUARE_HARMONICS = [1, 3, 5, 7] as const;
const BELL_PARTIALS: readonly (readonly [ratio: number, level: number])[] = [
  [1, 1],
  [2.76, 0.4],
  [5.4, 0.15],
];
/** A tone that starts or ends at once clicks. */
const RAMP_MS = 8;

/** PCM16 mono at 24 kHz; tones that overlap are added, and the whole stays below full scale. */
export function synthesize(tones: readonly Tone[]): Int16Array<ArrayBuffer> {
  const endMs = Math.max(0, ...tones.map((tone) => tone.startMs + tone.durationMs));
  const mix = new Float64Array(Math.round((endMs * RATE_HZ) / 1000));
  for (const tone of tones) add(mix, tone);
  const peak = mix.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 1);
  return Int16Array.from(mix, (sample) => Math.round((sample / peak) * 0.8 * 32_767));
}

function add(mix: Float64Array, tone: Tone): void {
  const first = Math.round((tone.startMs * RATE_HZ) / 1000);
  const count = Math.round((tone.durationMs * RATE_HZ) / 1000);
  const rampSamples = (RAMP_MS * RATE_HZ) / 1000;
  const slideHz = (tone.toHz ?? tone.hz) - tone.hz;
  let turns = 0;
  for (let i = 0; i < count && first + i < mix.length; i++) {
    turns += (tone.hz + (slideHz * i) / count) / RATE_HZ;
    const ramp = Math.min(1, i / rampSamples, (count - i) / rampSamples);
    mix[first + i] = (mix[first + i] ?? 0) + wave(tone.shape, turns, i / count) * tone.level * ramp;
  }
}

/** `turns` counts whole oscillations; `progress` runs from 0 to 1 over the tone. */
function wave(shape: Tone["shape"], turns: number, progress: number): number {
  const phase = 2 * Math.PI * turns;
  switch (shape) {
    case "sine":
      return Math.sin(phase);
    case "square":
      return SQUARE_HARMONICS.reduce((sum, harmonic) => sum + Math.sin(phase * harmonic) / harmonic, 0);
    case "bell": {
      const decay = Math.exp(-5 * progress);
      return decay * BELL_PARTIALS.reduce((sum, [ratio, level]) => sum + level * Math.sin(phase * ratio), 0);
    }
  }
}
