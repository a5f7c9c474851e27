import { CLIENTS } from "../fixtures/link-clients.ts";
import type { CreateClient } from "../fixtures/link-clients.ts";
import { LinkServer } from "../fixtures/link-process.ts";
import type { Measures, Part } from "../part.ts";
import { percentile } from "../stopwatch.ts";

const WARM = 1000;
const TRIPS = 4000;
const RATE_HZ = 1500;
const RATE_S = 3;

async function roundTrips(create: CreateClient): Promise<Measures> {
  await using server = await LinkServer.start();
  const sentMs: number[] = [];
  const tookMs: number[] = [];
  let waiting: (() => void) | undefined;
  const client = await create(server.port, {
    audio() {},
    words() {},
    cleared() {
      tookMs.push(performance.now() - (sentMs.shift() ?? 0));
      waiting?.();
    },
  });
  const ask = (): void => {
    sentMs.push(performance.now());
    client.send({ type: "input_audio_buffer.clear" });
  };
  for (let trip = 0; trip < WARM + TRIPS; trip++) {
    const answered = new Promise<void>((resolve) => (waiting = resolve));
    ask();
    await answered;
  }
  waiting = undefined;
  const single = tookMs.splice(0).slice(WARM);
  const startMs = performance.now();
  let asked = 0;
  while (asked < RATE_HZ * RATE_S) {
    const due = Math.min(RATE_HZ * RATE_S, Math.floor(((performance.now() - startMs) / 1000) * RATE_HZ));
    for (; asked < due; asked++) ask();
    await Bun.sleep(1);
  }
  while (tookMs.length < asked) await Bun.sleep(1);
  client.close();
  return { p10_us: percentile(single, 10) * 1000, p99_ms: percentile(tookMs, 99) };
}

const row = { limit: "bare", peers: ["openai", "agents session"], ours: "myna", across: "best" } as const;

/** A small control event that the server answers at once. */
export const part: Part = {
  rounds: 5,
  rows: [
    {
      ...row,
      name: "link_round_trip",
      title: "control event to its answer, tenth percentile of 4,000",
      unit: "us",
      metric: "p10_us",
      goals: [{ kind: "times_limit", most: 1.15 }],
    },
    {
      ...row,
      name: "link_round_trip_p99",
      title: "control event to its answer at 1,500 a second, 99th percentile",
      unit: "ms",
      metric: "p99_ms",
      goals: [{ kind: "at_most", most: 10 }],
    },
  ],
  cases: Object.fromEntries(
    Object.entries(CLIENTS).map(([name, create]) => [name, () => roundTrips(create)]),
  ),
};
