import { heapStats } from "bun:jsc";
import { CLIENTS, socketAlone } from "../fixtures/link-clients.ts";
import type { CreateClient } from "../fixtures/link-clients.ts";
import { LinkServer } from "../fixtures/link-process.ts";
import { residentMb } from "../fixtures/memory.ts";
import type { Measures, Part } from "../part.ts";

const WARM = 5_000;
const COUNT = 20_000;
/** The cheapest of so many runs counts: what other programs take away only ever adds. */
const RUNS = 5;
const SAMPLES = 480;
/** What is kept is looked at after each of so many windows of so many events: growth that is real is in most of them. */
const WINDOWS = 5;
const WINDOW = 100_000;
/** Until the allocator has given back what a collection freed. */
const SETTLE_MS = 300;

/** Resident memory and objects of the engine once all garbage is gone. */
async function live(): Promise<{ mb: number; objects: number }> {
  Bun.gc(true);
  await Bun.sleep(SETTLE_MS);
  Bun.gc(true);
  return { mb: residentMb(process.pid), objects: heapStats().objectCount };
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

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
  const states = [await live()];
  for (let i = 0; i < WINDOWS; i++) {
    await run("audio", WINDOW / 2);
    await run("words", WINDOW / 2);
    states.push(await live());
  }
  const kept = (measure: "mb" | "objects") =>
    Math.max(0, median(states.slice(1).map((state, i) => state[measure] - states[i]![measure])));
  client.close();
  return {
    audio_cpu_us: Math.min(...audio),
    words_cpu_us: Math.min(...words),
    events_per_s: COUNT / Math.min(...wordsS),
    words_us: (Math.min(...wordsS) * 1e6) / COUNT,
    connected_mb: connectedMb,
    grown_mb: grownMb,
    kept_mb: kept("mb"),
    kept_objects: kept("objects"),
  };
}

const SOCKET = "socket alone";
const row = { limit: "bare", peers: ["openai", "agents session"], ours: "myna", across: "best" } as const;
/** Memory: a socket whose texts are dropped unread is what nobody can go below. */
const memory = {
  ...row,
  limit: SOCKET,
  peers: ["bare", ...row.peers],
  unit: "MB",
  across: "median",
} as const;

/**
 * Every client speaks TLS to the same server in another process; the server sends as fast as the client takes. The limit
 * of memory is a socket whose texts are dropped unread: what the engine takes before it gives anything back.
 */
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
      ...memory,
      name: "link_rss_growth",
      title: "resident memory gained by taking 210,000 events as fast as they come",
      metric: "grown_mb",
      goals: [{ kind: "faster_than", peer: "openai", least: 2 }],
    },
    {
      ...memory,
      name: "link_rss_kept",
      title: "resident memory kept of 100,000 further events, after a collection, middle of 5 times",
      metric: "kept_mb",
      goals: [{ kind: "at_most", most: 0.5 }],
    },
    {
      ...memory,
      name: "link_objects_kept",
      title: "objects of the engine kept of 100,000 further events, after a collection, middle of 5 times",
      unit: "objects",
      metric: "kept_objects",
      across: "worst",
      goals: [{ kind: "at_most", most: 10 }],
    },
  ],
  cases: Object.fromEntries(
    Object.entries({ [SOCKET]: socketAlone, ...CLIENTS }).map(([name, create]) => [
      name,
      () => flood(create),
    ]),
  ),
};
