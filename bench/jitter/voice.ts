import { random } from "./trace.ts";

const RATE_HZ = 24_000;
const HARMONICS = 24;

/**
 * Something that a stretcher takes for speech: syllables of a gliding pitch (95 to 190 Hz) with formants, hisses between some of
 * them, and pauses between words. 24 kHz.
 */
export function voice(samples: number, seed: number): Int16Array {
  const rng = random(seed);
  const out = new Int16Array(samples);
  let at = 0;
  let phase = 0;
  while (at < samples) {
    const length = Math.round(RATE_HZ * (0.1 + 0.15 * rng()));
    const kind = rng();
    if (kind < 0.15) {
      at += length;
      continue;
    }
    const end = Math.min(samples, at + length);
    const from = 95 + 95 * rng();
    const to = from * (0.85 + 0.3 * rng());
    const formantHz = 400 + 1200 * rng();
    const hiss = kind < 0.35;
    for (let i = at; i < end; i++) {
      const part = (i - at) / length;
      const envelope = Math.sin(Math.PI * part);
      let value = 0;
      if (hiss) value = 0.3 * (rng() - 0.5);
      else {
        const pitchHz = from + (to - from) * part;
        phase += (2 * Math.PI * pitchHz) / RATE_HZ;
        for (let k = 1; k <= HARMONICS; k++) {
          const hz = k * pitchHz;
          value += Math.sin(k * phase) / (1 + ((hz - formantHz) / 300) ** 2) / 3;
        }
        value += 0.01 * (rng() - 0.5);
      }
      out[i] = Math.round(9000 * envelope * value);
    }
    at = end;
  }
  return out;
}
