import { FRAME_SAMPLES } from "../audio/port.ts";

/** A Realtime server's voice detection at its default threshold of 0.5: so much above the noise is speech, dB, */
const ABOVE_NOISE_DB = 9;
/** but nothing quieter than this, dB of full scale, */
const QUIETEST_DB = -52;
/** and no noise is louder before a second was heard. */
const EARLY_NOISE_DB = -46;
const EARLY_FRAMES = 50;
/** Speech begins with so many frames in a row, and ends when for so many there was none (500 ms). */
const BEGIN_FRAMES = 3;
const END_FRAMES = 25;
/** Noise is the quietest frame of three seconds. */
const NOISE_FRAMES = 150;
/** Pole of a high-pass at 115 Hz. */
const HIGH_PASS = 0.97;

/** The frames, by their number, at which a server that detects voices by their energy takes `pcm` (24 kHz mono) for speech. */
export function serverStarts(pcm: Int16Array): number[] {
  const levels = frameLevels(pcm);
  const starts: number[] = [];
  let loud = 0;
  let quiet = END_FRAMES;
  for (let i = 0; i < levels.length; i++) {
    const heardDb = Math.min(...levels.slice(Math.max(0, i - NOISE_FRAMES), i + 1));
    const noiseDb = i < EARLY_FRAMES ? Math.min(heardDb, EARLY_NOISE_DB) : heardDb;
    const speech = levels[i]! > Math.max(QUIETEST_DB, noiseDb + ABOVE_NOISE_DB);
    loud = speech ? loud + 1 : 0;
    const speaking = quiet < END_FRAMES;
    if (!speaking && loud === BEGIN_FRAMES) starts.push(i);
    quiet = speech && (speaking || loud >= BEGIN_FRAMES) ? 0 : quiet + 1;
  }
  return starts;
}

function frameLevels(pcm: Int16Array): number[] {
  const levels: number[] = [];
  let last = 0;
  let out = 0;
  for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES) {
    let sum = 0;
    for (let i = at; i < at + FRAME_SAMPLES; i++) {
      out = pcm[i]! - last + HIGH_PASS * out;
      last = pcm[i]!;
      sum += out * out;
    }
    levels.push(10 * Math.log10(sum / FRAME_SAMPLES / 2 ** 30 + 1e-10));
  }
  return levels;
}
