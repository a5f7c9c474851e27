import { PROBE_LOUDSPEAKER, ProbeLog } from "../devices/probe-loudspeaker.ts";
import { burnMainLoop } from "../fixtures/burn.ts";
import type { TickJob } from "../fixtures/tick-thread.ts";
import { noise } from "../fixtures/sound.ts";
import type { CaseOptions, Measures, Part } from "../part.ts";
import { percentile } from "../stopwatch.ts";

const PERIOD_MS = 20;
const LONG_MS = 600_000;
/** Short form: enough for a 99th percentile of 500 periods in each round. */
const SHORT_MS = 10_000;
const COMPARED_MS = 4000;
/** Busy 30 of every 35 ms; in the long form 30 of 120, for the sake of who shares the machine. */
const REST_MS = 5;
const LONG_REST_MS = 90;
const SAMPLES_PER_MS = 24;
const SPOKEN_MS = 4000;
/** Pieces of speech queued at the start: the timer that brings more is not punctual. */
const SPOKEN_AHEAD = 4;
/** What the device still has queued when a period is due. */
const DEVICE_QUEUE_MS = PERIOD_MS;
/** The device takes its first periods at once, to fill its queue. */
const QUEUED_PERIODS = 4;

/**
 * From how late each tick was: the 99th percentile, and the drift, which is how much later the most punctual tick of the
 * last tenth was than that of the first tenth.
 */
function lateness(latenessMs: readonly number[]): Measures {
  const tenth = Math.floor(latenessMs.length / 10);
  const first = Math.min(...latenessMs.slice(0, tenth));
  const last = Math.min(...latenessMs.slice(-tenth));
  return {
    p99_ms: percentile(latenessMs, 99),
    max_ms: Math.max(...latenessMs),
    drift_ms: Math.abs(last - first),
  };
}

async function thread(): Promise<Measures> {
  const ticks = COMPARED_MS / PERIOD_MS;
  const job: TickJob = { latenessMs: new SharedArrayBuffer(ticks * 8), periodMs: PERIOD_MS };
  const worker = new Worker(new URL("../fixtures/tick-thread.ts", import.meta.url).href);
  const stopBurning = burnMainLoop(REST_MS);
  worker.postMessage(job);
  await new Promise((resolve) => worker.addEventListener("message", resolve));
  stopBurning();
  worker.terminate();
  return lateness([...new Float64Array(job.latenessMs)]);
}

/** A robot that talks all the time; a tick is the moment when its loudspeaker takes a period. */
async function myna(options: CaseOptions): Promise<Measures> {
  const { AudioEngine } = await import("../../core/audio/engine.ts");
  const log = ProbeLog.create((options.long ? LONG_MS : SHORT_MS) / PERIOD_MS);
  const engine = new AudioEngine();
  const speech = noise(SPOKEN_MS * SAMPLES_PER_MS, 1);
  const speak = () => engine.playback.write("item", speech);
  for (let ahead = 0; ahead < SPOKEN_AHEAD; ahead++) speak();
  const speaking = setInterval(speak, SPOKEN_MS);
  await engine.port.openPlayback({ module: PROBE_LOUDSPEAKER, options: { memory: log.memory } });
  const stopBurning = burnMainLoop(options.long ? LONG_REST_MS : REST_MS);
  while (!log.full) await Bun.sleep(100);
  stopBurning();
  clearInterval(speaking);
  await engine.close();
  const takenMs = Array.from(
    { length: log.length - QUEUED_PERIODS },
    (_, i) => log.at(i + QUEUED_PERIODS).atMs,
  );
  const startMs = takenMs[0]!;
  const late = takenMs.map((atMs, tick) => atMs - startMs - tick * PERIOD_MS);
  // The first tick was late itself: the most punctual of the first tenth is on time.
  const onTimeMs = Math.min(...late.slice(0, late.length / 10));
  return withoutGaps(late.map((ms) => ms - onTimeMs));
}

/** A device that ran dry starts its clock anew: what it lost is a gap, and neither late nor drift from then on. */
function withoutGaps(latenessMs: readonly number[]): Measures {
  let gaps = 0;
  let lostMs = 0;
  const late = latenessMs.map((ms) => {
    const ownMs = ms - lostMs;
    if (ownMs <= DEVICE_QUEUE_MS) return ownMs;
    gaps++;
    lostMs += ownMs - DEVICE_QUEUE_MS;
    return ownMs;
  });
  return { ...lateness(late), gaps };
}

/** The main loop's own timers; `arm` calls `tick` again and again until it answers true. */
async function mainLoop(
  arm: (tick: () => boolean, dueMs: (tick: number) => number) => void,
): Promise<Measures> {
  const ticks = COMPARED_MS / PERIOD_MS;
  const late: number[] = [];
  const stopBurning = burnMainLoop(REST_MS);
  const startMs = performance.now();
  const dueMs = (tick: number) => startMs + (tick + 1) * PERIOD_MS;
  await new Promise<void>((resolve) =>
    arm(() => {
      late.push(performance.now() - dueMs(late.length));
      if (late.length < ticks) return false;
      resolve();
      return true;
    }, dueMs),
  );
  stopBurning();
  return lateness(late);
}

/** The limit is a thread that only waits; all cases run beside a main loop that is busy 30 of every 35 ms. */
export const part: Part = {
  rounds: 2,
  limitS: 660,
  rows: [
    {
      name: "playback_tick",
      title: "lateness of the playback period (p99) while the main loop is busy 30 ms at a time",
      unit: "ms",
      metric: "p99_ms",
      limit: "bare thread",
      peers: ["setInterval", "setTimeout to a deadline"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "at_most", most: 5 }],
    },
    {
      name: "playback_drift",
      title: "how far the playback period has slipped at the end of the run",
      unit: "ms",
      metric: "drift_ms",
      peers: ["setInterval", "setTimeout to a deadline"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "at_most", most: 0.5 }],
    },
    {
      name: "playback_gaps",
      title: "how often the loudspeaker ran dry meanwhile",
      unit: "times",
      metric: "gaps",
      peers: [],
      ours: "myna",
      across: "worst",
      goals: [],
    },
  ],
  cases: {
    "bare thread": thread,
    setInterval: () =>
      mainLoop((tick) => {
        const timer = setInterval(() => tick() && clearInterval(timer), PERIOD_MS);
      }),
    "setTimeout to a deadline": () =>
      mainLoop((tick, dueMs) => {
        let done = 0;
        const next = (): void => {
          if (performance.now() >= dueMs(done)) {
            done++;
            if (tick()) return;
          }
          setTimeout(next, dueMs(done) - performance.now());
        };
        next();
      }),
    myna,
  },
};
