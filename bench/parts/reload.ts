import { watch } from "node:fs";
import * as myna from "../../core/index.ts";
import { sharePackages } from "../../core/loader.ts";
import { startTestRobot } from "../../test/kit/index.ts";
import { until } from "../fixtures/desktop-sim.ts";
import { PluginCopy } from "../fixtures/plugin-copy.ts";
import { ReadyRobot } from "../fixtures/robot-process.ts";
import type { Measures, Part } from "../part.ts";
import { percentile } from "../stopwatch.ts";

const SAVES = 20;
/** Between two saves: somebody who types. */
const PAUSE_MS = 150;
const RELOADS = 500;
const WARM_RELOADS = 100;
const WAIT_MS = 5000;
const BYTES_PER_MB = 1024 * 1024;

/** The least there is: a watched folder, and the module imported anew under another name; its helpers stay as they were. */
async function watchAndImport(): Promise<Measures> {
  sharePackages(myna);
  using plugin = new PluginCopy();
  let imported = 0;
  const watcher = watch(plugin.folder, () => {
    void import(`${plugin.entry}?v=${performance.now()}`).then(() => imported++);
  });
  const tookMs: number[] = [];
  for (let save = 0; save < SAVES; save++) {
    await Bun.sleep(PAUSE_MS);
    const before = imported;
    const startMs = performance.now();
    plugin.edit();
    while (imported === before) await Bun.sleep(0);
    tookMs.push(performance.now() - startMs);
  }
  watcher.close();
  return { median_ms: percentile(tookMs, 50), max_ms: Math.max(...tookMs) };
}

async function saves(): Promise<Measures> {
  using plugin = new PluginCopy();
  await using ready = await ReadyRobot.start(`plugins.dice.use=${plugin.entry}`);
  const tookMs: number[] = [];
  const seen = new Set<unknown>();
  for (let save = 0; save < SAVES; save++) {
    await Bun.sleep(PAUSE_MS);
    const startMs = performance.now();
    plugin.edit();
    const event = await ready.robot.waitFor("plugin.reloaded", (one) => !seen.has(one));
    tookMs.push(performance.now() - startMs);
    seen.add(event);
    if (event["ok"] !== true) throw new Error(`A reload failed: ${String(event["message"])}`);
  }
  return { median_ms: percentile(tookMs, 50), max_ms: Math.max(...tookMs) };
}

function residentMb(): number {
  Bun.gc(true);
  return process.memoryUsage.rss() / BYTES_PER_MB;
}

/** What `RELOADS` reloads leave behind in memory, after the first hundred have filled what is kept. */
async function growth(reload: () => Promise<unknown>, plugin: PluginCopy): Promise<Measures> {
  let beforeMb = 0;
  for (let i = 0; i < WARM_RELOADS + RELOADS; i++) {
    if (i === WARM_RELOADS) beforeMb = residentMb();
    if (i % 10 === 0) plugin.edit();
    await reload();
  }
  await Bun.sleep(500);
  return { growth_mb: residentMb() - beforeMb };
}

async function reloads(): Promise<Measures> {
  using plugin = new PluginCopy();
  await using robot = await startTestRobot({ plugins: { dice: { use: plugin.entry } } });
  const measures = await growth(() => robot.reload("dice"), plugin);
  await until(
    () => robot.events("plugin.reloaded").length === WARM_RELOADS + RELOADS,
    WAIT_MS,
    "the last reload",
  );
  return measures;
}

async function imports(): Promise<Measures> {
  sharePackages(myna);
  using plugin = new PluginCopy();
  let version = 0;
  return await growth(() => import(`${plugin.entry}?v=${++version}`), plugin);
}

/** The limit watches a folder and imports one file anew: no roll-back, no helper files, nothing ended. */
export const part: Part = {
  rounds: 3,
  rows: [
    {
      name: "reload",
      title: "save of a plugin to the new version running, median of 20 saves",
      unit: "ms",
      metric: "median_ms",
      limit: "watch and import",
      peers: [],
      ours: "myna 20 saves",
      across: "median",
      goals: [{ kind: "at_most", most: 100 }],
    },
    {
      name: "reload_max",
      title: "save of a plugin to the new version running, slowest of 20 saves",
      unit: "ms",
      metric: "max_ms",
      peers: [],
      ours: "myna 20 saves",
      across: "worst",
      goals: [{ kind: "at_most", most: 100 }],
    },
    {
      name: "reload_rss",
      title: "growth of resident memory over 500 reloads",
      unit: "MB",
      metric: "growth_mb",
      peers: ["import anew"],
      ours: "myna 500 reloads",
      across: "median",
      goals: [{ kind: "at_most", most: 5 }],
    },
  ],
  cases: {
    "watch and import": watchAndImport,
    "myna 20 saves": saves,
    "import anew": imports,
    "myna 500 reloads": reloads,
  },
};
