/**
 * `bun bench/keywords.ts [low|normal|high]`: how often keyword-pocketsphinx hears its words, in quiet, in noise and over the robot's
 * own voice, and how often it hears them where nobody said them. Voices and sentences of the corpus. Needs Debian's espeak-ng, flite,
 * sox, pocketsphinx and pocketsphinx-en-us; some minutes.
 */
import { join } from "node:path";
import { resample } from "../core/audio/resample.ts";
import { keywords } from "../plugins/keyword-pocketsphinx/phrases.ts";
import type { Keyword, Sensitivity } from "../plugins/keyword-pocketsphinx/phrases.ts";
import { BLOCK_SAMPLES } from "../plugins/keyword-pocketsphinx/block.ts";
import type { ListenerLine } from "../plugins/keyword-pocketsphinx/block.ts";
import { DICTIONARY } from "../plugins/keyword-pocketsphinx/sphinx.ts";
import { flite } from "../test/kit/voices.ts";
import { noise as noiseOf } from "./corpus/noises.ts";
import { speak, VOICES } from "./corpus/utterances.ts";
import { noise } from "./fixtures/sound.ts";

const ROOT = join(import.meta.dir, "..");
const LISTENER = join(ROOT, "plugins/keyword-pocketsphinx/listener.ts");
const RATE_HZ = 24_000;
/** A person calls every so often, each voice of the corpus three times. */
const CALL_EVERY_S = 4;
const CALLS = 3 * VOICES.length;
/** Around a call, when hearing it counts, seconds. */
const EARLY_S = 0.2;
const LATE_S = 2.4;
/** Noise of the microphone, -70 dB of full scale. */
const NOISE_SHIFT = 10;

interface Heard {
  name: string;
  own: boolean;
  atS: number;
}

interface Condition {
  name: string;
  /** Of the robot's voice at the microphone, against the person's. */
  echoDb?: number;
  /** Of the person's voice over pink noise. */
  noiseDb?: number;
}

const CONDITIONS: readonly Condition[] = [
  { name: "in quiet" },
  { name: "pink noise, 20 dB", noiseDb: 20 },
  { name: "pink noise, 10 dB", noiseDb: 10 },
  { name: "over the robot, echo -20 dB", echoDb: -20 },
  { name: "over the robot, echo -12 dB", echoDb: -12 },
  { name: "over the robot, echo -6 dB", echoDb: -6 },
];

