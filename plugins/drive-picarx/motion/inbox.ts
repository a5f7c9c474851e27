import { parseRequest } from "./messages.ts";
import type { Request } from "./messages.ts";

/** A line that was understood, with how long it was on its way, or why it was not. */
export type Incoming = { request: Request; delayMs: number } | { wrong: string };

/**
 * The lines of the parent. They are numbered, so that one that is lost or comes twice is noticed; and they say when they
 * were sent, so that one that waited while this process was held up is not taken for a fresh one. The two clocks differ by
 * an unknown constant: the quickest line so far stands for it.
 */
export class Inbox {
  #number: number | undefined;
  #leastMs = Infinity;

  /** Of the last line that was understood; 0 before the first. */
  get number(): number {
    return this.#number ?? 0;
  }

  take(line: string, nowMs: number): Incoming {
    const parsed = parseRequest(line);
    if ("wrong" in parsed) return parsed;
    const { request, seq, atMs } = parsed;
    const before = this.#number;
    this.#number = seq;
    if (before !== undefined && seq !== before + 1) return { wrong: `has number ${seq} after ${before}` };
    const offsetMs = nowMs - atMs;
    this.#leastMs = Math.min(this.#leastMs, offsetMs);
    return { request, delayMs: offsetMs - this.#leastMs };
  }
}
