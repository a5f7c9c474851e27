import { Playout } from "./playout.ts";
import type { Outcome } from "./playout.ts";
import type { Answer, Trace } from "./trace.ts";

const TICK_MS = 20;

/** Speech is played `delayMs` after its answer's first packet said it would be there; what comes later is lost. */
export function fixedBuffer(delayMs: number): (trace: Trace, phaseMs: number) => Outcome {
  return (trace, phaseMs) => {
    const playout = new Playout();
    for (const answer of trace.answers) {
      playout.begin(answer);
      playAt(playout, answer, answer.packets[0]!.arrivalMs + delayMs, phaseMs);
    }
    return playout.outcome();
  };
}

/**
 * Hindsight: each answer starts as early as is possible when at most `lostPercent` of the trace may come too late. It knows how late
 * the latest packet of the whole trace will be.
 */
export function oracleBuffer(lostPercent: number): (trace: Trace, phaseMs: number) => Outcome {
  return (trace, phaseMs) => {
    // Of each packet, how long after its answer's first packet it would have had to be started to be in time.
    const needed = trace.answers
      .flatMap(({ packets }) => packets.map((one) => one.arrivalMs - one.mediaMs - packets[0]!.arrivalMs))
      .toSorted((a, b) => a - b);
    const allowed = Math.floor(needed.length * (1 - lostPercent / 100)) - 1;
    return fixedBuffer(Math.max(0, needed[allowed]!))(trace, phaseMs);
  };
}

function playAt(playout: Playout, answer: Answer, startMs: number, phaseMs: number): void {
  const firstTick = phaseMs + Math.ceil((startMs - phaseMs) / TICK_MS) * TICK_MS;
  for (let mediaMs = 0; mediaMs < answer.lengthMs; mediaMs += TICK_MS) {
    const nowMs = firstTick + mediaMs;
    const packet = answer.packets.find(
      (one) => one.mediaMs <= mediaMs && mediaMs < one.mediaMs + one.lengthMs,
    );
    if (packet && packet.arrivalMs <= nowMs) playout.played(nowMs, mediaMs, TICK_MS);
    else playout.concealed(TICK_MS);
  }
}