/** What the plugin's process hears in a recording. */
async function listen(list: Keyword[], microphone: Int16Array, loudspeaker: Int16Array): Promise<Heard[]> {
  const child = Bun.spawn([process.execPath, LISTENER, JSON.stringify(list)], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const mic = resample(microphone, RATE_HZ, 16_000);
  const speaker = resample(loudspeaker, RATE_HZ, 16_000);
  const text = new Response(child.stdout).text();
  for (let at = 0; at + BLOCK_SAMPLES <= mic.length; at += BLOCK_SAMPLES) {
    const block = new Int16Array(2 * BLOCK_SAMPLES);
    block.set(mic.subarray(at, at + BLOCK_SAMPLES));
    block.set(speaker.subarray(at, at + BLOCK_SAMPLES), BLOCK_SAMPLES);
    child.stdin.write(new Uint8Array(block.buffer));
    if (at % (50 * BLOCK_SAMPLES) === 0) await child.stdin.flush();
  }
  void child.stdin.end();
  const heard: Heard[] = [];
  for (const line of (await text).split("\n").filter(Boolean)) {
    const told = JSON.parse(line) as ListenerLine;
    if ("heard" in told)
      heard.push({ name: list[told.heard]?.name ?? "", own: told.own, atS: told.blocks / 50 });
    else if ("error" in told) throw new Error(told.error);
  }
  return heard;
}

function mix(into: Int16Array, at: number, pcm: Int16Array, gain: number): void {
  for (let i = 0; i < pcm.length && at + i < into.length; i++)
    into[at + i] = Math.max(-32768, Math.min(32767, into[at + i]! + pcm[i]! * gain));
}

/** Sentences without the words. */
async function sentences(...names: string[]): Promise<string[]> {
  const texts = names.map((name) => Bun.file(join(ROOT, `test/fixtures/sentences/${name}.txt`)).text());
  const lines = (await Promise.all(texts)).flatMap((text) => text.trim().split("\n"));
  return lines.filter((line) => !/stop|robot|hello/i.test(line));
}

/** One behind the other, with pauses of 400 ms. */
function strung(parts: Int16Array[]): Int16Array {
  const pause = RATE_HZ * 0.4;
  const pcm = new Int16Array(parts.reduce((length, part) => length + part.length + pause, RATE_HZ));
  parts.reduce((at, part) => (pcm.set(part, at), at + part.length + pause), RATE_HZ / 2);
  return pcm;
}

const LEVEL = 32768 * 10 ** (-23 / 20);

/** The microphone in that condition, and what the loudspeaker lets out. */
function room(condition: Condition, robot: Int16Array): { microphone: Int16Array; loudspeaker: Int16Array } {
  const microphone = noise(robot.length, 7).map((sample) => sample >> NOISE_SHIFT);
  const { echoDb, noiseDb } = condition;
  if (noiseDb !== undefined) {
    const pink = noiseOf("pink");
    const rms = Math.sqrt(pink.reduce((sum, sample) => sum + sample * sample, 0) / pink.length);
    const gain = (LEVEL / rms) * 10 ** (-noiseDb / 20);
    for (let at = 0; at < microphone.length; at += pink.length) mix(microphone, at, pink, gain);
  }
  if (echoDb === undefined) return { microphone, loudspeaker: new Int16Array(robot.length) };
  mix(microphone, RATE_HZ / 100, robot, 10 ** (echoDb / 20));
  return { microphone, loudspeaker: robot };
}

const share = (which: boolean[]) => `${which.filter(Boolean).length} of ${which.length}`;

async function row(
  list: Keyword[],
  said: string,
  word: string,
  condition: Condition,
  robot: Int16Array,
): Promise<string> {
  const { microphone, loudspeaker } = room(condition, robot);
  const calls: { atS: number; endS: number; voice: number }[] = [];
  for (let i = 0; i < CALLS; i++) {
    const atS = 3 + i * CALL_EVERY_S;
    const call = speak(VOICES[i % VOICES.length]!, said, Math.floor(i / VOICES.length));
    mix(microphone, atS * RATE_HZ, call, 1);
    calls.push({ atS, endS: atS + call.length / RATE_HZ, voice: i % VOICES.length });
  }
  const heard = await listen(list, microphone, loudspeaker);
  const lateMs: number[] = [];
  const hit = calls.map(({ atS, endS }) => {
    const first = heard.find(
      (one) => one.name === word && !one.own && one.atS >= atS + EARLY_S && one.atS <= atS + LATE_S,
    );
    if (first) lateMs.push(1000 * (first.atS - endS));
    return first !== undefined;
  });
  lateMs.sort((a, b) => a - b);
  const deaf = VOICES.filter((_, k) => !hit.some((is, i) => is && calls[i]?.voice === k));
  const late = lateMs.length > 0 ? `${Math.round(lateMs[lateMs.length >> 1]!)} ms` : "-";
  const names = deaf.map((voice) => voice.slice(0, 2).join(" ")).join(", ");
  return `| "${said}" | ${condition.name} | ${share(hit)} | ${late} | ${names || "-"} |`;
}

const sensitivity = (process.argv[2] ?? "normal") as Sensitivity;
const list = keywords(
  {
    stop_words: ["stop"],
    wake_words: ["hello robot"],
    stop_sensitivity: sensitivity,
    wake_sensitivity: sensitivity,
    sounds: {},
  },
  DICTIONARY,
);
const print = (line: string) => void process.stdout.write(`${line}\n`);
const texts = await sentences("others-fresh", "others-held-out", "others-tuning", "commands-fresh");
const told: Int16Array[] = [];
const neededSamples = (CALLS * CALL_EVERY_S + 6) * RATE_HZ;
for (let i = 0, length = 0; length < neededSamples; i++) {
  const part = await flite(texts[i % texts.length]!, "rms");
  told.push(part);
  length += part.length + RATE_HZ * 0.4;
}
const robot = strung(told);
print(`sensitivity ${sensitivity}\n`);
print("| said | condition | heard | after its end | voices not heard at all |");
print("| --- | --- | --- | --- | --- |");
for (const [said, word, conditions] of [
  ["stop", "stop", CONDITIONS],
  ["stop it", "stop", CONDITIONS.slice(0, 1)],
  ["oh no, stop", "stop", CONDITIONS.slice(0, 1)],
  ["please stop now", "stop", CONDITIONS.slice(0, 1)],
  ["hello robot", "hello robot", CONDITIONS],
] as const)
  for (const condition of conditions) print(await row(list, said, word, condition, robot));
print("\n| other talk | seconds | stop | hello robot |\n| --- | --- | --- | --- |");
const sum = { s: 0, stop: 0, "hello robot": 0 };
async function other(name: string, microphone: Int16Array, loudspeaker?: Int16Array): Promise<void> {
  const heard = await listen(list, microphone, loudspeaker ?? new Int16Array(microphone.length));
  const count = (word: string) => heard.filter((one) => one.name === word && !one.own).length;
  const s = microphone.length / RATE_HZ;
  print(`| ${name} | ${Math.round(s)} | ${count("stop")} | ${count("hello robot")} |`);
  if (loudspeaker) return;
  sum.s += s;
  sum.stop += count("stop");
  sum["hello robot"] += count("hello robot");
}
for (const [k, voice] of VOICES.entries()) {
  const turns = Array.from({ length: 60 }, (_, i) => texts[(i * 7 + k * 13) % texts.length]!);
  await other(voice.slice(0, 2).join(" "), strung(turns.map((text, i) => speak(voice, text, i))));
}
const perHour = (count: number) => ((count * 3600) / sum.s).toFixed(1);
print(
  `| **all of it, an hour** | ${Math.round(sum.s)} | ${perHour(sum.stop)} | ${perHour(sum["hello robot"])} |`,
);
for (const condition of CONDITIONS.slice(3)) {
  const { microphone, loudspeaker } = room(condition, robot);
  await other(`the robot itself, ${condition.name.slice(16)}`, microphone, loudspeaker);
}
