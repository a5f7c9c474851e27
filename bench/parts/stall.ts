import { COUNTING_DEVICES, countUp, nextCount } from "../devices/counting-devices.ts";
import type { CaseOptions, Measures, Part } from "../part.ts";

const STALL_MS = 200;
const EVERY_MS = 1000;
const SHORT_S = 10;
const LONG_S = 60;
/** A server speaks faster than is spoken: so much is there before it is due. */
const AHEAD_S = 1;
const FRAME_MS = 20;
const SAMPLES_PER_MS = 24;
/** What a device holds that the main loop fills by itself: the buffer of the real ones. */
const DEVICE_MS = 60;

/** The main loop, which stands still for 200 ms in every second, does `second` in each. */
async function stalled(options: CaseOptions, second: (n: number) => void): Promise<void> {
  const seconds = options.long ? LONG_S : SHORT_S;
  const startMs = performance.now();
  for (let n = 0; n < seconds; n++) {
    second(n);
    await Bun.sleep(Math.max(0, startMs + n * EVERY_MS + EVERY_MS - STALL_MS - performance.now()));
    const untilMs = performance.now() + STALL_MS;
    while (performance.now() < untilMs);
  }
}

/** A robot that hears and speaks; a server sends it each second of speech at once. */
async function myna(options: CaseOptions): Promise<Measures> {
  const { AudioEngine } = await import("../../core/audio/engine.ts");
  const engine = new AudioEngine();
  const breaks = new SharedArrayBuffer(4);
  let lost = 0;
  let last = 0;
  engine.capture.onFrame((frame) => {
    for (const sample of frame) {
      if (last !== 0 && sample !== nextCount(last)) lost++;
      last = sample;
    }
  });
  await engine.port.openCapture({ module: COUNTING_DEVICES, options: {} });
  await engine.port.openPlayback({ module: COUNTING_DEVICES, options: { memory: breaks } });
  const perSecond = EVERY_MS * SAMPLES_PER_MS;
  const speech = countUp(((options.long ? LONG_S : SHORT_S) + AHEAD_S) * perSecond);
  const say = (second: number) =>
    engine.playback.write("item", speech.subarray(second * perSecond, (second + 1) * perSecond));
  for (let second = 0; second < AHEAD_S; second++) say(second);
  await stalled(options, (n) => say(n + AHEAD_S));
  // Before the end of the speech, which is no break.
  const clicks = Atomics.load(new Int32Array(breaks), 0);
  const captured = engine.counters()["captured_frames"] as number;
  await engine.close();
  if (captured < (0.7 * speech.length) / (FRAME_MS * SAMPLES_PER_MS))
    throw new Error("Too little was heard.");
  return { lost, clicks };
}

/** A loop that gives a device of 60 ms its periods from the main thread: how often the device runs dry. */
async function mainLoop(options: CaseOptions): Promise<Measures> {
  let givenMs = 0;
  let clicks = 0;
  let lost = 0;
  let startMs = performance.now();
  const timer = setInterval(() => {
    const playedMs = performance.now() - startMs;
    if (playedMs > givenMs) {
      if (givenMs > 0) clicks++;
      // A microphone of the same size has lost what did not fit.
      lost += Math.max(0, Math.round((playedMs - givenMs) * SAMPLES_PER_MS));
      startMs += playedMs - givenMs;
    }
    while (givenMs < performance.now() - startMs + DEVICE_MS) givenMs += FRAME_MS;
  }, FRAME_MS / 4);
  await stalled(options, () => {});
  clearInterval(timer);
  return { lost, clicks };
}

/** The main loop stands still for 200 ms every second, for ten seconds (a minute with --long). */
export const part: Part = {
  rounds: 1,
  limitS: 120,
  sideBySide: true,
  rows: [
    {
      name: "stall_lost",
      title: "samples of the microphone lost while the main loop stands still for 200 ms every second",
      unit: "samples",
      metric: "lost",
      peers: ["main loop"],
      ours: "myna",
      across: "worst",
      goals: [{ kind: "at_most", most: 0 }],
    },
    {
      name: "stall_clicks",
      title: "breaks in what the loudspeaker plays meanwhile",
      unit: "times",
      metric: "clicks",
      peers: ["main loop"],
      ours: "myna",
      across: "worst",
      goals: [{ kind: "at_most", most: 0 }],
    },
  ],
  cases: { "main loop": mainLoop, myna },
};
