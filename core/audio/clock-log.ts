/** So many of the last observations are kept, one each 20 ms: a main thread may wake 300 ms late and miss none. */
const SLOTS = 16;
/** Words of a slot: position, given, epoch. */
const WORDS = 3;

/**
 * What a device thread saw of its card's clock, for the main thread: every observation, since the one that says that a
 * loudspeaker ran dry is the one that a busy main thread would miss. One writer, one reader, no locks; allocates nothing.
 */
export class ClockLog {
  /** What it takes of shared memory; a multiple of 8. */
  static readonly BYTES: number = SLOTS * 8 + (1 + SLOTS * WORDS) * 4 + 4;
  readonly #atMs: Float64Array;
  readonly #words: Int32Array;
  #next = 0;

  /** The observation that `read` found: `position` of the ring was reached at `atMs`, main thread's clock. */
  position = 0;
  /** Until then a loudspeaker had been given no more than this. */
  given = 0;
  epoch = 0;
  atMs = 0;

  /** `offset` bytes into `memory`, a multiple of 8. */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#atMs = new Float64Array(memory, offset, SLOTS);
    this.#words = new Int32Array(memory, offset + SLOTS * 8, 1 + SLOTS * WORDS);
    this.skip();
  }

  /** Device thread. */
  add(position: number, given: number, epoch: number, atMs: number): void {
    const count = this.#words[0]!;
    const slot = count & (SLOTS - 1);
    const at = 1 + slot * WORDS;
    this.#words[at] = position | 0;
    this.#words[at + 1] = given | 0;
    this.#words[at + 2] = epoch;
    this.#atMs[slot] = atMs;
    Atomics.store(this.#words, 0, (count + 1) | 0);
  }

  /** Main thread: forgets what was not read. */
  skip(): void {
    this.#next = Atomics.load(this.#words, 0);
  }

  /** Main thread: takes the oldest observation that it has not seen; false where there is none. */
  read(): boolean {
    for (;;) {
      const behind = (Atomics.load(this.#words, 0) - this.#next) | 0;
      if (behind <= 0) return false;
      // The oldest slot may be written at this moment.
      if (behind >= SLOTS) this.#next = (this.#next + behind - SLOTS + 1) | 0;
      const slot = this.#next & (SLOTS - 1);
      const at = 1 + slot * WORDS;
      this.position = Atomics.load(this.#words, at) >>> 0;
      this.given = Atomics.load(this.#words, at + 1) >>> 0;
      this.epoch = Atomics.load(this.#words, at + 2);
      this.atMs = this.#atMs[slot]!;
      const next = this.#next;
      this.#next = (next + 1) | 0;
      if (((Atomics.load(this.#words, 0) - next) | 0) < SLOTS) return true;
    }
  }
}
