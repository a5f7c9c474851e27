import { FRAME_SAMPLES, RATE_HZ } from "../../core/audio/port.ts";
import { NOISES, noise } from "./noises.ts";
import type { NoiseName } from "./noises.ts";
import type { Utterance } from "./utterances.ts";
import { activeLevel, sounding } from "./utterances.ts";

/** Utterances one after the other, with noise under them. */
export interface Scene {
  name: string;
  /** 24 kHz mono, whole frames. */
  pcm: Int16Array;
  spoken: Spoken[];
}

/** Where an utterance lies in a scene; milliseconds from its start. */
export interface Spoken {
  noise: NoiseName | "none";
  fromMs: number;
  toMs: number;
  /** Which 10 ms from `fromMs` hold sound. */
  sound: boolean[];
}

/** Noise of a quiet room and of a good microphone, dB below full scale. */
const ROOM_DB = -66;
/** Half-second steps; the gap lets a detector end what it began, and the noise floor settle. */
const GAPS_S = [1.5, 3, 2, 2.5, 4];
/** So many utterances share a kind of noise, which goes on between them. */
const BLOCK = 8;
/** Before the first utterance. */
const LEAD_S = 3;

/** `snrDb`: level of speech against the noise, both while they sound; undefined for the quiet room alone. */
export function makeScene(said: readonly Utterance[], snrDb?: number): Scene {
  const gap = (i: number) => GAPS_S[i % GAPS_S.length]! * RATE_HZ;
  const total = said.reduce((sum, { pcm }, i) => sum + pcm.length + gap(i), LEAD_S * RATE_HZ);
  const mix = new Float64Array(Math.ceil(total / FRAME_SAMPLES) * FRAME_SAMPLES);
  const spoken: Spoken[] = [];
  let at = LEAD_S * RATE_HZ;
  let noisyFrom = 0;
  for (const [i, { pcm }] of said.entries()) {
    const name = NOISES[Math.floor(i / BLOCK) % NOISES.length]!;
    for (let s = 0; s < pcm.length; s++) mix[at + s]! += pcm[s]!;
    const fromMs = (at * 1000) / RATE_HZ;
    const toMs = fromMs + (pcm.length * 1000) / RATE_HZ;
    spoken.push({ noise: snrDb === undefined ? "none" : name, fromMs, toMs, sound: sounding(pcm) });
    at += pcm.length + gap(i);
    if (snrDb !== undefined) addNoise(mix, noisyFrom, at, noise(name), activeLevel(pcm) / 10 ** (snrDb / 20));
    noisyFrom = at;
  }
  addRoom(mix);
  const pcm = Int16Array.from(mix, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample))));
  return { name: snrDb === undefined ? "quiet" : `${snrDb} dB`, pcm, spoken };
}

function addNoise(mix: Float64Array, from: number, to: number, sound: Int16Array, level: number): void {
  const factor = level / activeLevel(sound);
  for (let i = from; i < Math.min(to, mix.length); i++) mix[i]! += sound[i % sound.length]! * factor;
}

/** White noise, the same in every run. */
export function addRoom(mix: Float64Array): void {
  const size = 32768 * 10 ** (ROOM_DB / 20) * Math.sqrt(3);
  let state = 20_261_121;
  for (let i = 0; i < mix.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    mix[i]! += size * (state / 2 ** 31 - 1);
  }
}
