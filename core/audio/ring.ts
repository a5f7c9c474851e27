/** Word indices of the header; head and tail lie on cache lines of their own. */
const HEAD = 0;
const TAIL = 16;
const OVERRUN = 32;
const UNDERRUN = 33;
const HEADER_WORDS = 48;
const HEADER_BYTES = HEADER_WORDS * 4;

/**
 * PCM16 samples from one thread to another over shared memory: one producer, one consumer, no locks. Positions count
 * samples since the start, free-running and unsigned 32-bit (they wrap after 49.7 h at 24 kHz): compare them with
 * {@link distance}. Neither side allocates.
 *
 * Beside `write` and `read`, each side may work ahead of what the other sees: the producer with `place` then `publish`,
 * the consumer with `copy` then `release`.
 */
export class Ring {
  /** To be handed to the other thread, which attaches with `new Ring(memory)`. */
  readonly memory: SharedArrayBuffer;
  /** Samples; a power of two. */
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #data: Int16Array;
  /** The data as bytes: Buffer.copy moves a range without making a view of it. */
  readonly #bytes: Buffer;
  readonly #mask: number;
  /** The other side's position when it was last looked up. */
  #knownTail: number;
  #knownHead: number;
  #into: Int16Array = EMPTY;
  #intoBytes: Buffer = Buffer.alloc(0);

  /** Attaches to the memory of an existing ring. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.capacity = (memory.byteLength - HEADER_BYTES) / 2;
    this.#mask = this.capacity - 1;
    this.#words = new Int32Array(memory, 0, HEADER_WORDS);
    this.#data = new Int16Array(memory, HEADER_BYTES, this.capacity);
    // Buffer.from takes a SharedArrayBuffer; its type says so only for ArrayBuffer.
    this.#bytes = Buffer.from(memory as unknown as ArrayBuffer, HEADER_BYTES, this.capacity * 2);
    this.#knownTail = Atomics.load(this.#words, TAIL);
    this.#knownHead = Atomics.load(this.#words, HEAD);
  }

  /** A new ring for at least `samples`, rounded up to a power of two; `start` is its first position. */
  static create(samples: number, start = 0): Ring {
    const capacity = 2 ** Math.ceil(Math.log2(samples));
    const memory = new SharedArrayBuffer(HEADER_BYTES + capacity * 2);
    const words = new Int32Array(memory, 0, HEADER_WORDS);
    words[HEAD] = start;
    words[TAIL] = start;
    return new Ring(memory);
  }

  /** Position of the next sample to be written. */
  get head(): number {
    return Atomics.load(this.#words, HEAD) >>> 0;
  }

  /** Position of the oldest sample that is still kept. */
  get tail(): number {
    return Atomics.load(this.#words, TAIL) >>> 0;
  }

  /** Samples from tail to head. */
  get available(): number {
    return (Atomics.load(this.#words, HEAD) - Atomics.load(this.#words, TAIL)) | 0;
  }

  /** Samples that were dropped because the ring was full, unsigned 32-bit. */
  get overrunSamples(): number {
    return Atomics.load(this.#words, OVERRUN) >>> 0;
  }

  /** Samples that `read` was asked for and that were not there, unsigned 32-bit. */
  get underrunSamples(): number {
    return Atomics.load(this.#words, UNDERRUN) >>> 0;
  }

  /** Producer: room for so many samples. */
  free(): number {
    this.#knownTail = Atomics.load(this.#words, TAIL);
    return this.capacity - ((this.#words[HEAD]! - this.#knownTail) | 0);
  }

  /** Producer: appends what fits and returns how much that was; the rest is dropped and counted as overrun. */
  write(samples: Int16Array): number {
    const words = this.#words;
    const head = words[HEAD]!;
    const wanted = samples.length;
    let count = this.capacity - ((head - this.#knownTail) | 0);
    if (count < wanted) {
      this.#knownTail = Atomics.load(words, TAIL);
      count = this.capacity - ((head - this.#knownTail) | 0);
    }
    if (count >= wanted) count = wanted;
    else Atomics.add(words, OVERRUN, wanted - count);
    this.place(head, count === wanted ? samples : samples.subarray(0, count));
    Atomics.store(words, HEAD, (head + count) | 0);
    return count;
  }

  /** Consumer: moves up to `into.length` samples out and returns how many; what is missing is counted as underrun. */
  read(into: Int16Array): number {
    const words = this.#words;
    const tail = words[TAIL]!;
    const wanted = into.length;
    let count = (this.#knownHead - tail) | 0;
    if (count < wanted) {
      this.#knownHead = Atomics.load(words, HEAD);
      count = (this.#knownHead - tail) | 0;
    }
    if (count >= wanted) count = wanted;
    else Atomics.add(words, UNDERRUN, wanted - count);
    this.copy(tail, into, count);
    Atomics.store(words, TAIL, (tail + count) | 0);
    return count;
  }

  /** Producer: puts samples at a position without showing them to the consumer. The caller has checked that they fit. */
  place(position: number, samples: Int16Array): void {
    const at = position & this.#mask;
    const first = this.capacity - at;
    if (samples.length <= first) {
      this.#data.set(samples, at);
      return;
    }
    // Without views of the two parts: nothing is allocated where a write wraps round the end.
    const data = this.#data;
    for (let i = 0; i < first; i++) data[at + i] = samples[i]!;
    for (let i = first; i < samples.length; i++) data[i - first] = samples[i]!;
  }

  /** Producer: shows the consumer everything before `position`. */
  publish(position: number): void {
    Atomics.store(this.#words, HEAD, position | 0);
  }

  /** Producer: counts samples that it had to leave out. */
  countOverrun(samples: number): void {
    Atomics.add(this.#words, OVERRUN, samples);
  }

  /** Consumer: copies `count` samples at a position to the start of `into` and keeps them in the ring. */
  copy(position: number, into: Int16Array, count = into.length): void {
    if (into !== this.#into) {
      this.#into = into;
      this.#intoBytes = Buffer.from(into.buffer as ArrayBuffer, into.byteOffset, into.byteLength);
    }
    const at = position & this.#mask;
    const first = this.capacity - at;
    if (count <= first) {
      this.#bytes.copy(this.#intoBytes, 0, at * 2, (at + count) * 2);
      return;
    }
    this.#bytes.copy(this.#intoBytes, 0, at * 2, this.capacity * 2);
    this.#bytes.copy(this.#intoBytes, first * 2, 0, (count - first) * 2);
  }

  /** Consumer: gives everything before `position` back to the producer. */
  release(position: number): void {
    Atomics.store(this.#words, TAIL, position | 0);
  }
}

/** Samples from `from` to `to`, negative when `to` lies before it; right across the wrap of ring positions. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}

const EMPTY = new Int16Array(0);
