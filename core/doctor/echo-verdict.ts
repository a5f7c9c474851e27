import type { AudioFigures } from "./audio-check.ts";
import { commandText } from "./command-text.ts";

/** Below this likeness to the sweep there is no echo in the recording. */
const LIKE = 0.05;
/** An echo is so much above the noise. */
const ABOVE_NOISE_DB = 6;
const MOST_CLIPPED = 0.001;
/** Longer than this no stage of ours waits for an echo. */
const LATEST_MS = 400;
/** For so much of the time the echo may come at another time than usual: a canceller that is surprised is silent for a while. */
const MOST_UNSTEADY = 0.25;
/** Without a voice detector, how loud what is left of the robot's voice may be. */
const MOST_RESIDUAL_DB = -50;
/** Half duplex lasts longer than the measured tail by this. */
const TAIL_MARGIN_MS = 100;
const LEAST_TAIL_MS = 200;

/** What follows from the figures. */
export interface EchoVerdict {
  /** The robot may listen while it speaks. Only this pair of devices, and only with the stage it was measured with. */
  proven: boolean;
  /** What the robot does about its echo with `[audio] echo = "auto"`. */
  rung: "open" | "cancelled" | "half_duplex" | "push_to_talk";
  /** For half duplex. */
  tailMs: number;
  /** Why it is not proven, and what to do; empty where it is. */
  reasons: string[];
}

/** Fails closed: whatever was not measured to be good is half duplex, and what was not measured at all is push-to-talk. */
export function echoVerdict(figures: AudioFigures): EchoVerdict {
  const reasons = [...deviceFaults(figures)];
  const { acoustic, hears, speaks } = figures;
  if (hears && speaks && !acoustic) return { proven: true, rung: "open", tailMs: LEAST_TAIL_MS, reasons: [] };
  const heard =
    hears && speaks && figures.likeness >= LIKE && figures.heardDb >= figures.noiseDb + ABOVE_NOISE_DB;
  if (reasons.length === 0 && !heard)
    reasons.push(
      'the loudspeaker is not heard: turn it up, or set [audio] echo = "open" yourself if it is a headphone',
    );
  if (heard) reasons.push(...echoFaults(figures));
  const tailMs = Math.max(LEAST_TAIL_MS, Math.ceil((figures.tailMs + TAIL_MARGIN_MS) / 50) * 50);
  const proven = reasons.length === 0;
  const rung = proven ? "cancelled" : heard ? "half_duplex" : "push_to_talk";
  return { proven, rung, tailMs, reasons };
}

function* deviceFaults({ hears, speaks, acoustic, noiseDb, likeness }: AudioFigures): Generator<string> {
  if (!speaks) yield `there is no loudspeaker: see [plugins.speaker] and: ${commandText("start --check")}`;
  if (!hears) yield `there is no microphone: see [plugins.mic] and: ${commandText("start --check")}`;
  else if (acoustic && noiseDb <= -99 && likeness < LIKE)
    yield "the microphone gives nothing but zeros: is it muted?";
}

function* echoFaults(figures: AudioFigures): Generator<string> {
  if (figures.clippedShare > MOST_CLIPPED)
    yield `${(figures.clippedShare * 100).toFixed(1)} % of the samples are clipped: turn the loudspeaker or the microphone down`;
  if (figures.delayMs > LATEST_MS)
    yield `the echo comes ${Math.round(figures.delayMs)} ms late: make the devices' buffers shorter`;
  if (figures.microphone === "")
    yield "the microphone has no name of its own: give [plugins.mic] device that of its card";
  if (figures.loudspeaker === "")
    yield "the loudspeaker has no name of its own: give [plugins.speaker] device that of its card";
  if (figures.stage === "")
    yield 'nothing takes the echo away: add [plugins.echo] with use = "aec-speex" or "echo-doubletalk"';
  else if (figures.falseStarts === null && figures.residualDb > MOST_RESIDUAL_DB)
    yield `${Math.round(figures.residualDb)} dB of the robot's voice are left: too loud to listen while it speaks`;
  else if (figures.falseStarts !== null && figures.falseStarts > 0)
    yield `the robot took itself for a person ${times(figures.falseStarts)} in a few sentences`;
  if (figures.stage !== "" && figures.serverStarts > 0)
    yield `a server's voice detector would take the robot for a person ${times(figures.serverStarts)} in a few sentences`;
  if (figures.unsteadyShare === null)
    yield "the robot's voice can not be recognised in its echo often enough to say when it comes: turn the loudspeaker up, or the noise off";
  else if (figures.unsteadyShare > MOST_UNSTEADY)
    yield `the echo comes sooner or later than usual ${Math.round(figures.unsteadyShare * 100)} % of the time: the computer is too busy, or the sound server's buffers wander; on a sound server its own echo canceller can help (docs/audio-devices.md)`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
