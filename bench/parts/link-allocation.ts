import { COUNTED } from "../fixtures/link-allocation.ts";
import { CLIENTS } from "../fixtures/link-clients.ts";
import { LinkServer } from "../fixtures/link-process.ts";
import type { Measures, Part } from "../part.ts";

const PROBE = `${import.meta.dir}/../fixtures/link-allocation.ts`;
/** What JavaScriptCore writes before each collection when BUN_JSC_logGC is set. */
const CYCLE = /bytes allocated this cycle: (\d+)/g;

/** Bytes that the engine was asked for, by its own count, while a client took audio deltas in a process of its own. */
async function allocated(name: string): Promise<Measures> {
  await using server = await LinkServer.start();
  const child = Bun.spawn([process.execPath, PROBE, name, String(server.port)], {
    env: { ...process.env, BUN_JSC_logGC: "1" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const log = await new Response(child.stderr).text();
  const [, counted] = log.split("COUNT\n");
  if ((await child.exited) !== 0 || counted === undefined)
    throw new Error(`${name} did not end well: ${log.slice(-500)}`);
  const bytes = [...counted.matchAll(CYCLE)].reduce((sum, [, cycle]) => sum + Number(cycle), 0);
  if (bytes === 0) throw new Error("The engine collected nothing: nothing was counted.");
  return { bytes: bytes / COUNTED };
}

/** The text that the socket makes of a frame is in every figure: 1,450 characters. */
export const part: Part = {
  rounds: 2,
  rows: [
    {
      name: "link_allocation",
      title: "bytes allocated for an audio delta of 20 ms, by the engine's count, the socket's text included",
      unit: "bytes",
      metric: "bytes",
      limit: "bare",
      peers: ["openai", "agents session"],
      ours: "myna",
      across: "median",
      goals: [{ kind: "times_limit", most: 1 }],
    },
  ],
  cases: Object.fromEntries(Object.keys(CLIENTS).map((name) => [name, () => allocated(name)])),
};
