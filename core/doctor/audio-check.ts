import { RATE_HZ } from "../audio/port.ts";
import type { Robot } from "../runtime.ts";
import { clippedShare, echoDelay, echoLevels, echoTailMs, levelDb, withoutNoise } from "./echo-path.ts";
import { Recording } from "./recording.ts";
import { artificialVoice, sweep } from "./test-signals.ts";

const NOISE_MS = 1500;
/** After a signal, for its echo to arrive and to die away. */
const AFTER_MS = 1000;
const VOICE_S = 8;
/** An echo canceller has settled after so much of the voice. */
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
}

/**
 * Plays a sweep and a voice through the robot's loudspeaker and measures what its microphone makes of them, some 13 s. The robot
 * must run with `audio.echo = "open"`. `voice` is PCM16 24 kHz mono.
 */
export async function checkAudio(
  robot: Robot,
  voice: Int16Array = artificialVoice(VOICE_S),
): Promise<AudioFigures> {
  const { audio, bus } = robot;
  const recording = new Recording(audio.port);
  try {
    const speaks = audio.counters()["playback_open"] === true;
    const hears = await hasFrames(recording);
    await Bun.sleep(NOISE_MS);
    const noise = [0, recording.length] as const;
    const swept = await play(robot, recording, sweep());
    let starts = 0;
    const undo = bus.on("user.speech_started", ({ source }) => void (source === "local" && starts++));
    const spoken = await play(robot, recording, voice);
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

function hasVoiceDetector(robot: Robot): boolean {
  return robot.report().plugins.some(({ use, state }) => use.startsWith("vad-") && state === "ready");
}
