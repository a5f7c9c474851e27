import { Ears } from "./ears.ts";
import type { EarPlugin } from "./ears.ts";
import { gated } from "./gate.ts";
import type { Gate } from "./gate.ts";
import type { EchoPath } from "./room-echo.ts";
import { scoreSpeech, sumScores } from "./speech-score.ts";
import type { SpeechScore } from "./speech-score.ts";
import { makeTalk } from "./talk.ts";
import type { Utterance } from "./utterances.ts";

/** How a stage against the echo and a detector behind it did. */
export interface EchoScore {
  vad: string;
  /** While the robot talked and nobody else did: beginnings of speech that were announced. */
  selfInterruptions: number;
  minutes: number;
  /** People who talked over the robot. */
  interruptions: SpeechScore;
  /** What the stage said of itself at the end, for each room. */
  reports: Record<string, unknown>[];
}

/** How long the robot talks, in each room. */
export interface EchoSetting {
  rooms: readonly EchoPath[];
  /** Alone, and with people who talk over it. */
  minutesAlone: number;
  minutesOver: number;
  /** What those people say. */
  said: readonly Utterance[];
  /** What is in front of the detectors in place of a stage. */
  gate?: Gate | undefined;
}

/** Runs the robot's talk through the stages and all detectors at once. */
export async function measureEcho(
  stages: readonly EarPlugin[],
  vads: readonly string[],
  { rooms, minutesAlone, minutesOver, said, gate }: EchoSetting,
): Promise<EchoScore[]> {
  const scores = vads.map((vad) => ({ vad, self: 0, parts: [] as SpeechScore[] }));
  const reports: Record<string, unknown>[] = [];
  const plugins = [...stages, ...vads.map((use) => ({ use }))];
  for (const room of rooms) {
    const alone = makeTalk(room, minutesAlone);
    const first = await Ears.open(plugins);
    first.hearAll(gate ? gated(alone, gate) : alone.pcm, alone.reference);
    for (const score of scores)
      score.self += first.changes(score.vad).filter(({ kind }) => kind === "started").length;
    if (stages[0]) reports.push(first.report(stages[0].use));
    await first.close();
    if (minutesOver === 0) continue;
    const over = makeTalk(room, minutesOver, said);
    const second = await Ears.open(plugins);
    second.hearAll(gate ? gated(over, gate) : over.pcm, over.reference);
    for (const score of scores) score.parts.push(scoreSpeech(over, second.changes(score.vad)));
    await second.close();
  }
  const minutes = minutesAlone * rooms.length;
  return scores.map(({ vad, self, parts }) => ({
    ...{ vad, selfInterruptions: self, minutes, interruptions: sumScores(parts), reports },
  }));
}
