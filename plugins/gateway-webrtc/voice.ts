import { FRAME_SAMPLES, RATE_HZ } from "myna";

const SAMPLES_PER_MS = RATE_HZ / 1000;
/** An answer starts when so much of it is there, or all of it; */
const START_SAMPLES = FRAME_SAMPLES;
/** and goes on with so much after it has run dry: its sender is as fast as speech, and not even. */
const RESTART_SAMPLES = 2 * FRAME_SAMPLES;
/** A sender as fast as speech: what never got below the first for a second, and is not above the second, is delay. */
const SPARE_SAMPLES = FRAME_SAMPLES;
const LIVE_SAMPLES = 0.5 * RATE_HZ;
const WATCHED_FRAMES = 50;
/** Pauses are shortened: what is quieter than -44 dB of full scale. */
const QUIET = 200;
/** What was said is kept so long, to be said again where somebody seemed to interrupt and did not. */
const KEPT_SAMPLES = 0.3 * RATE_HZ;
/** A change of loudness is spread over one frame. */
const FULL_GAIN = 1;

/** What an interruption cut off. */
export interface Cut {
  itemId: string;
  /** Heard by the page, whole milliseconds. */
  playedMs: number;
  receivedMs: number;
}

/** What a {@link Voice} tells. */
export interface VoiceEvents {
  /** The first sound of an item is in the frame that was just made. */
  started(itemId: string): void;
  stopped(itemId: string, playedMs: number, reason: "finished" | "flushed"): void;
}

interface Item {
  id: string;
  /** Pieces that are still needed; the first begins at sample `from`. */
  pieces: Int16Array[];
  from: number;
  received: number;
  sent: number;
  ended: boolean;
  started: boolean;
}

/**
 * What is said to a page, item after item, taken in frames of 20 ms at the pace of speech. Allocates nothing per frame but when
 * sound is written.
 */
export class Voice {
  readonly #events: VoiceEvents;
  #items: Item[] = [];
  /** Ids of items that are over or were cut: what still comes of them is dropped. */
  readonly #past = new Set<string>();
  #gain = FULL_GAIN;
  #target = FULL_GAIN;
  #paused = false;
  #running = false;
  #startSamples = START_SAMPLES;
  /** Least that waited in the frames since the count began. */
  #leastSamples = Infinity;
  #watchedFrames = 0;
  /** Delay between sending and hearing, as the page tells it. */
  pageDelayMs = 60;
  /** True where the page mutes what it has already received as soon as it is told. */
  pageCuts = false;
  readonly counters = { items: 0, cuts: 0, late_pieces: 0, underruns: 0, restored: 0, shortened: 0 };

  constructor(events: VoiceEvents) {
    this.#events = events;
  }

  /** Something is being said, or about to be. */
  get active(): boolean {
    return this.#items.some((item) => item.sent < item.received);
  }

