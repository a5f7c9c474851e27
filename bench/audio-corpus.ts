/**
 * How well the listening chain hears people and does not hear the robot: 200 utterances of ten voices in five noises, and an hour of
 * the robot's talk in six rooms, through the plugins' own code, faster than real time. Counts, not times: the same on every
 * machine. Prints the tables of docs/audio.md.
 *
 *   bun bench/audio-corpus.ts [--utterances 200] [--minutes 60] [--only speech|echo|jumps] [--rung aec-speex]
 *
 * `--only jumps`: the same hour while the reference, and now and then the microphone, jumps or is cut off.
 */
import { parseArgs } from "node:util";
import type { Disturbance } from "./corpus/disturbed.ts";
import { SERVER, measureEcho } from "./corpus/echo-score.ts";
import type { EchoScore } from "./corpus/echo-score.ts";
import { Ears } from "./corpus/ears.ts";
import type { Gate } from "./corpus/gate.ts";
import type { EarPlugin } from "./corpus/ears.ts";
import { NOISES } from "./corpus/noises.ts";
import { ROOMS } from "./corpus/room-echo.ts";
import { makeScene } from "./corpus/scene.ts";
import type { Scene } from "./corpus/scene.ts";
import { scoreSpeech } from "./corpus/speech-score.ts";
import type { SpeechScore } from "./corpus/speech-score.ts";
import { utterances } from "./corpus/utterances.ts";
import { percentile } from "./stopwatch.ts";

const VADS = ["vad-energy", "vad-webrtc", "vad-silero"];
const STAGES: Readonly<Record<string, readonly EarPlugin[]>> = {
  "": [],
  " + rnnoise": [{ use: "noise-rnnoise" }],
};
const RUNGS: Readonly<Record<string, readonly EarPlugin[]>> = {
  nothing: [],
  "echo-doubletalk": [{ use: "echo-doubletalk" }],
  "aec-speex": [{ use: "aec-speex" }],
  "aec-speex, noise-rnnoise, gain-agc": [{ use: "aec-speex" }, { use: "noise-rnnoise" }, { use: "gain-agc" }],
};
/** What stands in for a stage that is not proven. */
const GATES: Readonly<Record<string, Gate>> = {
  "half duplex": { half_duplex_tail_ms: 300 },
  "half duplex, tail of 700 ms": { half_duplex_tail_ms: 700 },
  "push-to-talk": "push_to_talk",
};
/** What goes wrong between the devices, with `--only jumps`. */
const DISTURBANCES: Readonly<Record<string, Disturbance>> = {
  none: {},
  "a jump every 10 s": { jumpEveryS: 10 },
  "a jump every second": { jumpEveryS: 1 },
  "cut off every 5 s": { dropEveryS: 5 },
};
/** Who talks over the robot should be announced so soon. */
const SOON_MS = 300;
/** Scenes by level of speech against noise; the first is a quiet room. */
const SNRS_DB = [undefined, 20, 10, 5];

const { values } = parseArgs({
  options: {
    utterances: { type: "string", default: "200" },
    minutes: { type: "string", default: "60" },
    only: { type: "string" },
    rung: { type: "string" },
  },
});
const said = await utterances(Number(values.utterances));
if (values.only === undefined || values.only === "speech") await printSpeech();
if (values.only === undefined || values.only === "echo") await printEcho();
if (values.only === "jumps") await printJumps();

async function printSpeech(): Promise<void> {
  const rows: string[][] = [];
  const noisy: string[][] = [];
  for (const snrDb of SNRS_DB) {
    const scene = makeScene(said, snrDb);
    for (const [stage, plugins] of Object.entries(STAGES)) {
      const ears = await Ears.open([...plugins, ...VADS.map((use) => ({ use }))]);
      ears.hearAll(scene.pcm);
      await ears.close();
      for (const vad of VADS) {
        const changes = ears.changes(vad);
        rows.push([scene.name, `${vad}${stage}`, ...speechCells(scoreSpeech(scene, changes))]);
        if (snrDb === 10 && stage === "") noisy.push(...byNoise(scene, vad, changes));
      }
      process.stderr.write(`${scene.name}${stage}\n`);
    }
  }
  const figures = [
    "missed",
    "not announced",
    "cut",
    "false starts / h",
    "silence taken for speech",
    "onset, ms",
  ];
  print(["speech over noise", "detector", ...figures], rows);
  print(["10 dB of", "detector", ...figures], noisy);
}

