import { LEASE_MS } from "./wire.ts";

/** The wheels, as the helm needs them. */
export interface Wheels {
  steer(intent: { speedMps: number; steerDeg: number; leaseMs: number }): void;
  stop(reason: string, how: { letGo: true }): void;
}

/** Somebody at a page. */
export interface Hand {
  readonly id: number;
  /** Smallest delay seen between a page's clock and ours, ms; see {@link lateness}. */
  offsets: { now: number; before: number; sinceMs: number };
  /** When its last intent came, whatever became of it. */
  intentAtMs: number;
  /** Set by a stop, and by wheels that refuse: nothing drives by this hand before its dead-man key was let go once. */
  mustLetGo: boolean;
}

/** An offset is forgotten after one to two of these: clocks drift. */
const OFFSET_WINDOW_MS = 30_000;
/** PiCar-X's steering servo, degrees to either side. */
const MAX_STEER_DEG = 30;

/** How an intent of a page ended. */
export type Steered = "driving" | "late" | "taken" | "let_go_first" | "refused";

/**
 * Driving from pages: one hand at a time, by intents that count for a lease only. An intent that was held up on its way is
 * not driven: after a stalled network, what a hand did seconds ago must not move the wheels.
 */
export class Helm {
  readonly #wheels: Wheels;
  readonly #maxSpeedMps: number;
  #hand: Hand | undefined;
  #lastAtMs = 0;
  #refusal = "";

  constructor(wheels: Wheels, maxSpeedMps: number) {
    this.#wheels = wheels;
    this.#maxSpeedMps = maxSpeedMps;
  }

  /** Whose lease runs. */
  get driving(): number | null {
    return this.#hand?.id ?? null;
  }

  /** Why the wheels refused the last intent. */
  get refusal(): string {
    return this.#refusal;
  }

  steer(hand: Hand, intent: { speed: number; steer: number; sentAtMs: number }, nowMs: number): Steered {
    hand.intentAtMs = nowMs;
    if (hand.mustLetGo) return "let_go_first";
    if (this.#hand && this.#hand !== hand && nowMs - this.#lastAtMs <= LEASE_MS) return "taken";
    if (lateness(hand, intent.sentAtMs, nowMs) > LEASE_MS) return "late";
    this.#hand = hand;
    this.#lastAtMs = nowMs;
    try {
      const speedMps = intent.speed * this.#maxSpeedMps;
      this.#wheels.steer({ speedMps, steerDeg: intent.steer * MAX_STEER_DEG, leaseMs: LEASE_MS });
      return "driving";
    } catch (error) {
      this.#refusal = (error as Error).message;
      this.#hand = undefined;
      hand.mustLetGo = true;
      return "refused";
    }
  }

  /** The dead-man key was let go, or the page is gone. */
  letGo(hand: Hand, reason: string): void {
    hand.mustLetGo = false;
    if (this.#hand !== hand) return;
    this.#hand = undefined;
    this.#wheels.stop(reason, { letGo: true });
  }

  /** Ends what nobody has renewed within the lease; the wheels stand by their own lease already. */
  expire(nowMs: number): void {
    if (!this.#hand || nowMs - this.#lastAtMs <= LEASE_MS) return;
    this.#hand = undefined;
    this.#wheels.stop("no intent came from the page within the lease", { letGo: true });
  }

  /** The robot was stopped: a key that is still held drives no further. */
  stopped(hands: Iterable<Hand>, nowMs: number): void {
    this.#hand = undefined;
    for (const hand of hands) if (nowMs - hand.intentAtMs <= LEASE_MS) hand.mustLetGo = true;
  }
}

/** A hand that has sent nothing yet. */
export function newHand(id: number, nowMs: number): Hand {
  return {
    id,
    offsets: { now: Infinity, before: Infinity, sinceMs: nowMs },
    intentAtMs: -Infinity,
    mustLetGo: false,
  };
}

/**
 * How much longer a message was on its way than the quickest one of late, ms. Clocks of page and robot differ by a constant
 * that falls out.
 */
export function lateness(hand: Hand, sentAtMs: number, nowMs: number): number {
  const { offsets } = hand;
  if (nowMs - offsets.sinceMs > OFFSET_WINDOW_MS) {
    offsets.before = offsets.now;
    offsets.now = Infinity;
    offsets.sinceMs = nowMs;
  }
  const offset = nowMs - sentAtMs;
  offsets.now = Math.min(offsets.now, offset);
  return offset - Math.min(offsets.now, offsets.before);
}
