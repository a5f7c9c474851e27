/** A piece of speech on its way: it says `mediaMs` to `mediaMs + lengthMs` of an answer and arrives at `arrivalMs`. */
export interface Packet {
  arrivalMs: number;
  mediaMs: number;
  lengthMs: number;
}

/** One answer: its packets in the order of their arrival, which is that of their speech. */
export interface Answer {
  packets: readonly Packet[];
  lengthMs: number;
}

/** What one sender and one network do to a conversation. */
export interface Trace {
  name: string;
  /** The sender speaks at the speed of speech: then its delay counts. Else the time to the first sound counts. */
  live: boolean;
  answers: readonly Answer[];
}

/** Repeatable numbers from 0 to 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ANSWERS = 24;
/** Between two answers somebody else speaks. */
const PAUSE_MS = 3000;

type Rng = () => number;
/** Delay on the way of the packet sent at `sentMs`. */
type Way = (sentMs: number) => number;

const exponential = (rng: Rng, mean: number): number => -mean * Math.log(1 - rng());
const normal = (rng: Rng, sigma: number): number =>
  sigma * Math.sqrt(-2 * Math.log(1 - rng())) * Math.cos(2 * Math.PI * rng());

/** `speed` times as fast as speech, in pieces of `pieceMs`; `way` makes each later; nothing overtakes. */
function trace(
  name: string,
  seed: number,
  speed: number,
  pieceMs: number,
  makeWay: (rng: Rng, startMs: number) => Way,
): Trace {
  const rng = random(seed);
  let startMs = 500;
  const answers: Answer[] = [];
  for (let n = 0; n < ANSWERS; n++) {
    const pieces = Math.round((3000 + 5000 * rng()) / pieceMs);
    const way = makeWay(rng, startMs);
    const packets: Packet[] = [];
    let lastMs = 0;
    for (let k = 0; k < pieces; k++) {
      const sentMs = startMs + (k * pieceMs) / speed;
      lastMs = Math.max(lastMs, sentMs + Math.max(0, way(sentMs)));
      packets.push({ arrivalMs: lastMs, mediaMs: k * pieceMs, lengthMs: pieceMs });
    }
    answers.push({ packets, lengthMs: pieces * pieceMs });
    startMs = Math.max(lastMs, startMs + pieces * pieceMs) + PAUSE_MS;
  }
  return { name, live: speed === 1, answers };
}

const BASE_MS = 40;

/** A generator that stands still for 80 ms at 2 % of its pieces: what is sent later is as late. */
const stalling = (rng: Rng): Way => {
  let behindMs = 0;
  return () => {
    if (rng() < 0.02) behindMs += 80;
    return BASE_MS + behindMs + exponential(rng, 3);
  };
};

/** The same, but the generator makes up for the time it lost. */
const hiccuping = (rng: Rng): Way => {
  let untilMs = 0;
  return (sentMs) => {
    if (rng() < 0.02) untilMs = sentMs + 80;
    return BASE_MS + Math.max(0, untilMs - sentMs) + exponential(rng, 3);
  };
};

/** The families of the comparison; the same seed gives the same traces. */
export function traces(seed: number): Trace[] {
  return [
    trace("lan", seed + 1, 1, 20, (rng) => () => BASE_MS + Math.abs(normal(rng, 2))),
    trace("wifi", seed + 2, 1, 20, (rng) => () => {
      const spikeMs = rng() < 0.01 ? 30 + exponential(rng, 40) : 0;
      return BASE_MS + exponential(rng, 8) + spikeMs;
    }),
    trace("wifi_power_save", seed + 3, 1, 20, (rng) => {
      // Now and then the access point keeps packets until its next beacon.
      let sleepsUntilMs = 0;
      return (sentMs) => {
        if (sentMs > sleepsUntilMs && rng() < 0.02) sleepsUntilMs = sentMs + 300 + 700 * rng();
        const heldMs = sentMs < sleepsUntilMs ? 102.4 - (sentMs % 102.4) : 0;
        return BASE_MS + exponential(rng, 4) + heldMs;
      };
    }),
    trace("lte", seed + 4, 1, 20, (rng, startMs) => {
      let spikeMs = 0;
      return (sentMs) => {
        const driftMs = 25 * (1 + Math.sin((2 * Math.PI * (sentMs - startMs)) / 4000));
        if (rng() < 0.015) spikeMs = 40 + 90 * rng();
        else spikeMs = Math.max(0, spikeMs - 20);
        return BASE_MS + driftMs + 8 * rng() + spikeMs;
      };
    }),
    trace("stall", seed + 5, 1, 20, (rng, startMs) => {
      // In a quarter of the answers the network stands still for 600 ms.
      const stallMs = rng() < 0.25 ? startMs + 1000 + 1000 * rng() : Infinity;
      return (sentMs) => {
        const stillMs = sentMs >= stallMs && sentMs < stallMs + 600 ? stallMs + 600 - sentMs : 0;
        return BASE_MS + Math.abs(normal(rng, 3)) + stillMs;
      };
    }),
    trace("ws_1x", seed + 6, 1, 40, hiccuping),
    trace("ws_1.5x", seed + 7, 1.5, 100, stalling),
    trace("ws_4x", seed + 8, 4, 100, stalling),
    trace("ws_burst", seed + 9, 25, 100, (rng) => () => BASE_MS + exponential(rng, 2)),
  ];
}
