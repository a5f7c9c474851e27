import type { Buffer } from "../jitter/playout.ts";
import type { Goal, Measures, Part, Row } from "../part.ts";

const SEEDS = [1, 101, 201, 1001, 2001, 3001];
/** Where the sound card's periods lie, compared with the packets. */
const PHASES_MS = [3, 13];
const NETEQ = "NetEq-like";
const ORACLE = "hindsight";
const FIXED = [80, 100, 120].map((ms) => `fixed ${ms} ms`);
const PEERS = [NETEQ, "speexdsp", ...FIXED];

/** Every trace of every seed through a buffer: per trace the means. */
function over(load: () => Promise<Buffer>): () => Promise<Measures> {
  return async () => {
    const { traces } = await import("../jitter/trace.ts");
    const buffer = await load();
    const sums: Measures = {};
    const runs = SEEDS.length * PHASES_MS.length;
    for (const seed of SEEDS) {
      for (const trace of traces(seed)) {
        for (const phaseMs of PHASES_MS) {
          for (const [metric, value] of Object.entries(await buffer(trace, phaseMs))) {
            const name = `${trace.name}.${metric}`;
            sums[name] = (sums[name] ?? 0) + value / runs;
          }
        }
      }
    }
    return sums;
  };
}

async function periodCost(): Promise<Measures> {
  const { stretchCost } = await import("../jitter/cost.ts");
  return stretchCost();
}

function row(trace: string, metric: string, title: string, unit: string, goals: Goal[]): Row {
  const name = `jitter_${trace.replace(".", "_")}_${metric}`;
  const metrics: Record<string, string> = {
    concealed: "concealedPercent",
    delay: "delayMs",
    first: "firstMs",
    growth: "growthMs",
    stretched: "stretchedPercent",
  };
  const shared = { unit, ours: "myna", across: "median", goals } as const;
  return { name, title, metric: `${trace}.${metrics[metric]}`, limit: ORACLE, peers: PEERS, ...shared };
}

const LIVE: readonly [trace: string, title: string, delay: Goal][] = [
  // The least delay that a profile allows without saying so is 50 ms; NetEq has no such limit.
  ["lan", "wired network, jitter of 2 ms", { kind: "at_most", most: 50 }],
  ["wifi", "Wi-Fi, with a late packet in a hundred", { kind: "times_peer", peer: NETEQ, most: 0.8 }],
  [
    "wifi_power_save",
    "Wi-Fi, packets held until the next beacon",
    { kind: "times_peer", peer: NETEQ, most: 0.8 },
  ],
  ["lte", "LTE, slow drift and spikes", { kind: "times_peer", peer: NETEQ, most: 0.8 }],
  ["stall", "600 ms of stand-still now and then", { kind: "times_peer", peer: NETEQ, most: 0.8 }],
  ["ws_1x", "a server that speaks at the speed of speech", { kind: "times_peer", peer: NETEQ, most: 0.8 }],
];
const FAST: readonly [trace: string, title: string][] = [
  ["ws_1.5x", "a server 1.5 times as fast as speech"],
  ["ws_4x", "a server 4 times as fast"],
  ["ws_burst", "a whole answer within 300 ms"],
];

/** The limit is a buffer that knows what will come; every trace is seeded, so rounds do not differ. */
export const part: Part = {
  rounds: 1,
  limitS: 180,
  rows: [
    ...LIVE.flatMap(([trace, title, delay]) => [
      row(trace, "concealed", `speech missing when it was due: ${title}`, "%", [
        { kind: "times_peer", peer: NETEQ, most: 1 },
      ]),
      row(trace, "delay", `time that speech waits: ${title}`, "ms", [delay]),
    ]),
    row("stall", "growth", "how much later an answer ends than it began, with such stalls", "ms", [
      { kind: "at_most", most: 40 },
    ]),
    ...FAST.flatMap(([trace, title]) => [
      row(trace, "first", `first arrival to first sound: ${title}`, "ms", [
        { kind: "above_limit", most: 20 },
      ]),
      row(trace, "concealed", `speech missing when it was due: ${title}`, "%", [
        { kind: "times_peer", peer: NETEQ, most: 1 },
      ]),
      row(trace, "stretched", `speech shortened or lengthened: ${title}`, "%", [
        { kind: "at_most", most: 0.1 },
      ]),
    ]),
    {
      name: "jitter_period",
      title: "what a period of speech costs that is stretched or made up (p99)",
      unit: "us",
      metric: "p99_us",
      peers: [],
      ours: "cost",
      across: "best",
      goals: [{ kind: "at_most", most: 1000 }],
    },
  ],
  cases: {
    [ORACLE]: over(async () => (await import("../jitter/fixed.ts")).oracleBuffer(1)),
    [NETEQ]: over(async () => (await import("../jitter/neteq.ts")).netEqBuffer),
    speexdsp: over(async () => (await import("../jitter/speexdsp.ts")).speexdspBuffer),
    "fixed 80 ms": over(async () => (await import("../jitter/fixed.ts")).fixedBuffer(80)),
    "fixed 100 ms": over(async () => (await import("../jitter/fixed.ts")).fixedBuffer(100)),
    "fixed 120 ms": over(async () => (await import("../jitter/fixed.ts")).fixedBuffer(120)),
    myna: over(async () => (await import("../jitter/myna.ts")).mynaBuffer()),
    "myna, least 20 ms": over(async () =>
      (await import("../jitter/myna.ts")).mynaBuffer({ targetMs: 100, leastMs: 20, mostMs: 200 }),
    ),
    cost: periodCost,
  },
};
