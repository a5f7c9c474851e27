import { FRAME_MS, FRAME_SAMPLES } from "../../core/audio/port.ts";
import { Vad } from "../../plugins/brain-local/vad.ts";
import { disturbed } from "./disturbed.ts";
import type { Disturbance } from "./disturbed.ts";
import { Ears } from "./ears.ts";
import type { Change, EarPlugin } from "./ears.ts";
import { gated } from "./gate.ts";
import type { Gate } from "./gate.ts";
import type { EchoPath } from "./room-echo.ts";
import { scoreSpeech, sumScores } from "./speech-score.ts";
import type { SpeechScore } from "./speech-score.ts";
import { makeTalk } from "./talk.ts";
import type { Talk } from "./talk.ts";
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
  /** What goes wrong between the devices. */
  disturbance?: Disturbance | undefined;
}

/** A server's voice detector behind the chain, beside the plugins: energy, at the default threshold. */
export const SERVER = "server";
const SERVER_VAD = { threshold: 0.5, silenceMs: 500 };

/** Runs the robot's talk through the stages and all detectors at once. */
export async function measureEcho(
  stages: readonly EarPlugin[],
  vads: readonly string[],
  { rooms, minutesAlone, minutesOver, said, gate, disturbance = {} }: EchoSetting,
): Promise<EchoScore[]> {
  const scores = vads.map((vad) => ({ vad, self: 0, parts: [] as SpeechScore[] }));
  const reports: Record<string, unknown>[] = [];
  const plugins = [...stages, ...vads.filter((vad) => vad !== SERVER).map((use) => ({ use }))];
  for (const room of rooms) {
    const alone = disturbed(makeTalk(room, minutesAlone), disturbance);
    const first = await Ears.open(plugins);
    const heard = hearAll(first, alone, gate);
    for (const score of scores)
      score.self += heard(score.vad).filter(({ kind }) => kind === "started").length;
    if (stages[0]) reports.push(first.report(stages[0].use));
    await first.close();
    if (minutesOver === 0) continue;
    const over = disturbed(makeTalk(room, minutesOver, said), disturbance);
    const second = await Ears.open(plugins);
    const heardOver = hearAll(second, over, gate);
    for (const score of scores) score.parts.push(scoreSpeech(over, heardOver(score.vad)));
    await second.close();
  }
  const minutes = minutesAlone * rooms.length;
  return scores.map(({ vad, self, parts }) => ({
    ...{ vad, selfInterruptions: self, minutes, interruptions: sumScores(parts), reports },
  }));
}

/** All of a talk; answers what each detector announced, the server's among them. */
function hearAll(ears: Ears, talk: Talk, gate: Gate | undefined): (vad: string) => readonly Change[] {
  const pcm = gate ? gated(talk, gate) : talk.pcm;
  const server = new Vad(SERVER_VAD);
  const changes: Change[] = [];
  for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES) {
    ears.hear(pcm.subarray(at, at + FRAME_SAMPLES), talk.reference.subarray(at, at + FRAME_SAMPLES));
    const kind = server.process(ears.heard);
    const atMs = (at / FRAME_SAMPLES + 1) * FRAME_MS;
    if (kind) changes.push({ kind, atMs, speechAtMs: atMs });
  }
  return (vad) => (vad === SERVER ? changes : ears.changes(vad));
}
