import { MynaError, RATE_HZ, Resampler } from "myna";
import { BLOCK_SAMPLES } from "./block.ts";
import type { ListenerLine } from "./block.ts";
import type { Keyword } from "./phrases.ts";
import { SPHINX_HZ } from "./sphinx.ts";

/** More blocks than these on their way, and the process is behind: 3 s. */
const MOST_BEHIND = 150;

/** The process that listens for words: a fault of the recogniser is not one of the robot. */
export class Ears {
  /** Resolves when it listens; rejects with SPEECH_UNAVAILABLE. */
  readonly ready: Promise<void>;
  /** Resolves when the process is gone, by itself or by `kill`. */
  readonly ended: Promise<void>;
  /** Frames that it was too slow for. */
  droppedFrames = 0;
  readonly #child: Bun.Subprocess<"pipe", "pipe", "ignore">;
  readonly #block = new Int16Array(BLOCK_SAMPLES * 2);
  readonly #bytes = new Uint8Array(this.#block.buffer);
  readonly #microphone = new Resampler(RATE_HZ, SPHINX_HZ);
  readonly #loudspeaker = new Resampler(RATE_HZ, SPHINX_HZ);
  readonly #converted = new Int16Array(BLOCK_SAMPLES + 32);
  #sent = 0;
  #done = 0;

  constructor(phrases: readonly Keyword[], heard: (phrase: Keyword, own: boolean) => void) {
    this.#child = Bun.spawn({
      cmd: [process.execPath, `${import.meta.dir}/listener.ts`, JSON.stringify(phrases)],
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    this.ended = this.#child.exited.then(() => {});
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ready.catch(() => {});
    void this.#read((line) => {
      if ("ready" in line) ready.resolve();
      else if ("error" in line) ready.reject(new MynaError("SPEECH_UNAVAILABLE", line.error));
      else {
        this.#done = line.blocks;
        const phrase = "heard" in line ? phrases[line.heard] : undefined;
        if (phrase && "heard" in line) heard(phrase, line.own);
      }
    }).finally(() =>
      ready.reject(new MynaError("SPEECH_UNAVAILABLE", "the word recogniser's process ended")),
    );
  }

  /** A frame of the microphone and what the loudspeaker let out meanwhile, both borrowed. */
  frame(frame: Int16Array, reference: Int16Array): void {
    if (this.#sent - this.#done > MOST_BEHIND) {
      this.droppedFrames++;
      return;
    }
    this.#convert(this.#microphone, frame, 0);
    this.#convert(this.#loudspeaker, reference, BLOCK_SAMPLES);
    this.#sent++;
    this.#child.stdin.write(this.#bytes);
    void this.#child.stdin.flush();
  }

  /** Idempotent. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #convert(resampler: Resampler, pcm: Int16Array, at: number): void {
    const count = Math.min(BLOCK_SAMPLES, resampler.process(pcm, this.#converted));
    this.#block.fill(0, at, at + BLOCK_SAMPLES);
    for (let i = 0; i < count; i++) this.#block[at + i] = this.#converted[i]!;
  }

  async #read(take: (line: ListenerLine) => void): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(JSON.parse(line) as ListenerLine);
    }
  }
}