function byNoise(scene: Scene, vad: string, changes: Parameters<typeof scoreSpeech>[1]): string[][] {
  return NOISES.map((name) => {
    const spoken = scene.spoken.filter(({ noise }) => noise === name);
    return [name, vad, ...speechCells(scoreSpeech(scene, changes, spoken))];
  });
}

async function printEcho(): Promise<void> {
  const setting = { rooms: ROOMS, minutesAlone: Number(values.minutes) / ROOMS.length, said };
  const rows: string[][] = [];
  const rungs = { ...RUNGS, ...Object.fromEntries(Object.keys(GATES).map((name) => [name, []])) };
  for (const [rung, stages] of Object.entries(rungs)) {
    if (values.rung !== undefined && values.rung !== rung) continue;
    const minutesOver = setting.minutesAlone / 2;
    const scores = await measureEcho(stages, VADS, { ...setting, minutesOver, gate: GATES[rung] });
    rows.push(...scores.map((score) => [rung, ...echoCells(score)]));
    for (const report of scores[0]?.reports ?? [])
      process.stderr.write(`${rung}: ${JSON.stringify(report)}\n`);
  }
  print(
    [
      ...["against the echo", "detector", "self-interruptions / h", "interruptions announced"],
      ...["silence taken for speech", "onset, ms"],
    ],
    rows,
  );
}

async function printJumps(): Promise<void> {
  const minutesAlone = Number(values.minutes) / ROOMS.length;
  const setting = { rooms: ROOMS, minutesAlone, minutesOver: minutesAlone / 2, said };
  const rung = values.rung ?? "aec-speex";
  const rows: string[][] = [];
  for (const [name, disturbance] of Object.entries(DISTURBANCES)) {
    const scores = await measureEcho(RUNGS[rung]!, ["vad-energy", SERVER], { ...setting, disturbance });
    rows.push(...scores.map((score) => [name, ...echoCells(score), soon(score), muted(score)]));
    process.stderr.write(`${rung}, ${name}: ${JSON.stringify(scores[0]?.reports)}\n`);
  }
  print(
    [
      ...["what goes wrong", "detector", "self-interruptions / h", "interruptions announced"],
      ...["silence taken for speech", "onset, ms", `within ${SOON_MS} ms`, "deaf without a proof"],
    ],
    rows,
  );
}

function soon({ interruptions: { latenciesMs } }: EchoScore): string {
  return String(latenciesMs.filter((ms) => ms <= SOON_MS).length);
}

/** The part of the robot's talk, alone, in which the microphone was muted until the echo was seen to go away. */
function muted({ reports }: EchoScore): string {
  const sum = (key: string) => reports.reduce((total, report) => total + Number(report[key] ?? 0), 0);
  return `${((100 * sum("muted_ms")) / sum("played_ms")).toFixed(1)} %`;
}

function speechCells(score: SpeechScore): string[] {
  const share = (count: number) => `${((100 * count) / score.utterances).toFixed(1)} %`;
  return [
    ...[share(score.missed), share(score.unannounced), share(score.cut)],
    ...[perHour(score.falseStarts, score.silentMs), claimed(score), latency(score)],
  ];
}

function echoCells({ vad, selfInterruptions, minutes, interruptions }: EchoScore): string[] {
  return [
    ...[vad, perHour(selfInterruptions, minutes * 60_000)],
    `${interruptions.latenciesMs.length} of ${interruptions.utterances}`,
    ...[claimed(interruptions), latency(interruptions)],
  ];
}

function perHour(count: number, ms: number): string {
  return ((count * 3_600_000) / ms).toFixed(count === 0 ? 0 : 1);
}

function claimed({ claimedMs, silentMs }: SpeechScore): string {
  return `${((100 * claimedMs) / silentMs).toFixed(1)} %`;
}

/** Median and 95th percentile. */
function latency({ latenciesMs }: SpeechScore): string {
  if (latenciesMs.length === 0) return "-";
  return `${percentile(latenciesMs, 50).toFixed(0)}, ${percentile(latenciesMs, 95).toFixed(0)}`;
}

function print(header: string[], rows: string[][]): void {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map(() => "---");
  process.stdout.write(`${[header, rule, ...rows].map(line).join("\n")}\n\n`);
}
