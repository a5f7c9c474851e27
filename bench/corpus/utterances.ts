import { RATE_HZ } from "../../core/audio/port.ts";
import { madeSound } from "./sound-cache.ts";

/** One thing that somebody says. */
export interface Utterance {
  voice: string;
  text: string;
  /** 24 kHz mono, -23 dB below full scale while there is sound, from the first sound to the last. */
  pcm: Int16Array;
}

/** Voices of flite and of espeak-ng, the latter also as others of its speakers; speeds and pitches are part of the voice. */
export const VOICES: readonly (readonly string[])[] = [
  ["flite", "slt"],
  ["espeak-ng", "en-us", "150", "50"],
  ["flite", "rms"],
  ["espeak-ng", "en-gb", "170", "35"],
  ["flite", "awb"],
  ["espeak-ng", "en-us+f3", "165", "70"],
  ["flite", "kal16"],
  ["espeak-ng", "en-gb-scotland", "185", "45"],
  ["espeak-ng", "en-us+m4", "135", "25"],
  ["espeak-ng", "en-gb-x-rp+f2", "200", "85"],
];

/** Longer than commands: several sentences, with the pauses that people make. */
const DIALOGUES = [
  "hello robot. how are you today? i would like you to come over here.",
  "what do you see in front of you? is there a chair, or is it the table?",
  "no, not there. turn around first, and then drive back to the door.",
  "could you tell me how far the wall is? and please say it in meters.",
  "wait a moment. i have to think about that. all right, go on.",
  "stop.",
  "yes.",
  "no.",
  "okay, that was good. now do the same thing again, but slower.",
  "i am going to the kitchen, and when i come back i want you to be here.",
];

/** It writes to a pipe, and not to the socket that a child's standard output is. */
const FLITE = ["sh", "-c", 'flite "$@" -o /dev/stdout | cat', "flite"];
const LEVEL_DB = -23;
/** Sound is what is louder than this against the loudest 10 ms. */
const SOUND_BELOW_PEAK_DB = 35;

/** The first `count` of the corpus; sentences of test/fixtures/sentences and some dialogues, with every voice in turn. */
export async function utterances(count = 200): Promise<Utterance[]> {
  const lists = ["commands-tuning", "others-held-out", "commands-fresh", "others-fresh"];
  const texts = await Promise.all(lists.map(sentences));
  const all = [DIALOGUES, ...texts].flat();
  // Steps through the lists so that every part of the corpus has some of everything; 37 divides none of their lengths.
  return Array.from({ length: count }, (_, i) => {
    const text = all[(i * 37) % all.length] as string;
    const voice = VOICES[i % VOICES.length] as readonly string[];
    return { voice: voice.slice(0, 2).join(" "), text, pcm: speak(voice, text, i) };
  });
}

async function sentences(name: string): Promise<string[]> {
  const file = Bun.file(new URL(`../../test/fixtures/sentences/${name}.txt`, import.meta.url));
  return (await file.text()).trim().split("\n");
}

/** Speaks, levels and trims. */
export function speak(voice: readonly string[], text: string, turn = 0): Int16Array {
  const [program, name, speed, pitch] = voice as [string, string, string?, string?];
  const stretch = [0.9, 1, 1.15][turn % 3];
  const said =
    program === "flite"
      ? [...FLITE, "-voice", name, "--setf", `duration_stretch=${stretch}`, "-t", text]
      : ["espeak-ng", "-v", name, "-s", speed ?? "160", "-p", pitch ?? "50", "--stdout", text];
  const raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", String(RATE_HZ), "-"];
  return levelled(trimmed(madeSound(["sox", "-G", "-t", "wav", "-", ...raw], said)), LEVEL_DB);
}

/** Sum of squares of each 10 ms, divided by their number of samples. */
export function energies(pcm: Int16Array): Float64Array {
  const step = RATE_HZ / 100;
  const result = new Float64Array(Math.ceil(pcm.length / step));
  for (let i = 0; i < pcm.length; i++) result[Math.floor(i / step)]! += (pcm[i]! * pcm[i]!) / step;
  return result;
}

/** Which 10 ms hold sound of the voice. */
export function sounding(pcm: Int16Array): boolean[] {
  const levels = energies(pcm);
  const least = Math.max(...levels) / 10 ** (SOUND_BELOW_PEAK_DB / 10);
  return Array.from(levels, (level) => level > least);
}

function trimmed(pcm: Int16Array): Int16Array {
  const sound = sounding(pcm);
  const step = RATE_HZ / 100;
  return pcm.slice(sound.indexOf(true) * step, (sound.lastIndexOf(true) + 1) * step);
}

/** Root mean square over the parts with sound. */
export function activeLevel(pcm: Int16Array): number {
  const levels = energies(pcm);
  const heard = sounding(pcm);
  const loud = levels.filter((_, i) => heard[i]);
  return Math.sqrt(loud.reduce((sum, level) => sum + level, 0) / loud.length);
}

/** At another level, dB below full scale. */
export function levelled(pcm: Int16Array, levelDb: number): Int16Array {
  const factor = (32768 * 10 ** (levelDb / 20)) / activeLevel(pcm);
  return pcm.map((sample) => Math.max(-32768, Math.min(32767, Math.round(sample * factor))));
}
