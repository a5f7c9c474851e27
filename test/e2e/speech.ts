import { RATE_HZ } from "../../core/audio/port.ts";

/** Something that a VAD takes for speech: syllables of a buzzing voice, PCM16 24 kHz mono. */
export function babble(durationMs: number): Int16Array {
  const pcm = new Int16Array((durationMs * RATE_HZ) / 1000);
  for (let i = 0; i < pcm.length; i++) {
    const time = i / RATE_HZ;
    const syllable = 0.55 + 0.45 * Math.sin(2 * Math.PI * 4 * time);
    let voice = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic++)
      voice += Math.sin(2 * Math.PI * 140 * harmonic * time) / harmonic;
    pcm[i] = Math.round(5000 * syllable * voice);
  }
  return pcm;
}

/** Index of the first sample that is not silent, from `from` on; -1 when all are. */
export function firstSound(pcm: Int16Array, from = 0): number {
  return pcm.findIndex((sample, i) => i >= from && Math.abs(sample) > 8);
}
