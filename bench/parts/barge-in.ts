import type { Robot } from "../../core/runtime.ts";
import { PROBE_LOUDSPEAKER, ProbeLog } from "../devices/probe-loudspeaker.ts";
import { PROBE_MICROPHONE, ProbeSpeech } from "../devices/probe-microphone.ts";
import { startDesktopSim, until } from "../fixtures/desktop-sim.ts";
import { INTERRUPTIONS, SILENT_MS, onset } from "../fixtures/interruptions.ts";
import type { Measures, Part, Row } from "../part.ts";
import { percentile } from "../stopwatch.ts";

const SAMPLES_PER_MS = 24;
const FRAME_SAMPLES = 480;
const QUESTION = "what can you do";
/** Let it talk this long first, and longer each time by what is not a multiple of a frame. */
const TALK_MS = 700;
const TALK_STEP_MS = 47;
/** An answer begins sooner than that after the end of speech. */
const REST_MS = 1200;
const WAIT_MS = 15_000;
const SLOWEST_MS = 120;

/** When the loudspeaker fell silent for good after `fromMs`; null while it has not. */
function silentSince(log: ProbeLog, fromIndex: number, fromMs: number): number | null {
  let silentMs: number | null = null;
  for (let i = fromIndex; i < log.length; i++) {
    const entry = log.at(i);
    if (entry.kind === "drop" && entry.atMs >= fromMs) silentMs ??= entry.atMs;
    else if (silentMs !== null && entry.audibleUntilMs !== null && entry.heardFromMs < silentMs + SILENT_MS)
      silentMs = entry.audibleUntilMs;
  }
  return silentMs;
}

async function measure(vad: "vad-energy" | "vad-silero"): Promise<Measures> {
  const robot = await startDesktopSim(`plugins.vad.use=${vad}`);
  const speech = ProbeSpeech.create();
  const log = ProbeLog.create(60_000);
  const microphone = { module: PROBE_MICROPHONE, options: { memory: speech.memory } };
  const loudspeaker = { module: PROBE_LOUDSPEAKER, options: { memory: log.memory } };
  await Promise.all([robot.audio.port.openCapture(microphone), robot.audio.port.openPlayback(loudspeaker)]);
  let playing = 0;
  robot.bus.on("playback.started", () => void playing++);
  const tookMs: number[] = [];
  for (const [i, words] of INTERRUPTIONS.entries()) {
    const spoken = await robot.services.handle("speech").synthesize(words, "slt");
    // Speech does not wait for the device's period to begin.
    const lead = (i * 199) % FRAME_SAMPLES;
    const pcm = new Int16Array(lead + spoken.length);
    pcm.set(spoken, lead);
    const before = playing;
    robot.session.port.sendText(QUESTION);
    await until(() => playing > before, WAIT_MS, "the robot to talk");
    await Bun.sleep(TALK_MS + i * TALK_STEP_MS);
    if (!robot.audio.port.speaking()) throw new Error("The answer was too short to be interrupted.");
    const from = log.length;
    speech.say(pcm);
    await until(() => speech.startedAtMs[0]! > 0, WAIT_MS, "the microphone to hear");
    const startMs = speech.startedAtMs[0]! + onset(pcm) / SAMPLES_PER_MS;
    await until(() => silentSince(log, from, startMs) !== null, WAIT_MS, `silence after "${words}"`);
    await Bun.sleep(SILENT_MS);
    tookMs.push(silentSince(log, from, startMs)! - startMs);
    await until(() => speech.said, WAIT_MS, "the end of the interruption");
    await quiet(robot);
  }
  await robot.stop("measured");
  return { median_ms: percentile(tookMs, 50), max_ms: Math.max(...tookMs) };
}

/** Ends whatever the robot answers to an interruption. */
async function quiet(robot: Robot): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  for (let quietMs = performance.now(); performance.now() - quietMs < REST_MS; await Bun.sleep(20)) {
    if (performance.now() > endMs) throw new Error("The robot does not stop talking.");
    if (!robot.audio.port.speaking()) continue;
    robot.session.port.interrupt();
    quietMs = performance.now();
  }
}

function rows(vad: "energy" | "silero", mostMs: number): Row[] {
  const title = `first sample of speech over the talking robot to silence at its loudspeaker, vad-${vad}`;
  const row = { unit: "ms", limit: 40, peers: [], ours: vad } as const;
  return [
    {
      ...row,
      name: vad === "energy" ? "barge_in" : `barge_in_${vad}`,
      title: `${title}, median`,
      metric: "median_ms",
      across: "median",
      goals: [{ kind: "at_most", most: mostMs }],
    },
    {
      ...row,
      name: vad === "energy" ? "barge_in_max" : `barge_in_${vad}_max`,
      title: `${title}, slowest`,
      metric: "max_ms",
      across: "worst",
      goals: [{ kind: "at_most", most: SLOWEST_MS }],
    },
  ];
}

/** The limit is what vad-energy must hear: three frames with sound, of which the first may begin with its last sample. */
export const part: Part = {
  // An odd number: of two, the median would be the better one.
  rounds: 3,
  limitS: 180,
  rows: [...rows("energy", 60), ...rows("silero", 90)],
  cases: { energy: () => measure("vad-energy"), silero: () => measure("vad-silero") },
};
