import { CLIENTS } from "../fixtures/link-clients.ts";
import type { CreateClient } from "../fixtures/link-clients.ts";
import { LinkServer } from "../fixtures/link-process.ts";
import { residentMb } from "../fixtures/memory.ts";
import type { Measures, Part } from "../part.ts";

const WARM = 5_000;
const COUNT = 20_000;
/** The cheapest of so many runs counts: what other programs take away only ever adds. */
const RUNS = 5;
const SAMPLES = 480;
/** For resident memory, after the runs above have filled the allocator's pools. */
const LONG = 100_000;

async function flood(create: CreateClient): Promise<Measures> {
  await using server = await LinkServer.start();
  const seen = { audio: 0, words: 0 };
  const client = await create(server.port, {
    audio(samples) {
      if (samples !== SAMPLES) throw new Error(`A delta of ${samples} samples.`);
      seen.audio++;
    },
    words: () => void seen.words++,
    cleared() {},
  });
  const connectedMb = residentMb(process.pid);
  const run = async (kind: "audio" | "words", count: number): Promise<{ cpuUs: number; tookS: number }> => {
    const goal = seen[kind] + count;
    const startMs = performance.now();
    const before = process.cpuUsage();
    client.send({ type: "bench.flood", kind, count });
    while (seen[kind] < goal) {
      if (performance.now() - startMs > 30_000)
        throw new Error(`Only ${seen[kind]} of ${goal} ${kind} came.`);
      await Bun.sleep(1);
    }
    const { user, system } = process.cpuUsage(before);
    return { cpuUs: (user + system) / count, tookS: (performance.now() - startMs) / 1000 };
  };
  await run("audio", WARM);
  await run("words", WARM);
  const audio: number[] = [];
  const words: number[] = [];
  const wordsS: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    audio.push((await run("audio", COUNT)).cpuUs);
    const { cpuUs, tookS } = await run("words", COUNT);
    words.push(cpuUs);
    wordsS.push(tookS);
  }
  const grownMb = residentMb(process.pid) - connectedMb;
  Bun.gc(true);
  const settledMb = residentMb(process.pid);
  await run("audio", LONG / 2);
  await run("words", LONG / 2);
  Bun.gc(true);
  const keptMb = Math.max(0, residentMb(process.pid) - settledMb);
  client.close();
  return {
    audio_cpu_us: Math.min(...audio),
    words_cpu_us: Math.min(...words),
    events_per_s: COUNT / Math.min(...wordsS),
    words_us: (Math.min(...wordsS) * 1e6) / COUNT,
    connected_mb: connectedMb,
    grown_mb: grownMb,
    kept_mb: keptMb,
  };
}

const row = { limit: "bare", peers: ["openai", "agents session"], ours: "myna", across: "best" } as const;

/** Every client speaks TLS to the same server in another process; the server sends as fast as the client takes. */
export const part: Part = {
  rounds: 3,
  limitS: 90,
  rows: [
    {
      ...row,
      name: "link_audio_delta",
      title: "CPU time of an audio delta of 20 ms, from the socket to samples in the program's hand",
      unit: "us",
      metric: "audio_cpu_us",
      goals: [
        { kind: "times_limit", most: 1 },
        { kind: "faster_than", peer: "agents session", least: 3 },
      ],
    },
    {
      ...row,
      name: "link_event_cpu",
      title: "CPU time of a transcript delta, from the socket to the program's listener",
      unit: "us",
      metric: "words_cpu_us",
      goals: [],
    },
    {
      ...row,
      name: "link_event",
      title: "wall time of a transcript delta in a flood (1,000,000 / this is events a second)",
      unit: "us",
      metric: "words_us",
      goals: [{ kind: "at_most", most: 1000 }],
    },
    {
      ...row,
      name: "link_rss_connected",
      title: "resident memory of a process that has loaded the client and connected",
      unit: "MB",
      metric: "connected_mb",
      across: "median",
      goals: [],
    },
    {
      ...row,
      name: "link_rss_growth",
      title: "resident memory gained by taking 210,000 events as fast as they come",
      unit: "MB",
      metric: "grown_mb",
      across: "median",
      goals: [{ kind: "faster_than", peer: "openai", least: 2 }],
    },
    {
      ...row,
      name: "link_rss_kept",
      title: "resident memory gained over 100,000 further events, after a collection",
      unit: "MB",
      metric: "kept_mb",
      across: "median",
      goals: [{ kind: "at_most", most: 1 }],
    },
  ],
  cases: Object.fromEntries(Object.entries(CLIENTS).map(([name, create]) => [name, () => flood(create)])),
};
