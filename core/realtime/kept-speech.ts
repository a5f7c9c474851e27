import { RATE_HZ } from "../audio/port.ts";
import type { Flushed, Playback } from "../audio/port.ts";

const SAMPLES_PER_MS = RATE_HZ / 1000;
/** More of what the loudspeaker has not finished yet is not kept. */
const MOST_SAMPLES = 60 * RATE_HZ;
const FIRST_SAMPLES = 4 * RATE_HZ;
/** A rest begins a little before it was cut, so that the word is whole. */
const REPEAT_MS = 200;

interface KeptItem {
  itemId: string;
  from: number;
  to: number;
}

/** What a flush cut off: the rest of one item and all of those behind it. */
export interface Rest {
  itemIds: string[];
  /** PCM16 24 kHz mono, owned by whoever gets it. */
  pcm: Int16Array;
  restMs: number;
}

/**
 * A loudspeaker that remembers what it was given until it was heard, so that an interruption which was none can be taken
 * back. Allocates when an answer is longer than all before it, never per frame.
 */
export class KeptSpeech implements Playback {
  readonly #playback: Playback;
  readonly #undo: () => void;
  #samples = new Int16Array(0);
  #used = 0;
  #items: KeptItem[] = [];
  #flushed: (rest: Rest | null) => void = () => {};

  constructor(playback: Playback) {
    this.#playback = playback;
    this.#undo = playback.onStopped((itemId, _, reason) => {
      if (reason === "finished" && this.#items.at(-1)?.itemId === itemId) this.#forget();
    });
  }

  /** Tells `handler`, one at a time, what each flush cut off; null where it knows of nothing. */
  onFlushed(handler: (rest: Rest | null) => void): () => void {
    this.#flushed = handler;
    return () => void (this.#flushed = () => {});
  }

  write(itemId: string, pcm: Int16Array): void {
    this.#playback.write(itemId, pcm);
    if (this.#used + pcm.length > MOST_SAMPLES) return;
    let item = this.#items.at(-1);
    if (item?.itemId !== itemId) {
      item = { itemId, from: this.#used, to: this.#used };
      this.#items.push(item);
    }
    this.#reserve(this.#used + pcm.length);
    this.#samples.set(pcm, this.#used);
    this.#used += pcm.length;
    item.to = this.#used;
  }

  flush(): Flushed | null {
    const flushed = this.#playback.flush();
    const rest = flushed && this.#restFrom(flushed);
    this.#forget();
    this.#flushed(rest);
    return flushed;
  }

  end(itemId: string): void {
    this.#playback.end(itemId);
  }

  playedMs(itemId: string): number {
    return this.#playback.playedMs(itemId);
  }

  get active(): boolean {
    return this.#playback.active;
  }

  duck(gain: number, rampMs?: number): void {
    this.#playback.duck(gain, rampMs);
  }

  playSound(pcm: Int16Array, gain?: number): Promise<void> {
    return this.#playback.playSound(pcm, gain);
  }

  playEarcon(pcm: Int16Array, gain?: number): Promise<void> {
    return this.#playback.playEarcon(pcm, gain);
  }

  onStarted(handler: (itemId: string, playedAtMs: number) => void): () => void {
    return this.#playback.onStarted(handler);
  }

  onStopped(handler: (itemId: string, playedMs: number, reason: "finished" | "flushed") => void): () => void {
    return this.#playback.onStopped(handler);
  }

  close(): void {
    this.#undo();
    this.#forget();
  }

  #restFrom({ itemId, playedMs }: Flushed): Rest | null {
    const at = this.#items.findIndex((item) => item.itemId === itemId);
    const first = this.#items[at];
    if (!first) return null;
    const heard = Math.max(0, playedMs - REPEAT_MS) * SAMPLES_PER_MS;
    const from = first.from + heard;
    const itemIds = this.#items.slice(at).map((item) => item.itemId);
    const pcm = this.#samples.slice(from, this.#used);
    return { itemIds, pcm, restMs: Math.round(pcm.length / SAMPLES_PER_MS) };
  }

  #forget(): void {
    this.#used = 0;
    this.#items = [];
  }

  #reserve(samples: number): void {
    if (samples <= this.#samples.length) return;
    const larger = new Int16Array(Math.max(samples, FIRST_SAMPLES, 2 * this.#samples.length));
    larger.set(this.#samples.subarray(0, this.#used));
    this.#samples = larger;
  }
}
