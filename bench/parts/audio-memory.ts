import type { CaseOptions, Measures, Part } from "../part.ts";

const FRAMES_PER_HOUR = 180_000;
const WARM_FRAMES = 60_000;
const HOURS = 2;
const LONG_HOURS = 24;
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
  const { beforeMb, afterMb } = JSON.parse(stdout.trimEnd()) as { beforeMb: number; afterMb: number };
  return { bytes_per_frame: bytes / frames, growth_mb: afterMb - beforeMb, rss_mb: afterMb };
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
  limitS: 900,
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
  ],
  cases: { myna: run },
};
