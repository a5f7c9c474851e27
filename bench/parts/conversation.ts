import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav } from "../../core/audio/wav.ts";
import { scriptBrain } from "../../test/kit/scripted-brain.ts";
import type { ScriptedAnswer } from "../../test/kit/scripted-brain.ts";
import { until } from "../fixtures/desktop-sim.ts";
import { childrenOf, residentMb } from "../fixtures/memory.ts";
import { voice } from "../jitter/voice.ts";
import type { Measures, Part } from "../part.ts";

const ROOT = join(import.meta.dir, "../..");
const RATE_HZ = 24_000;
const READY_LIMIT_MS = 20_000;
/** Somebody speaks for so long, then listens until the next time. */
const SPOKEN_MS = 2500;
const CYCLE_MS = 10_000;
/** As with `audio_path`, the compiler needs some time; then whole cycles are measured. */
const WARM_MS = 20_000;
const MEASURED_MS = 60_000;
const LONG_MEASURED_MS = 600_000;
const MS_PER_MINUTE = 60_000;
/** Clock ticks of /proc/PID/stat in a second: USER_HZ, 100 on every Linux architecture that Bun runs on. */
const TICKS_PER_S = 100;
/** Seconds that a core of a Raspberry Pi 4 at 1.5 GHz takes for one of this machine's: docs/performance.md says why. */
const PI4_FACTOR = 5;
const PI4_CORES = 4;
/** 60 ms of voice a letter: five to seven seconds. */
const STORY =
  "I can drive, look around, take pictures and tell you what I see, one thing after the other, and so on.";
const ANSWERS: readonly ScriptedAnswer[] = [
  STORY,
  { say: "Here I go.", calls: [{ name: "move", arguments: { distance_m: 0.15 } }] },
  "I moved fifteen centimetres forward, and nothing was in my way.",
  { calls: [{ name: "look", arguments: { pan_deg: 30 } }] },
  STORY,
  { say: "Back again.", calls: [{ name: "move", arguments: { distance_m: -0.15 } }] },
  "I moved fifteen centimetres back, to where I came from.",
  { calls: [{ name: "take_snapshot", arguments: {} }] },
  "I see a wall, a red ball and the floor in front of me, as far as the light goes.",
];

/** The profile of the robot, its devices simulated and its brain in another process. */
function settings(url: string, wav: string): string[] {
  const set: Record<string, unknown> = {
    "session.service": "",
    "session.url": url,
    "plugins.brain.enabled": false,
    "plugins.board.use": "board-sim",
    "plugins.camera.use": "camera-sim",
    "plugins.mic.enabled": false,
    "plugins.wav-mic": { use: "mic-wav", file: wav, loop: true },
    "plugins.speaker.enabled": false,
    "plugins.wav-speaker": { use: "speaker-wav" },
    "plugins.metrics.port": 0,
    "runtime.watch": true,
  };
  const flags = Object.entries(set).flatMap(([key, value]) => ["--set", `${key}=${toToml(value)}`]);
  return [...flags, "--log-level", "error"];
}

function toToml(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, one]) => `${key} = ${toToml(one)}`)
    .join(", ")} }`;
}

/** Processor time so far of a process and of those that it has started, seconds. */
function cpuS(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    // "pid (name) state …": utime and stime are the 12th and 13th field behind the name (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_S;
}

async function converse({ long }: { long: boolean }): Promise<Measures> {
  const folder = mkdtempSync(join(tmpdir(), "myna-conversation-"));
  const wav = join(folder, "user.wav");
  const sound = new Int16Array((CYCLE_MS * RATE_HZ) / 1000);
  sound.set(voice((SPOKEN_MS * RATE_HZ) / 1000, 3));
  await Bun.write(wav, encodeWav(sound, RATE_HZ));
  let answered = 0;
  const brain = await scriptBrain({
    speed: 4,
    hears: Array.from({ length: 200 }, (_, n) => `what is next, please, number ${n}`),
    answers: () => ANSWERS[answered++ % ANSWERS.length]!,
  });
  const robot = Bun.spawn(
    [process.execPath, "core/main.ts", "--profile", "pi4-picar", ...settings(brain.url, wav)],
    {
      cwd: ROOT,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
      env: { ...process.env, MYNA_RUN_FOLDER: folder },
    },
  );
  try {
    await until(() => answered > 0 || robot.exitCode !== null, READY_LIMIT_MS, "the first answer");
    if (robot.exitCode !== null) throw new Error("The robot does not start.");
    await Bun.sleep(WARM_MS);
    const children = childrenOf(robot.pid);
    const answeredBefore = answered;
    const startMs = performance.now();
    const [runtimeS, childrenS] = [cpuS([robot.pid]), cpuS(children)];
    await Bun.sleep(long ? LONG_MEASURED_MS : MEASURED_MS);
    const minutes = (performance.now() - startMs) / MS_PER_MINUTE;
    const runtime = (cpuS([robot.pid]) - runtimeS) / minutes;
    const motion = (cpuS(children) - childrenS) / minutes;
    const turns = (answered - answeredBefore) / minutes;
    const least = (0.7 * MS_PER_MINUTE) / CYCLE_MS;
    if (turns < least) throw new Error(`Only ${turns.toFixed(1)} answers in a minute: no conversation.`);
    const resident = residentMb(robot.pid) + children.reduce((sum, pid) => sum + residentMb(pid), 0);
    return {
      cpu_s_per_min: runtime + motion,
      runtime_s_per_min: runtime,
      motion_s_per_min: motion,
      pi4_core_percent: pi4Percent(runtime + motion),
      pi4_percent: pi4Percent(runtime + motion) / PI4_CORES,
      resident_mb: resident,
      runtime_mb: residentMb(robot.pid),
      answers_per_min: turns,
    };
  } finally {
    robot.kill("SIGTERM");
    await robot.exited;
    await brain.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of one core, from seconds of this machine in a minute. */
function pi4Percent(sPerMin: number): number {
  return ((sPerMin * PI4_FACTOR) / 60) * 100;
}

const row = { peers: [], ours: "pi4-picar", across: "median" } as const;

/** The whole robot of the pi4-picar profile in a conversation without a pause, with simulated devices; its brain is not counted. */
export const part: Part = {
  rounds: 1,
  limitS: 900,
  rows: [
    {
      ...row,
      name: "conversation",
      title: "CPU time of pi4-picar in conversation, its motion process included",
      unit: "s/min",
      metric: "cpu_s_per_min",
      goals: [],
    },
    {
      ...row,
      name: "conversation_pi4",
      title: `the same on a Raspberry Pi 4, of its ${PI4_CORES} cores, each ${PI4_FACTOR} times slower than one here`,
      unit: "%",
      metric: "pi4_percent",
      goals: [{ kind: "at_most", most: 5 }],
    },
    {
      ...row,
      name: "conversation_pi4_core",
      title: "the same, of one of its cores",
      unit: "%",
      metric: "pi4_core_percent",
      goals: [],
    },
    {
      ...row,
      name: "conversation_rss",
      title: "resident memory of its two processes, what they share counted twice",
      unit: "MB",
      metric: "resident_mb",
      goals: [{ kind: "at_most", most: 150 }],
    },
  ],
  cases: { "pi4-picar": converse },
};
