import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BLOCK_SAMPLES } from "./block.ts";
import type { ListenerLine } from "./block.ts";
import type { Keyword } from "./phrases.ts";
import { WordSpotter } from "./sphinx.ts";

/** The loudspeaker has been silent so long when it is not listened to any more, blocks of 20 ms. */
const QUIET_BLOCKS = 50;
/** A word that the robot has said itself within so long is not the user's. */
const OWN_BLOCKS = 60;
/** Over the robot's voice words are harder to recognise: powers of ten by which less is enough then. */
const OVER_EASE = 4;
/** Of the loudspeaker even a vague word counts: it must be noticed before its echo. */
const OWN_EASE = 10;
/** One after the other, a phrase is told once in so long. */
const AGAIN_BLOCKS = 25;
/** The recogniser's memory is given back in pauses of this length at the latest, seconds. */
const RESTART_S = 15;
const REPORT_BLOCKS = 50;

/** The process: reads blocks from stdin, writes lines to stdout, ends with its stdin. Its argument is the list of phrases. */
async function listen(phrases: readonly Keyword[]): Promise<void> {
  const write = (line: ListenerLine) => void process.stdout.write(`${JSON.stringify(line)}\n`);
  let user: WordSpotter;
  let over: WordSpotter;
  let robot: WordSpotter;
  try {
    user = spotter(phrases);
    over = spotter(phrases, OVER_EASE);
    robot = spotter(phrases, OWN_EASE);
  } catch (error) {
    write({ error: Error.isError(error) ? error.message : String(error) });
    return;
  }
  write({ ready: true });
  const indexOf = (text: string) =>
    phrases.findIndex((phrase) => phrase.text === text.split("  ")[0]?.trim());
  const ownAt = new Map<string, number>();
  const toldAt = new Map<string, number>();
  let blocks = 0;
  let soundedAt = -QUIET_BLOCKS;
  for await (const block of blocksOf(Bun.stdin.stream())) {
    blocks++;
    const reference = block.subarray(BLOCK_SAMPLES);
    if (reference.some((sample) => sample !== 0)) soundedAt = blocks;
    const sounds = blocks - soundedAt < QUIET_BLOCKS;
    if (sounds) {
      const own = phrases[indexOf(robot.push(reference))];
      if (own) ownAt.set(own.name, blocks);
    } else if (robot.seconds > 0) {
      robot.restart();
      over.restart();
    }
    if (sounds && user.seconds > 0) user.restart();
    const index = indexOf((sounds ? over : user).push(block.subarray(0, BLOCK_SAMPLES)));
    const phrase = phrases[index];
    if (phrase && blocks - (toldAt.get(phrase.name) ?? -AGAIN_BLOCKS) >= AGAIN_BLOCKS) {
      toldAt.set(phrase.name, blocks);
      write({ heard: index, own: blocks - (ownAt.get(phrase.name) ?? -OWN_BLOCKS) < OWN_BLOCKS });
    }
    if (user.seconds > RESTART_S) user.restart();
    if (blocks % REPORT_BLOCKS === 0) write({ blocks });
  }
}

function spotter(keywords: readonly Keyword[], ease = 0): WordSpotter {
  const phrases = keywords.map((phrase) => ({ ...phrase, threshold: phrase.threshold - ease }));
  const file = join(tmpdir(), `myna-keywords-${process.pid}-${performance.now()}.list`);
  writeFileSync(file, WordSpotter.keyList(phrases));
  try {
    return new WordSpotter(phrases, file);
  } finally {
    rmSync(file, { force: true });
  }
}

async function* blocksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Int16Array> {
  const bytes = new Uint8Array(BLOCK_SAMPLES * 2 * 2);
  const block = new Int16Array(bytes.buffer);
  let filled = 0;
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(bytes.length - filled, chunk.length - at);
      bytes.set(chunk.subarray(at, at + count), filled);
      filled += count;
      at += count;
      if (filled < bytes.length) continue;
      filled = 0;
      yield block;
    }
  }
}

if (import.meta.main) await listen(JSON.parse(process.argv[2] ?? "[]") as Keyword[]);
