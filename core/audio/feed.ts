import { MynaError } from "../errors.ts";
import { mixInto } from "./mix.ts";
import { FRAME_SAMPLES } from "./port.ts";

interface Feed {
  pcm: Int16Array;
  resolve(): void;
  reject(error: Error): void;
}

/** What the program speaks into the microphone, one feed behind the other, taken at the microphone's pace. */
export class FeedQueue {
  #feeds: Feed[] = [];
  /** Samples of the first feed that were taken. */
  #at = 0;
  /** Feeds whose last sample is in the frame that is being delivered. */
  #taken: Feed[] = [];
  readonly #part = new Int16Array(FRAME_SAMPLES);

  get waiting(): boolean {
    return this.#feeds.length > 0 || this.#taken.length > 0;
  }

  get queuedSamples(): number {
    return this.#feeds.reduce((sum, { pcm }) => sum + pcm.length, 0) - this.#at;
  }

  /** Copies; resolves when the frame with its last sample was delivered, or when `signal` aborts: the rest is dropped. */
  add(pcm: Int16Array, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const feed: Feed = { pcm: pcm.slice(), resolve, reject };
    this.#feeds.push(feed);
    signal?.addEventListener("abort", () => this.#drop(feed), { once: true });
    return promise;
  }

  /** Mixes the next 20 ms of it into the frame. */
  mixInto(frame: Int16Array): void {
    let filled = 0;
    while (filled < FRAME_SAMPLES && this.#feeds.length > 0) {
      const feed = this.#feeds[0]!;
      const count = Math.min(FRAME_SAMPLES - filled, feed.pcm.length - this.#at);
      for (let i = 0; i < count; i++) this.#part[filled + i] = feed.pcm[this.#at + i]!;
      filled += count;
      this.#at += count;
      if (this.#at < feed.pcm.length) break;
      this.#taken.push(feed);
      this.#feeds.shift();
      this.#at = 0;
    }
    if (filled > 0) mixInto(frame, this.#part, filled);
  }

  /** The frames with what was taken so far have been delivered. */
  settle(): void {
    while (this.#taken.length > 0) this.#taken.shift()!.resolve();
  }

  #drop(feed: Feed): void {
    const index = this.#feeds.indexOf(feed);
    if (index < 0) return;
    this.#feeds.splice(index, 1);
    if (index === 0) this.#at = 0;
    feed.resolve();
  }

  /** There is no microphone and none is expected: what is fed would wait for ever. */
  abandon(): void {
    const feeds = [...this.#taken, ...this.#feeds];
    this.#feeds = [];
    this.#taken = [];
    this.#at = 0;
    for (const { reject } of feeds) {
      reject(new MynaError("DEVICE_NOT_FOUND", "there is no microphone to speak into"));
    }
  }
}
