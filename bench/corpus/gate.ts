import { FRAME_SAMPLES, RATE_HZ } from "../../core/audio/port.ts";
import type { Talk } from "./talk.ts";

/** How a robot without a proven stage keeps from hearing itself: half duplex with a tail, or push-to-talk. */
export type Gate = { half_duplex_tail_ms: number } | "push_to_talk";

/** Silence within an answer is shorter than this, between two answers longer. */
const WITHIN_ANSWER_MS = 900;
/** The talk key is pressed so long before the first word, and let go so long behind the last. */
const KEY_MS = 300;

/** The microphone behind the gate: silent while the loudspeaker is at an answer, or unless somebody holds the talk key. */
export function gated(talk: Talk, gate: Gate): Int16Array {
  const open = gate === "push_to_talk" ? held(talk) : quiet(talk.reference, gate.half_duplex_tail_ms);
  return talk.pcm.map((sample, at) => (open[Math.floor(at / FRAME_SAMPLES)] ? sample : 0));
}

/** By frame: whether no answer is under way, nor was one within the tail. */
function quiet(reference: Int16Array, tailMs: number): boolean[] {
  const frames = Math.ceil(reference.length / FRAME_SAMPLES);
  const sounds = Array.from({ length: frames }, (_, frame) =>
    reference.subarray(frame * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES).some((sample) => sample !== 0),
  );
  const open = sounds.map((sound) => !sound);
  let last = -Infinity;
  for (const [frame, sound] of sounds.entries()) {
    if (sound) {
      if (frame - last <= framesOf(WITHIN_ANSWER_MS)) open.fill(false, last, frame);
      last = frame;
    } else if (frame - last <= framesOf(tailMs)) open[frame] = false;
  }
  return open;
}

/** By frame: whether somebody holds the key to say something. */
function held({ spoken, pcm }: Talk): boolean[] {
  const open = new Array<boolean>(Math.ceil(pcm.length / FRAME_SAMPLES)).fill(false);
  for (const { fromMs, toMs } of spoken)
    open.fill(true, Math.max(0, framesOf(fromMs - KEY_MS)), framesOf(toMs + KEY_MS));
  return open;
}

function framesOf(ms: number): number {
  return Math.round((ms * RATE_HZ) / 1000 / FRAME_SAMPLES);
}
