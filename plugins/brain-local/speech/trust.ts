import { phoneOf } from "./phone-loop.ts";
import type { Segment } from "./sphinx-decoder.ts";

/** A sentence as it was heard along the grammar, beside the phones that were heard without one. */
export interface Evidence {
  /** Segments of the grammar's best sentence, silences included. */
  sentence: readonly Segment[];
  /** Segments of the phone loop over the same audio. */
  phones: readonly Segment[];
  /** Phones of the dictionary entry that a segment names; undefined for silence and noise. */
  soundsOf: (word: string) => readonly string[] | undefined;
}

/** How badly a sentence explains the sound. */
export interface Misfit {
  /** How much better per 10 ms frame the free phones explain the sound, in the decoder's log units. */
  overall: number;
  /** The same over the worst 300 ms. */
  worst: number;
  /** Part of the phones that differ from those of the sentence, 0 to 1. */
  different: number;
  /** Phones too many or too few, as a part of those of the sentence. */
  miscount: number;
  /** Frames per phone of the most hurried word, {@link UNHURRIED} at most: a word that was not said is squeezed in. */
  pace: number;
  /** Frames per phone beyond {@link UNDRAGGED}: few words stretched over much sound. */
  dragged: number;
}

/** Frames of 10 ms per phone from which on a word is not hurried, and up to which a sentence is not dragged. */
const UNHURRIED = 8;
const UNDRAGGED = 12;

/**
 * Weights of a logistic regression over spoken commands and other sentences; how they were found and what they give is in
 * docs/offline-voice.md. `bun run bench rejection` measures them.
 */
const WEIGHTS: Misfit = {
  overall: -0.1406,
  worst: -0.2482,
  different: -17.29,
  miscount: -1.971,
  pace: 0.9168,
  dragged: -0.2176,
};
const BIAS = 17.05;

/** 0 to 1: how likely the sentence was said, given a command or something else entirely; from 0.5 on it is believed. */
export function confidenceOf(misfit: Misfit): number {
  let sum = BIAS;
  for (const name of Object.keys(WEIGHTS) as (keyof Misfit)[]) sum += WEIGHTS[name] * misfit[name];
  return 1 / (1 + Math.exp(-sum));
}

/** Frames of 10 ms. */
const WORST_FRAMES = 30;

/** Compares what the grammar heard with what was to be heard; null when one of them is empty. */
export function misfitOf({ sentence, phones, soundsOf }: Evidence): Misfit | null {
  const expected: string[] = [];
  let pace = UNHURRIED;
  let spokenFrames = 0;
  for (const { word, startFrame, endFrame } of sentence) {
    const sounds = soundsOf(word);
    if (!sounds) continue;
    const frames = endFrame - startFrame + 1;
    expected.push(...sounds);
    spokenFrames += frames;
    pace = Math.min(pace, frames / sounds.length);
  }
  const heard = phones.flatMap((segment) => phoneOf(segment) ?? []);
  if (expected.length === 0 || heard.length === 0) return null;
  const along = scoreFrames(sentence, (word) => soundsOf(word) !== undefined);
  const free = scoreFrames(phones, (_, segment) => phoneOf(segment) !== null);
  const frames = Math.max(along.scores.length, free.scores.length);
  const gaps = new Float64Array(frames);
  let sum = 0;
  let sounding = 0;
  for (let at = 0; at < frames; at++) {
    if (!along.sounding[at] && !free.sounding[at]) continue;
    gaps[at] = (free.scores[at] ?? 0) - (along.scores[at] ?? 0);
    sum += gaps[at]!;
    sounding++;
  }
  return {
    overall: sum / sounding,
    worst: worstMean(gaps, WORST_FRAMES),
    different: distance(expected, heard) / Math.max(expected.length, heard.length),
    miscount: Math.abs(heard.length - expected.length) / expected.length,
    pace,
    dragged: Math.max(0, spokenFrames / expected.length - UNDRAGGED),
  };
}

/** Scores per frame from the start of the utterance, and whether a frame is speech. */
function scoreFrames(
  segments: readonly Segment[],
  sounds: (word: string, segment: Segment) => boolean,
): { scores: Float64Array; sounding: boolean[] } {
  const first = segments[0]?.startFrame ?? 0;
  const length = (segments.at(-1)?.endFrame ?? first - 1) - first + 1;
  const scores = new Float64Array(length);
  const sounding: boolean[] = Array.from({ length }, () => false);
  for (const segment of segments) {
    const count = segment.endFrame - segment.startFrame + 1;
    const speech = sounds(segment.word, segment);
    for (let frame = segment.startFrame; frame <= segment.endFrame; frame++) {
      scores[frame - first] = segment.score / count;
      sounding[frame - first] = speech;
    }
  }
  return { scores, sounding };
}

/** The largest mean over `length` neighbours; the mean of all where there are fewer. */
function worstMean(values: Float64Array, length: number): number {
  const span = Math.min(length, values.length);
  let sum = 0;
  let most = -Infinity;
  for (let at = 0; at < values.length; at++) {
    sum += values[at]! - (at >= span ? values[at - span]! : 0);
    if (at >= span - 1) most = Math.max(most, sum / span);
  }
  return most;
}

/** Levenshtein distance. */
function distance(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [index, one] of a.entries()) {
    const next = [index + 1];
    for (const [at, other] of b.entries()) {
      next.push(Math.min(row[at + 1]! + 1, next[at]! + 1, row[at]! + (one === other ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
