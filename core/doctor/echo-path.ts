import { FRAME_MS, FRAME_SAMPLES, RATE_HZ } from "../audio/port.ts";

/** Delays are looked for at this rate: 0.25 ms. */
const COARSE_HZ = 4000;
const COARSE = RATE_HZ / COARSE_HZ;
const EARLIEST_MS = -60;
const LATEST_MS = 600;
/** What is so much below the loudest frame is no sound of the signal. */
const LOUD_DB = 25;
/** The delay is looked at in windows of a second, twice a second, where the loudspeaker is louder than this and heard. */
const WINDOW_SAMPLES = RATE_HZ;
const AUDIBLE_DB = -45;
const ALIKE = 0.25;
/** Of that time the echo must have been recognised for so much, and in so many windows, or nothing is known of its delay. */
const LEAST_ALIKE_SHARE = 0.5;
const LEAST_ALIKE = 4;
/** A delay that is off by so much is another one: a canceller has to find the echo again. */
const STEADY_MS = 3;
/** The echo has died away when it is so near to the noise. */
const DIED_DB = 6;

/** Mean square of samples, as dB of full scale; -100 for silence. */
export function levelDb(pcm: Int16Array, from = 0, to: number = pcm.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += pcm[i]! * pcm[i]!;
  return powerDb(sum / Math.max(1, to - from));
}

/** How far the echo is behind what was played, by correlation; `likeness` is 0 to 1, and near 0 where there is no echo. */
export function echoDelay(heard: Int16Array, played: Int16Array): { delayMs: number; likeness: number } {
  const [mic, speaker] = [coarse(heard), coarse(played)];
  let best = { delayMs: 0, likeness: 0 };
  const norm = Math.sqrt(energy(mic) * energy(speaker));
  if (norm === 0) return best;
  const earliest = Math.round((EARLIEST_MS * COARSE_HZ) / 1000);
  const latest = Math.round((LATEST_MS * COARSE_HZ) / 1000);
  for (let lag = earliest; lag <= latest; lag++) {
    let sum = 0;
    for (let i = Math.max(0, lag); i < mic.length && i - lag < speaker.length; i++)
      sum += mic[i]! * speaker[i - lag]!;
    const likeness = Math.abs(sum) / norm;
    if (likeness > best.likeness) best = { delayMs: (lag * 1000) / COARSE_HZ, likeness };
  }
  return best;
}

/** For how much of the time in which the echo is heard its delay is not the usual one, 0 to 1; null where it is too seldom recognised. */
export function delayUnsteady(heard: Int16Array, played: Int16Array): number | null {
  const delays: number[] = [];
  let windows = 0;
  for (let at = 0; at + WINDOW_SAMPLES <= heard.length; at += WINDOW_SAMPLES / 2) {
    const window = played.subarray(at, at + WINDOW_SAMPLES);
    if (levelDb(window) < AUDIBLE_DB) continue;
    windows++;
    const { delayMs, likeness } = echoDelay(heard.subarray(at, at + WINDOW_SAMPLES), window);
    if (likeness > ALIKE) delays.push(delayMs);
  }
  if (delays.length < Math.max(LEAST_ALIKE, windows * LEAST_ALIKE_SHARE)) return null;
  const usual = delays.toSorted((a, b) => a - b)[delays.length >> 1]!;
  const off = delays.filter((delayMs) => Math.abs(delayMs - usual) > STEADY_MS);
  return off.length / delays.length;
}

/** Levels while the signal sounds, dB of full scale. */
export interface EchoLevels {
  playedDb: number;
  heardDb: number;
  cleanedDb: number;
}

/** Levels of what was played and of its echo, `delayMs` later, over the frames where the signal is loud. */
export function echoLevels(
  heard: Int16Array,
  cleaned: Int16Array,
  played: Int16Array,
  delayMs: number,
): EchoLevels {
  const shift = Math.round((delayMs * RATE_HZ) / 1000);
  const loud = loudFrames(played);
  const sums = { played: 0, heard: 0, cleaned: 0, frames: 0 };
  for (const from of loud) {
    const at = from + shift;
    if (at < 0 || at + FRAME_SAMPLES > heard.length) continue;
    sums.frames++;
    sums.played += power(played, from);
    sums.heard += power(heard, at);
    sums.cleaned += power(cleaned, at);
  }
  const mean = (sum: number) => powerDb(sum / Math.max(1, sums.frames));
  return { playedDb: mean(sums.played), heardDb: mean(sums.heard), cleanedDb: mean(sums.cleaned) };
}

/** How long after the end of the signal the microphone is above the noise; what it takes beside the delay is the room's. */
export function echoTailMs(heard: Int16Array, played: Int16Array, noiseDb: number): number {
  const end = (loudFrames(played).at(-1) ?? 0) + FRAME_SAMPLES;
  let tailMs = 0;
  let quiet = 0;
  for (let at = end; at + FRAME_SAMPLES <= heard.length && quiet < 5; at += FRAME_SAMPLES) {
    quiet = powerDb(power(heard, at)) < noiseDb + DIED_DB ? quiet + 1 : 0;
    if (quiet === 0) tailMs = (at - end) / (RATE_HZ / 1000) + FRAME_MS;
  }
  return tailMs;
}

/** `db` without the noise that is in it. */
export function withoutNoise(db: number, noiseDb: number): number {
  return 10 * Math.log10(Math.max(1e-10, 10 ** (db / 10) - 10 ** (noiseDb / 10)));
}

/** Share of samples at the end of the scale, 0 to 1. */
export function clippedShare(pcm: Int16Array): number {
  let clipped = 0;
  for (const sample of pcm) if (sample >= 32_700 || sample <= -32_700) clipped++;
  return clipped / Math.max(1, pcm.length);
}

function loudFrames(played: Int16Array): number[] {
  const frames: { at: number; db: number }[] = [];
  for (let at = 0; at + FRAME_SAMPLES <= played.length; at += FRAME_SAMPLES)
    frames.push({ at, db: powerDb(power(played, at)) });
  const loudest = frames.reduce((most, { db }) => Math.max(most, db), -100);
  return frames.filter(({ db }) => db > loudest - LOUD_DB && db > -90).map(({ at }) => at);
}

function power(pcm: Int16Array, from: number): number {
  let sum = 0;
  for (let i = from; i < from + FRAME_SAMPLES; i++) sum += pcm[i]! * pcm[i]!;
  return sum / FRAME_SAMPLES;
}

function powerDb(meanSquare: number): number {
  return Math.max(-100, 10 * Math.log10(meanSquare / (32768 * 32768) + 1e-12));
}

function energy(samples: Float64Array): number {
  return samples.reduce((sum, sample) => sum + sample * sample, 0);
}

function coarse(pcm: Int16Array): Float64Array {
  const out = new Float64Array(Math.floor(pcm.length / COARSE));
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let k = 0; k < COARSE; k++) sum += pcm[i * COARSE + k]!;
    out[i] = sum / COARSE;
  }
  return out;
}
