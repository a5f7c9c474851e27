/** Packets held at most; a power of two, so that a sequence number finds its slot. */
const SLOTS = 64;
/** A jump of the sequence by more is another stream, not a loss. */
const RESYNC = 500;
/** Wait for what is missing: grows by so much with each packet that came too late, and shrinks again with each that came. */
const GROW = 2;
const SHRINK = 0.998;

/** How long what is missing is waited for. */
export interface JitterLimits {
  minMs: number;
  maxMs: number;
}

/** What comes out of a {@link JitterBuffer}, in order. */
export interface JitterSink {
  packet(payload: Uint8Array, ticks: number): void;
  /** So many packets are given up; `next` follows them, and may carry the last of them once more. */
  lost(count: number, next: Uint8Array): void;
}

interface Slot {
  sequence: number;
  ticks: number;
  payload: Uint8Array;
}

/**
 * Puts packets back into order. What is in order passes at once: the server that hears it has no clock to keep up with. Only
 * where one is missing do the later ones wait, as long as experience says that late ones take.
 */
export class JitterBuffer {
  readonly #limits: JitterLimits;
  readonly #sink: JitterSink;
  readonly #slots: (Slot | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  #next = -1;
  #held = 0;
  #gapAtMs = 0;
  #waitMs: number;
  readonly counters = { received: 0, late: 0, lost: 0, reordered: 0, resyncs: 0 };

  constructor(limits: JitterLimits, sink: JitterSink) {
    this.#limits = limits;
    this.#sink = sink;
    this.#waitMs = limits.minMs;
  }

  /** How long a missing packet is waited for at present. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** Packets that wait for an earlier one. */
  get held(): number {
    return this.#held;
  }

  /** `payload` is kept until it is given out. */
  push(sequence: number, ticks: number, payload: Uint8Array, nowMs: number): void {
    this.counters.received++;
    const ahead = this.#next < 0 ? 0 : ((sequence - this.#next) << 16) >> 16;
    if (Math.abs(ahead) > RESYNC) {
      this.counters.resyncs++;
      this.#forget();
      this.#deliver(sequence, ticks, payload);
    } else if (ahead < 0) {
      this.counters.late++;
      this.#waitMs = Math.min(this.#limits.maxMs, this.#waitMs * GROW);
    } else if (ahead === 0) {
      if (this.#held > 0) this.counters.reordered++;
      this.#deliver(sequence, ticks, payload);
      this.#drain(nowMs);
    } else {
      if (ahead >= SLOTS) this.#giveUp(nowMs, sequence - SLOTS + 1);
      const missing = ((sequence - this.#next) << 16) >> 16;
      if (missing >= SLOTS) {
        // Nothing is held that could come before it.
        this.#lose(missing, payload);
        return this.#deliver(sequence, ticks, payload);
      }
      if (this.#held === 0) this.#gapAtMs = nowMs;
      if (this.#slots[sequence % SLOTS] === undefined) this.#held++;
      this.#slots[sequence % SLOTS] = { sequence, ticks, payload };
      if (this.#held > 0) this.tick(nowMs);
    }
    this.#waitMs = Math.max(this.#limits.minMs, this.#waitMs * SHRINK);
  }

  /** Gives up what has been waited for long enough; to be called with every beat. */
  tick(nowMs: number): void {
    if (this.#held > 0 && nowMs - this.#gapAtMs >= this.#waitMs) this.#giveUp(nowMs);
  }

  #deliver(sequence: number, ticks: number, payload: Uint8Array): void {
    this.#next = (sequence + 1) & 0xffff;
    this.#sink.packet(payload, ticks);
  }

  #drain(nowMs: number): void {
    for (let slot = this.#take(); slot; slot = this.#take()) {
      this.#deliver(slot.sequence, slot.ticks, slot.payload);
    }
    this.#gapAtMs = nowMs;
  }

  #take(): Slot | undefined {
    const slot = this.#slots[this.#next % SLOTS];
    if (slot?.sequence !== this.#next) return undefined;
    this.#slots[this.#next % SLOTS] = undefined;
    this.#held--;
    return slot;
  }

  /** Goes on with the first packet that is there, and with all of them that stand before `until`. */
  #giveUp(nowMs: number, until?: number): void {
    do {
      if (this.#held === 0) return;
      let missing = 0;
      let slot = this.#take();
      while (!slot && missing < SLOTS) {
        missing++;
        this.#next = (this.#next + 1) & 0xffff;
        slot = this.#take();
      }
      if (!slot) return;
      if (missing > 0) this.#lose(missing, slot.payload);
      this.#deliver(slot.sequence, slot.ticks, slot.payload);
      this.#drain(nowMs);
    } while (until !== undefined && ((until - this.#next) << 16) >> 16 > 0);
  }

  #lose(count: number, next: Uint8Array): void {
    this.counters.lost += count;
    this.#sink.lost(count, next);
  }

  #forget(): void {
    this.#slots.fill(undefined);
    this.#held = 0;
  }
}
