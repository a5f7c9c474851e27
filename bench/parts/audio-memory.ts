import type { CaseOptions, Measures, Part } from "../part.ts";

const FRAMES_PER_HOUR = 180_000;
const WARM_FRAMES = 60_000;
const HOURS = 2;
const LONG_HOURS = 24;
/** Memory is looked at every half hour, and shown as often as this. */
const SAMPLES_PER_HOUR = 2;
const SHOWN_HOURS = 4;
const FIXTURE = `${import.meta.dir}/../fixtures/audio-frames.ts`;
/** What JavaScriptCore writes where BUN_JSC_logGC is set: the heap when a collection begins, and when it or its sweep ends. */
const HEAP = /START M (\d+)kb|=> (\d+)kb,/g;
const BYTES_PER_KB = 1024;

async function run(options: CaseOptions): Promise<Measures> {
  const frames = (options.long ? LONG_HOURS : HOURS) * FRAMES_PER_HOUR;
  const child = Bun.spawn([process.execPath, FIXTURE, String(WARM_FRAMES), String(frames)], {
    env: { ...process.env, BUN_JSC_logGC: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [log, stdout] = await Promise.all([
    new Response(child.stderr).text(),
    new Response(child.stdout).text(),
  ]);
  const [before, rest] = log.split("COUNT\n");
  const counted = rest?.split("COUNTED\n")[0];
  if ((await child.exited) !== 0 || before === undefined || counted === undefined) {
    throw new Error(`The audio path did not end well: ${log.slice(-500)}`);
  }
  const bytes = grown(before, counted) * BYTES_PER_KB;
  const resident = JSON.parse(stdout.trimEnd()) as number[];
  const measures: Measures = { bytes_per_frame: bytes / frames, growth_mb: resident.at(-1)! - resident[0]! };
  measures["growth_mb_per_hour"] = slope(resident) * SAMPLES_PER_HOUR;
  for (let i = 0; i < resident.length; i += SHOWN_HOURS * SAMPLES_PER_HOUR) {
    measures[`rss_${i / SAMPLES_PER_HOUR}h_mb`] = resident[i]!;
  }
  return measures;
}

/** By how much the values grow from one to the next, by linear regression. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const product = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  return product / values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
}

/** Kilobytes by which the heap grew between the collections of `counted`; `before` is the log up to there. */
function grown(before: string, counted: string): number {
  let end = Number([...before.matchAll(HEAP)].findLast(([, , after]) => after !== undefined)?.[2]);
  let sum = 0;
  for (const [, start, after] of counted.matchAll(HEAP)) {
    if (start !== undefined) sum += Number(start) - end;
    else end = Number(after);
  }
  if (Number.isNaN(sum)) throw new Error("The engine collected nothing: nothing was counted.");
  return sum;
}

/** Microphone, listening chain, reference, jitter buffer, mixer and loudspeaker in one thread, on simulated time. */
export const part: Part = {
  rounds: 1,
  limitS: 3600,
  rows: [
    {
      name: "audio_allocation",
      title:
        "bytes allocated for a frame through the whole audio path, both directions, by the engine's count (a third of a megabyte of it once)",
      unit: "bytes",
      metric: "bytes_per_frame",
      peers: [],
      ours: "myna",
      across: "best",
      goals: [{ kind: "at_most", most: 2 }],
    },
    {
      name: "audio_rss_growth",
      title:
        "resident memory after 2 simulated hours of audio (24 with --long), beyond that after 20 minutes",
      unit: "MB",
      metric: "growth_mb",
      peers: [],
      ours: "myna",
      across: "best",
      goals: [{ kind: "at_most", most: 4 }],
    },
    {
      name: "audio_rss_slope",
      title: "growth of resident memory in an hour of audio, by regression over a value every half hour",
      unit: "MB",
      metric: "growth_mb_per_hour",
      peers: [],
      ours: "myna",
      across: "best",
      goals: [],
    },
  ],
  cases: { myna: run },
};
