import { CLIENTS } from "../fixtures/link-clients.ts";
import type { CreateClient } from "../fixtures/link-clients.ts";
import { LinkServer } from "../fixtures/link-process.ts";
import { noise } from "../fixtures/sound.ts";
import type { Measures, Part } from "../part.ts";

const FRAME_MS = 20;
const SAMPLES = 480;
const WARM_MS = 2000;
const MEASURED_MS = 6000;
const MS_PER_MINUTE = 60_000;

/** A microphone's frames go out on time, and each comes back. */
async function twoWay(create: CreateClient): Promise<Measures> {
  await using server = await LinkServer.start();
  let back = 0;
  const client = await create(server.port, { audio: () => void back++, words() {}, cleared() {} });
  const frame = noise(SAMPLES, 1);
  const startMs = performance.now();
  let sent = 0;
  const until = async (endMs: number): Promise<void> => {
    while (performance.now() - startMs < endMs) {
      const nowMs = performance.now() - startMs;
      for (; sent * FRAME_MS <= nowMs; sent++) client.append(frame);
      await Bun.sleep(Math.max(1, sent * FRAME_MS - (performance.now() - startMs)));
    }
  };
  await until(WARM_MS);
  const before = process.cpuUsage();
  const backBefore = back;
  const fromMs = performance.now();
  await until(WARM_MS + MEASURED_MS);
  const { user, system } = process.cpuUsage(before);
  const tookMs = performance.now() - fromMs;
  const flowed = back - backBefore;
  client.close();
  if (flowed < (0.9 * tookMs) / FRAME_MS)
    throw new Error(`Only ${flowed} frames in ${Math.round(tookMs)} ms came back.`);
  return { cpu_s_per_min: ((user + system) / 1e6 / tookMs) * MS_PER_MINUTE };
}

/** Fifty frames a second each way over TLS: what a conversation costs the process beside its devices. */
export const part: Part = {
  rounds: 3,
  rows: [
    {
      name: "link_two_way",
      title: "CPU time of two-way audio through the client, 20 ms frames",
      unit: "s/min",
      metric: "cpu_s_per_min",
      limit: "bare",
      peers: ["openai", "agents session"],
      ours: "myna",
      across: "best",
      goals: [],
    },
  ],
  cases: Object.fromEntries(Object.entries(CLIENTS).map(([name, create]) => [name, () => twoWay(create)])),
};
