/**
 * Bun starts every thread's clocks (performance.now, hrtime, Bun.nanoseconds) at 0, and wall time may be set at any moment.
 * So a device thread asks the main thread for its time: word 0 says that an answer is there, the answer follows at byte 8.
 */
const ANSWER_BYTES = 16;
const EXCHANGES = 4;
const ANSWER_LIMIT_MS = 1000;

/** Memory for the exchange. */
export function createClock(): SharedArrayBuffer {
  return new SharedArrayBuffer(ANSWER_BYTES);
}

/** Main thread: answers one question. */
export function answerClock(memory: SharedArrayBuffer): void {
  new Float64Array(memory)[1] = performance.now();
  const words = new Int32Array(memory);
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
}

/**
 * Device thread: milliseconds to add to its `performance.now()` to get the main thread's. Blocks; `ask` makes the main thread
 * call {@link answerClock}. The answer is fresh when this thread wakes: the error is the time to wake, some 20 µs, of which
 * the best of several exchanges is taken.
 */
export function clockOffsetMs(memory: SharedArrayBuffer, ask: () => void): number {
  const words = new Int32Array(memory);
  const answer = new Float64Array(memory);
  let best = -Infinity;
  for (let i = 0; i < EXCHANGES; i++) {
    Atomics.store(words, 0, 0);
    ask();
    if (Atomics.wait(words, 0, 0, ANSWER_LIMIT_MS) === "timed-out") continue;
    best = Math.max(best, answer[1]! - performance.now());
  }
  return Number.isFinite(best) ? best : 0;
}
