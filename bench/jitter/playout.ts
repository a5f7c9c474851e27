import type { Answer, Trace } from "./trace.ts";

/** What a buffer did with a trace. */
export interface Outcome {
  /** Part of the speech that was missing when it was due, percent. */
  concealedPercent: number;
  gapsPerMinute: number;
  /** Mean time that speech waited, beyond the fastest way of its answer. */
  delayMs: number;
  delayP95Ms: number;
  /** From the first arrival of an answer to its first sound, mean. */
  firstMs: number;
  /** How much later the last second of an answer is played than its first second, mean. */
  growthMs: number;
  /** Part of the speech that was shortened or lengthened, percent. */
  stretchedPercent: number;
}

/** Collects what a buffer lets out, tick by tick. */
export class Playout {
  #playedMs = 0;
  #concealedMs = 0;
  #gaps = 0;
  #stretchedMs = 0;
  readonly #delays: number[] = [];
  readonly #firsts: number[] = [];
  readonly #growths: number[] = [];
  #answer:
    | { fastestMs: number; firstArrivalMs: number; early: number[]; late: number[]; lengthMs: number }
    | undefined;
  #inGap = false;

  begin(answer: Answer): void {
    this.end();
    const fastestMs = Math.min(...answer.packets.map((one) => one.arrivalMs - one.mediaMs));
    const firstArrivalMs = answer.packets[0]!.arrivalMs;
    this.#answer = { fastestMs, firstArrivalMs, early: [], late: [], lengthMs: answer.lengthMs };
    this.#inGap = false;
  }

  /** At `nowMs` speech from `mediaMs` on is let out, for `lengthMs`. */
  played(nowMs: number, mediaMs: number, lengthMs: number): void {
    const answer = this.#answer!;
    const delayMs = nowMs - mediaMs - answer.fastestMs;
    if (answer.early.length === 0) this.#firsts.push(nowMs - answer.firstArrivalMs);
    if (mediaMs < 1000 || answer.early.length === 0) answer.early.push(delayMs);
    if (mediaMs >= answer.lengthMs - 1000) answer.late.push(delayMs);
    this.#delays.push(delayMs);
    this.#playedMs += lengthMs;
    this.#inGap = false;
  }

  /** Nothing to let out, though the answer has begun and is not over. */
  concealed(lengthMs: number): void {
    if (this.#answer!.early.length === 0 || lengthMs <= 0) return;
    this.#concealedMs += lengthMs;
    if (!this.#inGap) this.#gaps++;
    this.#inGap = true;
  }

  stretched(lengthMs: number): void {
    this.#stretchedMs += lengthMs;
  }

  end(): void {
    const answer = this.#answer;
    if (answer && answer.late.length > 0) this.#growths.push(mean(answer.late) - mean(answer.early));
    this.#answer = undefined;
  }

  outcome(): Outcome {
    this.end();
    const sorted = this.#delays.toSorted((a, b) => a - b);
    return {
      concealedPercent: (100 * this.#concealedMs) / (this.#playedMs + this.#concealedMs),
      gapsPerMinute: (60_000 * this.#gaps) / this.#playedMs,
      delayMs: mean(this.#delays),
      delayP95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? 0,
      firstMs: mean(this.#firsts),
      growthMs: mean(this.#growths),
      stretchedPercent: (100 * this.#stretchedMs) / this.#playedMs,
    };
  }
}

/** A jitter buffer in the comparison: plays a whole trace, with the sound card's ticks beginning at `phaseMs`. */
export type Buffer = (trace: Trace, phaseMs: number) => Outcome | Promise<Outcome>;

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
