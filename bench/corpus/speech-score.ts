import type { Change } from "./ears.ts";
import type { Scene, Spoken } from "./scene.ts";

/** How a detector did in a scene. */
export interface SpeechScore {
  utterances: number;
  /** None of it was taken for speech. */
  missed: number;
  /** Its beginning was not announced: the detector took the noise before it for speech already. It cannot interrupt. */
  unannounced: number;
  /** Found, but some of its words would not have been streamed: see {@link PREROLL_MS}. */
  cut: number;
  /** Beginnings that were announced where nobody spoke. */
  falseStarts: number;
  /** How long nobody spoke, and how much of that was taken for speech all the same. */
  silentMs: number;
  claimedMs: number;
  /** From the first sound to the announcement, of each that was announced. */
  latenciesMs: number[];
}

/** What was heard before a beginning is announced is streamed with it. */
export const PREROLL_MS = 300;
/** What is announced this much later than the end of an utterance still belongs to it, and speech may be claimed as long. */
const LATE_MS = 300;
/** A detector may be so much ahead of the first sound: noise made it think. */
const EARLY_MS = 40;
/** So much of a word may be lost before it is cut. */
const UNHEARD_MS = 60;

/** Holds what was announced against what was said. */
export function scoreSpeech(scene: Scene, changes: readonly Change[], spoken = scene.spoken): SpeechScore {
  const intervals = speechIntervals(changes);
  const score: SpeechScore = {
    ...{ utterances: spoken.length, missed: 0, unannounced: 0, cut: 0, falseStarts: 0 },
    ...{ silentMs: 0, claimedMs: 0, latenciesMs: [] },
  };
  for (const one of spoken) {
    const found = intervals.filter(({ fromMs, toMs }) => fromMs <= one.toMs && toMs >= one.fromMs);
    const announced = found.find(({ fromMs }) => fromMs >= one.fromMs - EARLY_MS);
    if (found.length === 0) score.missed++;
    else if (!announced) score.unannounced++;
    else score.latenciesMs.push(Math.max(0, announced.fromMs - one.fromMs));
    if (found.length > 0 && unheardMs(one, intervals) > UNHEARD_MS) score.cut++;
    const silence = silenceBefore(scene, one);
    score.silentMs += silence.toMs - silence.fromMs;
    for (const { fromMs, toMs } of intervals) {
      score.claimedMs += Math.max(0, Math.min(toMs, silence.toMs) - Math.max(fromMs, silence.fromMs));
      if (fromMs >= silence.fromMs && fromMs < silence.toMs) score.falseStarts++;
    }
  }
  return score;
}

function speechIntervals(changes: readonly Change[]): { fromMs: number; toMs: number }[] {
  return changes
    .filter(({ kind }) => kind === "started")
    .map(({ atMs }) => ({
      fromMs: atMs,
      toMs: changes.find((change) => change.kind === "stopped" && change.atMs > atMs)?.atMs ?? Infinity,
    }));
}

/** How much of its sound lies outside what would be streamed. */
function unheardMs(one: Spoken, intervals: readonly { fromMs: number; toMs: number }[]): number {
  return (
    10 *
    one.sound.filter((sound, i) => {
      const atMs = one.fromMs + i * 10;
      return sound && !intervals.some(({ fromMs, toMs }) => atMs >= fromMs - PREROLL_MS && atMs < toMs);
    }).length
  );
}

/** When nobody spoke before it. A detector may take a while to notice an end. */
function silenceBefore(scene: Scene, one: Spoken): { fromMs: number; toMs: number } {
  const before = scene.spoken[scene.spoken.indexOf(one) - 1];
  return { fromMs: before ? before.toMs + 2 * LATE_MS : 0, toMs: one.fromMs - EARLY_MS };
}

/** Adds scores up. */
export function sumScores(scores: readonly SpeechScore[]): SpeechScore {
  const sum = (key: Exclude<keyof SpeechScore, "latenciesMs">) =>
    scores.reduce((total, score) => total + score[key], 0);
  return {
    ...{ utterances: sum("utterances"), missed: sum("missed"), unannounced: sum("unannounced") },
    ...{ cut: sum("cut"), falseStarts: sum("falseStarts") },
    ...{ silentMs: sum("silentMs"), claimedMs: sum("claimedMs") },
    latenciesMs: scores.flatMap(({ latenciesMs }) => latenciesMs),
  };
}
