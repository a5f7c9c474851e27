import { FRAME_SAMPLES, RATE_HZ } from "../../core/audio/port.ts";
import type { Capture, Flushed, FrameHandler, Playback } from "../../core/audio/port.ts";

/** A microphone that hears what a test says, at once. */
export class FakeCapture implements Capture {
  readonly #handlers = new Set<FrameHandler>();

  onFrame(handler: FrameHandler): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** Whole frames of `pcm`, one after the other, now. */
  async feed(pcm: Int16Array): Promise<void> {
    for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES) {
      const frame = pcm.subarray(at, at + FRAME_SAMPLES);
      for (const handler of this.#handlers) handler(frame, performance.now());
    }
  }

  /** So many frames of a value that tells them apart. */
  frames(count: number, value = 1000): void {
    for (let i = 0; i < count; i++) void this.feed(new Int16Array(FRAME_SAMPLES).fill(value + i));
  }
}

interface FakeItem {
  itemId: string;
  samples: number;
  playedSamples: number;
  started: boolean;
  ended: boolean;
}

/** A loudspeaker that plays when a test says so. */
export class FakePlayback implements Playback {
  /** Every write, oldest first; `pcm` is a copy. */
  readonly writes: { itemId: string; pcm: Int16Array }[] = [];
  flushes = 0;
  #items: FakeItem[] = [];
  readonly #played = new Map<string, number>();
  readonly #started = new Set<(itemId: string, playedAtMs: number) => void>();
  readonly #stopped = new Set<(itemId: string, playedMs: number, reason: "finished" | "flushed") => void>();

  write(itemId: string, pcm: Int16Array): void {
    this.writes.push({ itemId, pcm: pcm.slice() });
    let item = this.#items.find((known) => known.itemId === itemId);
    if (!item) {
      item = { itemId, samples: 0, playedSamples: 0, started: false, ended: false };
      this.#items.push(item);
    }
    item.samples += pcm.length;
  }

  end(itemId: string): void {
    const item = this.#items.find((known) => known.itemId === itemId);
    if (item) item.ended = true;
    this.#settle();
  }

  /** The loudspeaker plays so much of what is queued. */
  play(ms: number): void {
    let left = Math.round((ms * RATE_HZ) / 1000);
    for (const item of this.#items) {
      const now = Math.min(left, item.samples - item.playedSamples);
      if (now > 0 && !item.started) {
        item.started = true;
        for (const handler of this.#started) handler(item.itemId, performance.now());
      }
      item.playedSamples += now;
      this.#played.set(item.itemId, toMs(item.playedSamples));
      left -= now;
      if (!item.ended) break;
    }
    this.#settle();
  }

  flush(): Flushed | null {
    this.flushes++;
    const [first] = this.#items;
    this.#items = [];
    if (!first) return null;
    for (const handler of this.#stopped) handler(first.itemId, toMs(first.playedSamples), "flushed");
    return {
      itemId: first.itemId,
      playedMs: toMs(first.playedSamples),
      receivedMs: toMs(first.samples),
    };
  }

  playedMs(itemId: string): number {
    return this.#played.get(itemId) ?? 0;
  }

  get active(): boolean {
    return this.#items.some((item) => item.playedSamples < item.samples);
  }

  duck(): void {}

  async playSound(): Promise<void> {}

  async playEarcon(): Promise<void> {}

  onStarted(handler: (itemId: string, playedAtMs: number) => void): () => void {
    this.#started.add(handler);
    return () => void this.#started.delete(handler);
  }

  onStopped(handler: (itemId: string, playedMs: number, reason: "finished" | "flushed") => void): () => void {
    this.#stopped.add(handler);
    return () => void this.#stopped.delete(handler);
  }

  #settle(): void {
    for (;;) {
      const [first] = this.#items;
      if (!first || !first.ended || first.playedSamples < first.samples) return;
      this.#items.shift();
      for (const handler of this.#stopped) handler(first.itemId, toMs(first.samples), "finished");
    }
  }
}

function toMs(samples: number): number {
  return Math.floor((samples * 1000) / RATE_HZ);
}