  /** {@link take} has a whole frame, or the end of something. */
  get ready(): boolean {
    const items = this.#items;
    if (this.#paused || items.length === 0) return false;
    // Only the last can still grow.
    if (items[items.length - 1]!.ended) return true;
    let left = 0;
    for (const item of items) left += item.received - item.sent;
    return left >= (this.#running ? FRAME_SAMPLES : this.#startSamples);
  }

  /** Something is being said, and not all of it has come. */
  get expects(): boolean {
    return this.#running && !this.#paused && this.#items.at(-1)?.ended === false;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** What is there and was not sent yet. */
  get queuedMs(): number {
    return this.#items.reduce((sum, item) => sum + item.received - item.sent, 0) / SAMPLES_PER_MS;
  }

  /** PCM16 mono 24 kHz; copies. */
  write(itemId: string, pcm: Int16Array): void {
    if (pcm.length === 0) return;
    let item = this.#items.find(({ id }) => id === itemId);
    if (item?.ended || this.#past.has(itemId)) {
      this.counters.late_pieces++;
      return;
    }
    if (!item) {
      for (const other of this.#items) other.ended = true;
      this.#startSamples = START_SAMPLES;
      item = { id: itemId, pieces: [], from: 0, received: 0, sent: 0, ended: false, started: false };
      this.#items.push(item);
      this.counters.items++;
    }
    item.pieces.push(pcm.slice());
    item.received += pcm.length;
  }

  /** No more sound comes for the item, or for any where none is named. */
  end(itemId?: string): void {
    for (const item of this.#items) if (itemId === undefined || item.id === itemId) item.ended = true;
  }

  /** Loudness from now on, 0 to 1. */
  duck(gain: number): void {
    this.#target = gain;
  }

  /** Silence from the next frame on; nothing is forgotten. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on where the page stopped hearing. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#target = this.#gain = FULL_GAIN;
    const item = this.#items[0];
    if (!item?.started || !this.pageCuts) return;
    this.counters.restored++;
    item.sent = Math.max(item.from, item.sent - Math.round(this.pageDelayMs * SAMPLES_PER_MS));
  }

  /** Silence from the next frame on, and everything is forgotten. Null where nothing was left to say. */
  flush(): Cut | null {
    const [first] = this.#items;
    const items = this.#items;
    this.#items = [];
    this.#paused = false;
    this.#running = false;
    this.#target = this.#gain = FULL_GAIN;
    if (!first) return null;
    this.counters.cuts++;
    for (const item of items) {
      this.#forget(item.id);
      this.#events.stopped(item.id, this.#heardMs(item), "flushed");
    }
    return {
      itemId: first.id,
      playedMs: this.#heardMs(first),
      receivedMs: Math.floor(first.received / SAMPLES_PER_MS),
    };
  }

  /** Heard of the item that is being said, milliseconds; 0 for any other. */
  playedMs(itemId: string): number {
    const item = this.#items.find(({ id }) => id === itemId);
    return item ? this.#heardMs(item) : 0;
  }

  /** The next 20 ms; false where they are silent. */
  take(frame: Int16Array): boolean {
    frame.fill(0);
    if (this.#paused) return false;
    let at = 0;
    while (at < FRAME_SAMPLES) {
      const item = this.#items[0];
      if (!item) break;
      const left = item.received - item.sent;
      if (left === 0) {
        if (!item.ended) {
          if (this.#running && at === 0) {
            this.counters.underruns++;
            this.#startSamples = RESTART_SAMPLES;
            this.#running = false;
          }
          break;
        }
        this.#finish(item);
        continue;
      }
      if (!this.#running && left < this.#startSamples && !item.ended) break;
      this.#running = true;
      if (at === 0) this.#catchUp(item, left);
      at += this.#copy(item, frame, at, Math.min(left, FRAME_SAMPLES - at));
      if (item.started) continue;
      item.started = true;
      this.#events.started(item.id);
    }
    if (at > 0) this.#scale(frame);
    return at > 0;
  }

  /** Leaves out a silent frame of a live sender's delay, which nothing else would ever make up. */
  #catchUp(item: Item, left: number): void {
    this.#leastSamples = Math.min(this.#leastSamples, left);
    if (++this.#watchedFrames < WATCHED_FRAMES) return;
    const delayed = this.#leastSamples > SPARE_SAMPLES && this.#leastSamples < LIVE_SAMPLES;
    if (delayed && !item.ended && left >= 2 * FRAME_SAMPLES && this.#quietAhead(item)) {
      item.sent += FRAME_SAMPLES;
      this.counters.shortened++;
      this.#leastSamples -= FRAME_SAMPLES;
    } else if (!delayed) {
      this.#leastSamples = Infinity;
      this.#watchedFrames = 0;
    }
  }

  #quietAhead(item: Item): boolean {
    let skip = item.sent - item.from;
    let seen = 0;
    for (const piece of item.pieces) {
      for (let i = skip; i < piece.length && seen < FRAME_SAMPLES; i++, seen++)
        if (piece[i]! > QUIET || piece[i]! < -QUIET) return false;
      skip = Math.max(0, skip - piece.length);
    }
    return true;
  }

  #copy(item: Item, frame: Int16Array, at: number, count: number): number {
    let skip = item.sent - item.from;
    let done = 0;
    for (const piece of item.pieces) {
      for (let i = skip; i < piece.length && done < count; i++) frame[at + done++] = piece[i]!;
      skip = Math.max(0, skip - piece.length);
      if (done === count) break;
    }
    item.sent += count;
    for (let first = item.pieces[0]; first; first = item.pieces[0]) {
      if (item.sent - item.from - first.length < KEPT_SAMPLES) break;
      item.from += first.length;
      item.pieces.shift();
    }
    return count;
  }

  #scale(frame: Int16Array): void {
    const from = this.#gain;
    const to = this.#target;
    this.#gain = to;
    if (from === FULL_GAIN && to === FULL_GAIN) return;
    const step = (to - from) / FRAME_SAMPLES;
    for (let i = 0; i < FRAME_SAMPLES; i++) frame[i] = frame[i]! * (from + step * (i + 1));
  }

  #finish(item: Item): void {
    this.#items.shift();
    this.#running = this.#items.length > 0;
    this.#forget(item.id);
    this.#events.stopped(item.id, Math.floor(item.received / SAMPLES_PER_MS), "finished");
  }

  /** What was sent is heard, unless the page throws away what it has not played. */
  #heardMs(item: Item): number {
    const notHeardMs = this.pageCuts ? this.pageDelayMs : 0;
    return Math.max(0, Math.floor(item.sent / SAMPLES_PER_MS - notHeardMs));
  }

  #forget(itemId: string): void {
    this.#past.add(itemId);
    if (this.#past.size > 64) this.#past.delete(this.#past.values().next().value ?? "");
  }
}
