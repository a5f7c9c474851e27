import { RATE_HZ } from "../../core/audio/port.ts";
import type { Talk } from "./talk.ts";

/** What goes wrong between two devices, at random times that are the same on every machine. */
export interface Disturbance {
  /** The reference, or the microphone, is all at once one or two of a sound server's quanta early or late; about so often. */
  jumpEveryS?: number;
  /** For 20 to 60 ms the reference, or the microphone, is silent; about so often. */
  dropEveryS?: number;
  seed?: number;
}

/** 256 samples at 48 kHz. */
const QUANTUM = 128;
/** Sums of jumps stay within this. */
const FARTHEST = 4 * QUANTUM;
/** Every so many jumps it is the microphone that loses or repeats samples; the others are the reference's. */
const MICROPHONE_EVERY = 4;

/** The talk with all of that in it. */
export function disturbed(talk: Talk, { jumpEveryS, dropEveryS, seed = 5 }: Disturbance): Talk {
  const random = lottery(seed);
  const pcm = new Int16Array(talk.pcm);
  const reference = new Int16Array(talk.reference);
  if (jumpEveryS !== undefined) {
    const offsets = [0, 0];
    for (const [n, from] of happenings(jumpEveryS, pcm.length, random).entries()) {
      const which = n % MICROPHONE_EVERY === MICROPHONE_EVERY - 1 ? 1 : 0;
      let step = QUANTUM * (random() < 0.5 ? 1 : 2) * (random() < 0.5 ? 1 : -1);
      if (Math.abs(offsets[which]! + step) > FARTHEST) step = -step;
      offsets[which]! += step;
      const [to, of] = which === 0 ? [reference, talk.reference] : [pcm, talk.pcm];
      for (let i = from; i < to.length; i++) to[i] = of[i - offsets[which]!] ?? 0;
    }
  }
  if (dropEveryS !== undefined)
    for (const [n, from] of happenings(dropEveryS, pcm.length, random).entries())
      (n % 2 === 0 ? reference : pcm).fill(0, from, from + Math.round((0.02 + 0.04 * random()) * RATE_HZ));
  return { ...talk, pcm, reference };
}

/** Sample positions, apart by half to one and a half times the mean. */
function happenings(everyS: number, length: number, random: () => number): number[] {
  const times: number[] = [];
  for (let at = 0; ;) {
    at += Math.round(everyS * RATE_HZ * (0.5 + random()));
    if (at >= length) return times;
    times.push(at);
  }
}

function lottery(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}
