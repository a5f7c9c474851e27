/**
 * `bun bench/keywords.ts`: how often keyword-pocketsphinx hears its words, in quiet and over the robot's own voice, and how often
 * it hears them where nobody said them. Needs Debian's espeak-ng, flite, pocketsphinx and pocketsphinx-en-us; some minutes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { resample } from "../core/audio/resample.ts";
import { keywords } from "../plugins/keyword-pocketsphinx/phrases.ts";
import type { Keyword } from "../plugins/keyword-pocketsphinx/phrases.ts";
import { BLOCK_SAMPLES } from "../plugins/keyword-pocketsphinx/block.ts";
import type { ListenerLine } from "../plugins/keyword-pocketsphinx/block.ts";
import { DICTIONARY } from "../plugins/keyword-pocketsphinx/sphinx.ts";
import { espeak, flite } from "../test/kit/voices.ts";
import { noise } from "./fixtures/sound.ts";

const ROOT = join(import.meta.dir, "..");
const LISTENER = join(ROOT, "plugins/keyword-pocketsphinx/listener.ts");
const RATE_HZ = 24_000;
/** The robot says so many sentences, one behind the other; a person calls every few seconds. */
const SENTENCES = 40;
const CALL_EVERY_S = 4;
/** Around a call, when hearing it counts, seconds. */
const EARLY_S = 1.2;
const LATE_S = 2.4;
const ECHOES_DB = [undefined, -20, -12, -6] as const;
/** Noise of the microphone, -70 dB of full scale. */
const NOISE_SHIFT = 8;

type Say = (text: string) => Promise<Int16Array>;
const PERSONS: Record<string, Say> = {
  "flite slt": (text) => flite(text, "slt"),
  "flite awb": (text) => flite(text, "awb"),
  "flite kal16": (text) => flite(text, "kal16"),
  "espeak-ng en-us": (text) => espeak(text, "en-us", 160),
  "espeak-ng en-us+f3": (text) => espeak(text, "en-us+f3", 160),
  "espeak-ng en-gb": (text) => espeak(text, "en-gb", 160),
};

interface Heard {
  name: string;
  own: boolean;
  atS: number;
}

/** What the plugin's process hears in a recording. */
async function listen(list: Keyword[], microphone: Int16Array, loudspeaker: Int16Array): Promise<Heard[]> {
  const child = Bun.spawn([process.execPath, LISTENER, JSON.stringify(list)], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const mic = resample(microphone, RATE_HZ, 16_000);
  const speaker = resample(loudspeaker, RATE_HZ, 16_000);
  for (let at = 0; at + BLOCK_SAMPLES <= mic.length; at += BLOCK_SAMPLES) {
    const block = new Int16Array(2 * BLOCK_SAMPLES);
    block.set(mic.subarray(at, at + BLOCK_SAMPLES));
    block.set(speaker.subarray(at, at + BLOCK_SAMPLES), BLOCK_SAMPLES);
    child.stdin.write(new Uint8Array(block.buffer));
    if (at % (50 * BLOCK_SAMPLES) === 0) await child.stdin.flush();
  }
  void child.stdin.end();
  const heard: Heard[] = [];
  let atS = 0;
  for (const line of (await new Response(child.stdout).text()).split("\n").filter(Boolean)) {
    const told = JSON.parse(line) as ListenerLine;
    if ("blocks" in told) atS = told.blocks / 50;
    else if ("heard" in told) heard.push({ name: list[told.heard]?.name ?? "", own: told.own, atS });
    else if ("error" in told) throw new Error(told.error);
  }
  return heard;
}

function mix(into: Int16Array, at: number, pcm: Int16Array, gain: number): void {
  for (let i = 0; i < pcm.length && at + i < into.length; i++)
    into[at + i] = Math.max(-32768, Math.min(32767, into[at + i]! + pcm[i]! * gain));
}

/** Sentences without the words, one behind the other. */
async function talk(say: Say): Promise<Int16Array> {
  const lines = readFileSync(join(ROOT, "test/fixtures/sentences/others-fresh.txt"), "utf8").split("\n");
  const texts = lines.filter((line) => line !== "" && !/stop|robot|hello/i.test(line));
  const parts: Int16Array[] = [];
  for (let i = 0; i < SENTENCES; i++) parts.push(await say(texts[i % texts.length]!));
  const pcm = new Int16Array(parts.reduce((length, part) => length + part.length + RATE_HZ / 5, RATE_HZ));
  parts.reduce((at, part) => (pcm.set(part, at), at + part.length + RATE_HZ / 5), 0);
  return pcm;
}

async function row(
  list: Keyword[],
  word: string,
  robot: Int16Array,
  echoDb: number | undefined,
): Promise<string> {
  const loudspeaker = echoDb === undefined ? new Int16Array(robot.length) : robot;
  const room = noise(robot.length, 7).map((sample) => (sample >> NOISE_SHIFT) >> 2);
  if (echoDb !== undefined) mix(room, RATE_HZ / 100, robot, 10 ** (echoDb / 20));
  const alone = await listen(list, room, loudspeaker);
  const calls: number[] = [];
  const seconds = robot.length / RATE_HZ;
  const says = Object.values(PERSONS);
  for (let atS = 3; atS < seconds - 3; atS += CALL_EVERY_S) {
    mix(room, atS * RATE_HZ, await says[calls.length % says.length]!(word), 1);
    calls.push(atS);
  }
  const heard = await listen(list, room, loudspeaker);
  const hit = calls.map((atS) =>
    heard.some((one) => one.name === word && !one.own && one.atS >= atS - EARLY_S && one.atS <= atS + LATE_S),
  );
  const share = (which: boolean[]) => `${which.filter(Boolean).length} of ${which.length}`;
  const voices = Object.keys(PERSONS).map((_, k) => share(hit.filter((__, i) => i % says.length === k)));
  const wrong = alone.filter((one) => one.name === word && !one.own).length;
  const condition = echoDb === undefined ? "in quiet" : `over the robot, echo ${echoDb} dB`;
  const hours = seconds / 3600;
  const falseAlarms = echoDb === undefined ? "0" : (wrong / hours).toFixed(0);
  return `| ${word} | ${condition} | ${share(hit)} | ${voices.join(" | ")} | ${falseAlarms} (${wrong} in ${Math.round(seconds)} s) |`;
}

const list = keywords(
  { stop_words: ["stop"], wake_words: ["hello robot"], thresholds: {}, sounds: {} },
  DICTIONARY,
);
const print = (line: string) => void process.stdout.write(`${line}\n`);
print(`| word | condition | heard | ${Object.keys(PERSONS).join(" | ")} | false alarms per hour |`);
print(`| --- | --- | --- |${" --- |".repeat(Object.keys(PERSONS).length + 1)}`);
const robot = await talk((text) => flite(text, "rms"));
for (const word of ["stop", "hello robot"])
  for (const echoDb of ECHOES_DB) print(await row(list, word, robot, echoDb));
for (const [voice, say] of Object.entries(PERSONS)) {
  const others = await talk(say);
  const seconds = others.length / RATE_HZ;
  const heard = await listen(list, others, new Int16Array(others.length));
  const count = (word: string) => heard.filter(({ name }) => name === word).length;
  print(
    `${voice} talks for ${Math.round(seconds)} s of other things: stop ${count("stop")}, hello robot ${count("hello robot")}`,
  );
}
