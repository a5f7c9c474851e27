import { Playout } from "./playout.ts";
import type { Outcome } from "./playout.ts";
import type { Packet, Trace } from "./trace.ts";

/*
 * WebRTC's NetEq from its published source (modules/audio_coding/neteq: delay_manager.cc, underrun_optimizer.cc, histogram.cc,
 * packet_arrival_history.cc, decision_logic.cc): what it decides, every 10 ms, with the lengths its stretching would have. Its
 * stretching always succeeds here.
 */
const TICK_MS = 10;
const START_DELAY_MS = 80;
const HISTORY_MS = 2000;
const RESAMPLE_MS = 500;
const BUCKET_MS = 20;
const BUCKETS = 100;
const FORGET = 0.983;
const START_FORGET_WEIGHT = 2;
const QUANTILE = 0.95;
const GRANULARITY_MS = 20;
/** Least time between two stretches. */
const STRETCH_REST_TICKS = 5;
/** Mean pitch period that a stretch leaves out or repeats; it needs 30 ms of speech to leave one out. */
const STRETCH_MS = 10;
const ACCELERATE_NEEDS_MS = 30;
/** After a gap speech goes on when so much of the target is there, or after 100 ms. */
const RESUME_PART = 0.5;
const RESUME_TICKS = 10;

/** Histogram of how late packets were, and its quantile. */
class DelayManager {
  targetMs = START_DELAY_MS;
  readonly #shares = new Float64Array(BUCKETS);
  #added = 0;
  #intervalMs: number | undefined;
  #worstMs = 0;
  readonly #history: { atMs: number; offsetMs: number }[] = [];

  arrived(packet: Packet, mediaOriginMs: number): void {
    const offsetMs = packet.arrivalMs - packet.mediaMs - mediaOriginMs;
    this.#history.push({ atMs: packet.arrivalMs, offsetMs });
    while (this.#history[0]!.atMs < packet.arrivalMs - HISTORY_MS) this.#history.shift();
    const lateMs = offsetMs - this.fastestMs;
    this.#intervalMs ??= packet.arrivalMs;
    if (packet.arrivalMs - this.#intervalMs > RESAMPLE_MS) {
      this.#add(Math.min(BUCKETS - 1, Math.floor(this.#worstMs / BUCKET_MS)));
      this.#intervalMs = packet.arrivalMs;
      this.#worstMs = 0;
    }
    this.#worstMs = Math.max(this.#worstMs, lateMs);
  }

  get fastestMs(): number {
    return Math.min(...this.#history.map((one) => one.offsetMs));
  }

  get latestMs(): number {
    return Math.max(...this.#history.map((one) => one.offsetMs)) - this.fastestMs;
  }

  #add(bucket: number): void {
    this.#added++;
    const forget = Math.max(0, Math.min(FORGET, 1 - START_FORGET_WEIGHT / (this.#added + 1)));
    for (let i = 0; i < BUCKETS; i++) this.#shares[i]! *= forget;
    this.#shares[bucket]! += 1 - forget;
    let index = BUCKETS - 1;
    // From the top down: the share above the quantile is the smaller one.
    for (let above = this.#shares[index]!; index > 0 && above < 1 - QUANTILE; above += this.#shares[index]!)
      index--;
    this.targetMs = (index + 1) * BUCKET_MS;
  }
}

export function netEqBuffer(trace: Trace, phaseMs: number): Outcome {
  const playout = new Playout();
  const manager = new DelayManager();
  // One media clock for the whole conversation, as RTP has: it runs on between the answers.
  for (const answer of trace.answers) {
    playout.begin(answer);
    const { packets, lengthMs } = answer;
    const originMs = packets[0]!.arrivalMs;
    let nowMs = phaseMs + Math.ceil((originMs - phaseMs) / TICK_MS) * TICK_MS;
    let next = 0;
    let heldMs = 0;
    let playedMs = 0;
    let rest = 0;
    let waited = 0;
    let muted = true;
    while (playedMs < lengthMs) {
      while (next < packets.length && packets[next]!.arrivalMs <= nowMs) {
        manager.arrived(packets[next]!, originMs);
        heldMs += packets[next++]!.lengthMs;
      }
      rest--;
      const { targetMs } = manager;
      const over = next === packets.length;
      if (heldMs < TICK_MS && !(over && heldMs > 0)) {
        playout.concealed(TICK_MS);
        muted = true;
      } else if (muted && !over && heldMs < RESUME_PART * targetMs && ++waited < RESUME_TICKS) {
        playout.concealed(TICK_MS);
      } else {
        muted = false;
        waited = 0;
        const delayMs = nowMs - originMs - playedMs - manager.fastestMs;
        const highMs = targetMs + manager.latestMs + GRANULARITY_MS;
        let taken = Math.min(TICK_MS, heldMs);
        if (rest <= 0 && !over && delayMs >= highMs && heldMs >= ACCELERATE_NEEDS_MS) {
          taken += STRETCH_MS;
          rest = STRETCH_REST_TICKS;
          playout.stretched(STRETCH_MS);
        } else if (rest <= 0 && !over && delayMs < targetMs) {
          // Said twice: less is taken than is let out.
          taken = 0;
          rest = STRETCH_REST_TICKS;
          playout.stretched(STRETCH_MS);
        }
        playout.played(nowMs, playedMs, TICK_MS);
        playedMs += taken;
        heldMs -= taken;
      }
      nowMs += TICK_MS;
    }
  }
  return playout.outcome();
}
