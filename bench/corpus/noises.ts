import { RATE_HZ } from "../../core/audio/port.ts";
import { madeSound } from "./sound-cache.ts";
import { VOICES, speak } from "./utterances.ts";

/** Kinds of noise that people have around a robot, made by sox and, for the babble, of six voices at once. */
export const NOISES = ["pink", "white", "babble", "servo", "music"] as const;
/** One of {@link NOISES}. */
export type NoiseName = (typeof NOISES)[number];

const SECONDS = 30;
const BABBLE =
  "and then we went down to the river where the old mill stands and had our lunch in the shade of the trees while " +
  "the children played with the dog and nobody thought of the time until the church bell rang for the evening";

const RAW = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", String(RATE_HZ), "-"];
/** `-R` seeds sox's noise: every run hears the same. */
const synth = (...effects: string[]) =>
  madeSound(["sox", "-R", "-n", ...RAW, "synth", String(SECONDS), ...effects, "gain", "-n", "-6"]);

/** Half a minute of it, 24 kHz mono, to be repeated; its level means nothing. */
export function noise(name: NoiseName): Int16Array {
  switch (name) {
    case "pink":
      return synth("pinknoise");
    case "white":
      return synth("whitenoise");
    case "servo":
      // A whine that follows the load, with its harmonics, switched on and off five times in two seconds.
      return synth(
        ...["sawtooth", "180-420", "synth", "sine", "fmod", "7", "synth", "square", "amod", "2.5", "30"],
        ...["bandpass", "1400", "2q"],
      );
    case "music":
      return synth(
        ...["pluck", "C3", "pluck", "G3", "pluck", "E4", "synth", "sine", "fmod", "0.25", "30"],
        ...["tremolo", "2", "80", "overdrive", "6", "reverb", "40"],
      );
    case "babble":
      return babble();
  }
}

function babble(): Int16Array {
  const sum = new Float64Array(SECONDS * RATE_HZ);
  for (const [turn, voice] of VOICES.slice(0, 6).entries()) {
    const said = speak(voice, BABBLE, turn);
    const from = Math.floor((turn * said.length) / 6);
    for (let i = 0; i < sum.length; i++) sum[i]! += said[(from + i) % said.length]!;
  }
  return Int16Array.from(sum, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample / 3))));
}
