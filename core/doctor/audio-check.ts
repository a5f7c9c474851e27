import { FRAME_SAMPLES, RATE_HZ } from "../audio/port.ts";
import type { Robot } from "../runtime.ts";
import {
  clippedShare,
  delayUnsteady,
  echoDelay,
  echoLevels,
  echoTailMs,
  levelDb,
  withoutNoise,
} from "./echo-path.ts";
import { Recording } from "./recording.ts";
import { serverStarts } from "./server-ear.ts";
import { artificialVoice, sweep } from "./test-signals.ts";

const NOISE_MS = 1500;
/** After a signal, for its echo to arrive and to die away. */
const AFTER_MS = 1000;
/** So often a voice speaks so long: as many answers, and between them the loudspeaker begins anew as after an interruption. */
const VOICES = 3;
const VOICE_S = 7;
/** For that the loudspeaker is given so much silence, which is taken back soon. */
const TAKEN_BACK_MS = 400;
const TAKE_BACK_AFTER_MS = 100;
const RECORD_LIMIT_S = 60;
/** An echo canceller has settled after so much of the voices. */
const SETTLED_SHARE = 0.5;
const FRAMES_LIMIT_MS = 3000;

/** What was measured of a microphone and a loudspeaker. Levels are dB of full scale. */
export interface AudioFigures {
  microphone: string;
  loudspeaker: string;
  /** False where there is no microphone, or it gives nothing. */
  hears: boolean;
  /** False where there is no loudspeaker. */
  speaks: boolean;
  /** False where the two do not share a room: simulated ones, a headphone. */
  acoustic: boolean;
  /** What deals with the echo; "" for nothing. */
  stage: string;
  noiseDb: number;
  playedDb: number;
  heardDb: number;
  clippedShare: number;
  /** How much the recording is like the sweep, 0 to 1. */
  likeness: number;
  delayMs: number;
  tailMs: number;
  /** The echo against what was played. */
  echoDb: number;
  /** What is left of the robot's voice after the listening chain, and by how much that is less. */
  residualDb: number;
  erleDb: number;
  /** How often a voice detector of the robot took the robot for a person; null without one. */
  falseStarts: number | null;
  /** How often a server that detects voices by their energy, at its default threshold of 0.5, would have. */
  serverStarts: number;
  /** For how much of the time in which the echo is heard it is not where it mostly is, 0 to 1. */
  unsteadyShare: number | null;
}

/**
 * Plays a sweep and voices through the robot's loudspeaker and measures what its microphone makes of them, some 28 s. The robot
 * must run with `audio.echo = "open"`. `voices` are PCM16 24 kHz mono.
 */
export async function checkAudio(
  robot: Robot,
  voices: readonly Int16Array[] = answers(),
): Promise<AudioFigures> {
  const { audio, bus } = robot;
  const recording = new Recording(audio.port, RECORD_LIMIT_S);
  try {
    const speaks = audio.counters()["playback_open"] === true;
    const hears = await hasFrames(recording);
    await Bun.sleep(NOISE_MS);
    const noise = [0, recording.length] as const;
    const swept = await play(robot, recording, sweep());
    let starts = 0;
    const undo = bus.on("user.speech_started", ({ source }) => void (source === "local" && starts++));
    const spokenFrom = recording.length;
    for (const [i, voice] of audio.acoustic ? voices.entries() : []) {
      if (i > 0) await interrupt(robot, `doctor ${i}`);
      await play(robot, recording, voice);
    }
    const spoken = [spokenFrom, recording.length] as const;
    undo();
    const { heard, played, cleaned } = recording;
    const noiseDb = levelDb(heard, ...noise);
    const part = (pcm: Int16Array, [from, to]: readonly [number, number]) => pcm.subarray(from, to);
    const { delayMs, likeness } = echoDelay(part(heard, swept), part(played, swept));
    const loud = echoLevels(part(heard, swept), part(cleaned, swept), part(played, swept), delayMs);
    const from = Math.round(spoken[0] + (spoken[1] - spoken[0]) * SETTLED_SHARE);
    const settled = [from, spoken[1]] as const;
    const voiced = echoLevels(part(heard, settled), part(cleaned, settled), part(played, settled), delayMs);
    return {
      ...audio.deviceNames,
      hears,
      speaks,
      acoustic: audio.acoustic,
      stage: audio.echoStages,
      noiseDb,
      playedDb: loud.playedDb,
      heardDb: loud.heardDb,
      clippedShare: clippedShare(part(heard, [swept[0], spoken[1]])),
      likeness,
      delayMs,
      tailMs: echoTailMs(part(heard, swept), part(played, swept), noiseDb),
      echoDb: withoutNoise(loud.heardDb, noiseDb) - loud.playedDb,
      residualDb: voiced.cleanedDb,
      erleDb: voiced.heardDb - voiced.cleanedDb,
      falseStarts: hasVoiceDetector(robot) ? starts : null,
      serverStarts: serverStarts(cleaned.subarray(0, spoken[1])).filter(
        (frame) => frame * FRAME_SAMPLES >= swept[0],
      ).length,
      unsteadyShare: delayUnsteady(part(heard, spoken), part(played, spoken)),
    };
  } finally {
    recording.close();
  }
}

async function hasFrames(recording: Recording): Promise<boolean> {
  const endMs = performance.now() + FRAMES_LIMIT_MS;
  while (recording.length === 0 && performance.now() < endMs) await Bun.sleep(20);
  return recording.length > 0;
}

/** Plays to the end and waits for the echo; answers where in the recording that was. */
async function play(robot: Robot, recording: Recording, pcm: Int16Array): Promise<readonly [number, number]> {
  const from = recording.length;
  // Without a loudspeaker a sound counts as played at once.
  const started = performance.now();
  await robot.audio.port.playSound(pcm);
  const lastsMs = (pcm.length * 1000) / RATE_HZ;
  await Bun.sleep(Math.max(0, lastsMs - (performance.now() - started)) + AFTER_MS);
  return [from, recording.length] as const;
}

/** What the loudspeaker holds is taken back, as when somebody speaks over the robot. */
async function interrupt({ audio: { playback } }: Robot, itemId: string): Promise<void> {
  playback.write(itemId, new Int16Array((TAKEN_BACK_MS * RATE_HZ) / 1000));
  await Bun.sleep(TAKE_BACK_AFTER_MS);
  playback.flush();
}

function answers(): Int16Array[] {
  const voice = artificialVoice(VOICES * VOICE_S);
  const length = VOICE_S * RATE_HZ;
  return Array.from({ length: VOICES }, (_, i) => voice.subarray(i * length, (i + 1) * length));
}

function hasVoiceDetector(robot: Robot): boolean {
  return robot.report().plugins.some(({ use, state }) => use.startsWith("vad-") && state === "ready");
}
