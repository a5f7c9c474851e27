import { RATE_HZ } from "./port.ts";
import type { Flushed, Playback } from "./port.ts";
import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";
import { SoundQueue } from "./sound-queue.ts";
import { Spool } from "./spool.ts";

const SAMPLES_PER_MS = RATE_HZ / 1000;
const DUCK_RAMP_MS = 30;
/** Items whose played time is still known after they stopped. */
const REMEMBERED_ITEMS = 64;

interface Item {
  id: string;
  /** Positions in the speech ring; `end` moves on with each write. */
  start: number;
  end: number;
  ended: boolean;
  started: boolean;
  queuedAtMs: number;
}

type Started = (itemId: string, playedAtMs: number) => void;
type Stopped = (itemId: string, playedMs: number, reason: "finished" | "flushed") => void;

/** The main thread's end of the loudspeaker: items are ranges of the speech ring; the thread tells what was heard. */
export class PlaybackEnd implements Playback {
  readonly #speech: Spool;
  readonly #sounds: SoundQueue;
  readonly #earcons: SoundQueue;
  readonly #shared: SharedState;
  readonly #wake: () => void;
  readonly #hurry: () => void;
  readonly #onFault: (error: unknown) => void;
  #items: Item[] = [];
  /** Milliseconds played of items that stopped, oldest first. */
  readonly #past = new Map<string, number>();
  #started: Started[] = [];
  #stopped: Stopped[] = [];
  #lateSamples = 0;

  /**
   * `wake` is called when there is work for `poll`; of new samples before the thread can take them. `hurry` when there is some that
   * the thread is not to sleep over.
   */
  constructor(
    speech: Ring,
    sounds: Ring,
    earcons: Ring,
    shared: SharedState,
    wake: () => void,
    onFault: (error: unknown) => void,
    hurry: () => void = () => {},
  ) {
    this.#speech = new Spool(speech);
    this.#sounds = new SoundQueue(sounds, wake);
    this.#earcons = new SoundQueue(earcons, wake);
    this.#shared = shared;
    this.#wake = wake;
    this.#onFault = onFault;
    this.#hurry = hurry;
  }

  write(itemId: string, pcm: Int16Array): void {
    let item = this.#items.at(-1);
    if (item?.id !== itemId) {
      if (this.#past.has(itemId) || this.#queued(itemId)) {
        this.#lateSamples += pcm.length;
        return;
      }
      if (item) this.#end(item);
      const start = this.#speech.end;
      const queuedAtMs = performance.now();
      item = { id: itemId, start, end: start, ended: false, started: false, queuedAtMs };
      this.#items.push(item);
    } else if (item.ended) {
      this.#lateSamples += pcm.length;
      return;
    }
    this.#wake();
    this.#speech.append(pcm);
    item.end = this.#speech.end;
  }

