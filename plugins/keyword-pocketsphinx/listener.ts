import { BLOCK_SAMPLES } from "./block.ts";
import type { ListenerLine } from "./block.ts";
import type { Keyword } from "./phrases.ts";
import { WordEar } from "./word-ear.ts";
import type { HeardPhrase } from "./word-ear.ts";

/** The loudspeaker has been silent so long when it is not listened to any more, blocks of 20 ms. */
const QUIET_BLOCKS = 50;
/** A word of the loudspeaker is heard at the microphone so many frames of 10 ms before and behind it. */
const ECHO_EARLY = 15;
const ECHO_LATE = 60;
/** The user's word is clearer than what the loudspeaker said by more than this where it is not taken for its echo. */
const CLEARER = 300;
/** Words of the loudspeaker that are remembered. */
const MOST_OWN = 64;
const REPORT_BLOCKS = 50;

/** The process: reads blocks from stdin, writes lines to stdout, ends with its stdin. Its argument is the list of phrases. */
async function listen(phrases: readonly Keyword[]): Promise<void> {
  const write = (line: ListenerLine) => void process.stdout.write(`${JSON.stringify(line)}\n`);
  let microphone: WordEar;
  let loudspeaker: WordEar;
  try {
    microphone = new WordEar(phrases);
    loudspeaker = new WordEar(phrases, { judged: false });
  } catch (error) {
    write({ error: Error.isError(error) ? error.message : String(error) });
    return;
  }
  write({ ready: true });
  let own: HeardPhrase[] = [];
  const isOwn = ({ index, toFrame, score }: HeardPhrase) =>
    own.some(
      (one) =>
        phrases[one.index]?.name === phrases[index]?.name &&
        toFrame >= one.toFrame - ECHO_EARLY &&
        toFrame <= one.toFrame + ECHO_LATE &&
        score <= one.score + CLEARER,
    );
  let blocks = 0;
  let soundedAt = -QUIET_BLOCKS;
  for await (const block of blocksOf(Bun.stdin.stream())) {
    blocks++;
    const reference = block.subarray(BLOCK_SAMPLES);
    if (reference.some((sample) => sample !== 0)) soundedAt = blocks;
    const sounds = blocks - soundedAt < QUIET_BLOCKS;
    if (sounds) {
      own = [...own, ...loudspeaker.push(reference)].slice(-MOST_OWN);
    } else {
      if (loudspeaker.busy) loudspeaker.restart();
      loudspeaker.skip(BLOCK_SAMPLES / 160);
    }
    for (const heard of microphone.push(block.subarray(0, BLOCK_SAMPLES), sounds))
      write({ heard: heard.index, own: isOwn(heard), blocks });
    if (blocks % REPORT_BLOCKS === 0) write({ blocks });
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
