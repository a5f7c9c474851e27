import { FRAME_SAMPLES, RATE_HZ } from "../../core/audio/port.ts";
import { echoOf } from "./room-echo.ts";
import type { EchoPath } from "./room-echo.ts";
import { addRoom } from "./scene.ts";
import type { Scene, Spoken } from "./scene.ts";
import type { Utterance } from "./utterances.ts";
import { levelled, sounding, speak } from "./utterances.ts";

const ANSWERS = [
  "i am a small robot car with a camera, a loudspeaker and a distance sensor. i can drive, turn, look around and tell you what i see.",
  "the nearest thing in front of me is about one meter and twenty centimeters away. it looks like the leg of a table, and there is a chair behind it.",
  "all right, i drove forward two meters and turned to the left. there is a door in front of me now. shall i go through it, or wait here for you?",
  "i could not do that, because something is in my way. please move it, or tell me to drive around it. i will wait until you tell me what to do.",
  "today i drove eleven meters in all, took four pictures, and spoke with you for about ten minutes. my battery should last for one more hour.",
];
/** The robot's own voice, and others that a server may give it. */
const ROBOT_VOICES = [
  ["flite", "rms"],
  ["flite", "slt"],
  ["espeak-ng", "en-us+f3", "165", "60"],
];
/** Level of the robot's voice at the loudspeaker. */
const ROBOT_DB = -18;
const PAUSES_S = [2, 1, 3.5];
/** Nobody speaks over the first answers: a robot that was switched on has to hear itself once. */
const ALONE_S = 20;
const APART_S = 6;

/** A robot that talks, its echo at the microphone, and people who talk over it. */
export interface Talk extends Scene {
  /** What the loudspeaker lets out, on the microphone's clock. */
  reference: Int16Array;
}

/** `minutes` of the robot's answers in a room; `said` is spoken over them, one after the other, as long as they last. */
export function makeTalk(path: EchoPath, minutes: number, said: readonly Utterance[] = []): Talk {
  const length = Math.floor((minutes * 60 * RATE_HZ) / FRAME_SAMPLES) * FRAME_SAMPLES;
  const reference = new Int16Array(length);
  const answers = ANSWERS.map((text, i) => levelled(speak(ROBOT_VOICES[i % 3] as string[], text), ROBOT_DB));
  for (let at = RATE_HZ, i = 0; at < length; i++) {
    const answer = answers[i % answers.length]!;
    reference.set(answer.subarray(0, length - at), at);
    at += answer.length + PAUSES_S[i % 3]! * RATE_HZ;
  }
  const mix = echoOf(reference, path);
  addRoom(mix);
  const spoken: Spoken[] = [];
  let at = ALONE_S * RATE_HZ;
  for (const { pcm } of said) {
    if (at + pcm.length > length) break;
    for (let i = 0; i < pcm.length; i++) mix[at + i]! += pcm[i]!;
    const fromMs = (at * 1000) / RATE_HZ;
    spoken.push({
      ...{ noise: "none", fromMs, toMs: fromMs + (pcm.length * 1000) / RATE_HZ, sound: sounding(pcm) },
    });
    at += pcm.length + APART_S * RATE_HZ;
  }
  const pcm = Int16Array.from(mix, (sample) => Math.max(-32768, Math.min(32767, Math.round(sample))));
  return { name: `${path.delayMs} ms, ${path.echoDb} dB`, pcm, reference, spoken };
}