  /** Apart from `write`: a closure in it would cost memory with every delta. */
  #queued(itemId: string): boolean {
    return this.#items.some((other) => other.id === itemId);
  }

  end(itemId: string): void {
    const item = this.#items.find((one) => one.id === itemId);
    if (!item) return;
    this.#end(item);
    this.#wake();
  }

  #end(item: Item): void {
    if (item.ended) return;
    item.ended = true;
    this.#shared.completeTo = item.end;
  }

  flush(): Flushed | null {
    this.poll();
    const items = this.#items;
    const first = items[0];
    if (!first) return null;
    const flushed = {
      itemId: first.id,
      playedMs: this.#playedMs(first),
      receivedMs: wholeMs(distance(first.start, first.end)),
    };
    this.#items = [];
    this.#speech.dropWaiting();
    this.#shared.completeTo = this.#speech.ring.head;
    this.#shared.requestFlush(this.#speech.ring.head);
    this.#hurry();
    for (const item of items) this.#stop(item, item === first ? flushed.playedMs : 0, "flushed");
    return flushed;
  }

  playedMs(itemId: string): number {
    const item = this.#items.find((one) => one.id === itemId);
    return item ? this.#playedMs(item) : (this.#past.get(itemId) ?? 0);
  }

  get active(): boolean {
    const last = this.#items.at(-1);
    return last !== undefined && distance(this.#heard, last.end) > 0;
  }

  duck(gain: number, rampMs = DUCK_RAMP_MS): void {
    this.#shared.requestDuck(Math.min(1, Math.max(0, gain)), Math.round(rampMs * SAMPLES_PER_MS));
  }

  playSound(pcm: Int16Array, gain = 1): Promise<void> {
    return this.#sounds.play(pcm, gain);
  }

  playEarcon(pcm: Int16Array, gain = 1): Promise<void> {
    return this.#earcons.play(pcm, gain);
  }

  onStarted(handler: Started): () => void {
    const own: Started = (itemId, playedAtMs) => handler(itemId, playedAtMs);
    this.#started = [...this.#started, own];
    return () => void (this.#started = this.#started.filter((other) => other !== own));
  }

  onStopped(handler: Stopped): () => void {
    const own: Stopped = (itemId, playedMs, reason) => handler(itemId, playedMs, reason);
    this.#stopped = [...this.#stopped, own];
    return () => void (this.#stopped = this.#stopped.filter((other) => other !== own));
  }

  /** Moves audio towards the thread, and tells of items that started or finished since. */
  poll(): void {
    this.#speech.topUp();
    this.#sounds.poll();
    this.#earcons.poll();
    if (this.#items.length === 0) return;
    this.#shared.readPlayed();
    const { playedSpeech, playedAtMs } = this.#shared;
    while (this.#items.length > 0) {
      const item = this.#items[0]!;
      const heard = distance(item.start, playedSpeech);
      if (heard > 0 && !item.started) this.#start(item, playedAtMs - heard / SAMPLES_PER_MS);
      const length = distance(item.start, item.end);
      if (!item.ended || heard < length) return;
      // A handler may have flushed.
      if (this.#items[0] !== item) continue;
      this.#items.shift();
      this.#stop(item, wholeMs(length), "finished");
    }
  }

  /** Without a device, everything queued counts as played now. */
  sink(nowMs: number): void {
    for (let before = -1; this.#speech.queued > 0 && this.#speech.queued !== before;) {
      before = this.#speech.queued;
      const { ring } = this.#speech;
      ring.release(ring.head);
      this.#speech.topUp();
    }
    this.settle(nowMs);
    this.#sounds.sink();
    this.#earcons.sink();
  }

  /** Without a device, does in the thread's stead what it would do at a flush. */
  settle(nowMs: number): void {
    const { ring } = this.#speech;
    if (this.#shared.flushPending) {
      if (distance(ring.tail, this.#shared.flushTo) > 0) ring.release(this.#shared.flushTo);
      this.#shared.flushed(this.#shared.flushSeq);
    }
    this.#shared.readPlayed();
    if (this.#shared.playedSpeech !== ring.tail) {
      this.#shared.publishPlayed(ring.tail, this.#shared.playedReference, nowMs);
    }
  }

  /** There is something to play, or somebody waits for the end of it. */
  get busy(): boolean {
    return this.#items.length > 0 || this.#sounds.busy || this.#earcons.busy || this.#shared.flushPending;
  }

  counters(): Record<string, unknown> {
    return {
      playback_queued_ms: Math.round(this.#speech.queued / SAMPLES_PER_MS),
      playback_items: this.#items.length,
      playback_late_samples: this.#lateSamples,
      playback_target_ms: Math.round(this.#shared.jitterTargetSamples / SAMPLES_PER_MS),
      playback_live: this.#shared.liveSender,
      sound_queued_ms: Math.round(this.#sounds.queued / SAMPLES_PER_MS),
      earcon_queued_ms: Math.round(this.#earcons.queued / SAMPLES_PER_MS),
    };
  }

  get #heard(): number {
    this.#shared.readPlayed();
    return this.#shared.playedSpeech;
  }

  #playedMs(item: Item): number {
    const heard = distance(item.start, this.#heard);
    return wholeMs(Math.min(Math.max(0, heard), distance(item.start, item.end)));
  }

  /** Apart from `poll`: a closure in its loop would cost memory in every turn. */
  #start(item: Item, firstAtMs: number): void {
    item.started = true;
    const atMs = Math.max(item.queuedAtMs, firstAtMs);
    for (const handler of this.#started) this.#call(() => handler(item.id, atMs));
  }

  #stop(item: Item, playedMs: number, reason: "finished" | "flushed"): void {
    this.#past.set(item.id, playedMs);
    for (const id of this.#past.keys()) {
      if (this.#past.size <= REMEMBERED_ITEMS) break;
      this.#past.delete(id);
    }
    for (const handler of this.#stopped) this.#call(() => handler(item.id, playedMs, reason));
  }

  #call(body: () => void): void {
    try {
      body();
    } catch (error) {
      this.#onFault(error);
    }
  }
}

function wholeMs(samples: number): number {
  return Math.floor(samples / SAMPLES_PER_MS);
}
