import { closeSync, writeSync } from "node:fs";

const RINGS = 0;
const FD = 1;
const BYTES = 8;
/** What an eventfd takes: a count of 64 bits. */
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

/**
 * Gets a playback thread out of its wait for the device: rung by the main thread when it cannot wait until the device has room,
 * as at a flush. One thread listens. Neither side allocates.
 */
export class Bell {
  /** To be handed to the other thread, which attaches with `new Bell(memory)`. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  #heard: number;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
    this.#heard = Atomics.load(this.#words, RINGS);
  }

  /** Main thread: ends the wait that is going on, or the next one. */
  ring(): void {
    Atomics.add(this.#words, RINGS, 1);
    Atomics.notify(this.#words, RINGS);
    const fd = Atomics.load(this.#words, FD);
    if (fd > 0) writeSync(fd, ONE);
  }

  /** Main thread, once the other one has ended: frees the descriptor. */
  close(): void {
    const fd = Atomics.exchange(this.#words, FD, 0);
    if (fd > 0) closeSync(fd);
  }

  /** Device thread: whether it rang since this was last asked. */
  take(): boolean {
    const rings = Atomics.load(this.#words, RINGS);
    const rang = rings !== this.#heard;
    this.#heard = rings;
    return rang;
  }

  /** Device thread: returns after `ms`, or at once when it rings or has rung since the last `take`; at times for no reason. */
  sleep(ms: number): void {
    Atomics.wait(this.#words, RINGS, this.#heard, ms);
  }

  /** Device thread: from now on a ring is also written to this eventfd(2), which `close` frees. */
  useDescriptor(fd: number): void {
    Atomics.store(this.#words, FD, fd);
  }
}
