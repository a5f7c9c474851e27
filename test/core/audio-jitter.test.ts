import { describe, expect, test } from "bun:test";
import { Concealment } from "../../core/audio/concealment.ts";
import { JitterControl } from "../../core/audio/jitter-control.ts";
import { PitchSearch } from "../../core/audio/pitch.ts";
import { Ring } from "../../core/audio/ring.ts";
import { SharedState } from "../../core/audio/shared-state.ts";
import { SpeechSource } from "../../core/audio/speech-source.ts";

const FRAME = 480;
const PER_MS = 24;
const LIMITS = { start: 960, target: 2400, least: 1200, most: 4800 };

/** A voice of `hz` with harmonics, loud enough that the steps of a bad splice show. */
const voice = (hz: number) => (i: number) => {
  const phase = (2 * Math.PI * hz * i) / 24_000;
  return 6000 * Math.sin(phase) + 2500 * Math.sin(2 * phase + 1) + 1200 * Math.sin(3 * phase + 2);
};

const largestStep = (samples: readonly number[]): number =>
  samples.reduce((most, sample, i) => Math.max(most, Math.abs(sample - (samples[i - 1] ?? sample))), 0);

/** An answer that arrives as `delayMs(piece)` says, in pieces of 20 ms sent `speed` times as fast as they are spoken. */
function answer(options: {
  seconds: number;
  speed?: number;
  delayMs?: (piece: number) => number;
  sound?: (i: number) => number;
  source?: { ring: Ring; shared: SharedState; source: SpeechSource };
}) {
  const { seconds, speed = 1, delayMs = () => 0, sound = voice(140) } = options;
  const shared = options.source?.shared ?? SharedState.create(2, FRAME, 300);
  const ring = options.source?.ring ?? Ring.create(2 ** 19);
  const source = options.source?.source ?? new SpeechSource(ring, shared);
  const start = ring.head;
  const pieces = seconds * 50;
  const total = pieces * FRAME;
  const heard: number[] = [];
  const delaysMs: number[] = [];
  const spans: number[] = [];
  const period = new Int16Array(FRAME);
  let leastTaken = FRAME;
  let sent = 0;
  for (let nowMs = 0; source.at - start < total; nowMs += 20) {
    if (nowMs > seconds * 3000) throw new Error("the answer does not end");
    while (sent < pieces && (sent * 20) / speed + delayMs(sent) <= nowMs) {
      ring.write(Int16Array.from({ length: FRAME }, (_, i) => Math.round(sound(sent * FRAME + i))));
      sent++;
      if (sent === pieces) shared.completeTo = ring.head;
    }
    const before = source.at;
    source.take(period, shared.completeTo);
    ring.release(source.at);
    expect(source.at - before).toBe(source.count);
    if (source.span > 0) delaysMs.push(nowMs - (before - start) / PER_MS);
    spans.push(source.span);
    if (source.span === FRAME) leastTaken = Math.min(leastTaken, source.count);
    if (delaysMs.length > 0) heard.push(...period);
  }
  const count = (name: "shortened" | "lengthened" | "concealed") =>
    shared.counters.get(`playback_${name}_samples`) / PER_MS;
  return {
    heard,
    leastTaken,
    delaysMs,
    source,
    shared,
    ring,
    firstPeriods: spans.findIndex((span) => span > 0),
    shortenedMs: count("shortened"),
    lengthenedMs: count("lengthened"),
    concealedMs: count("concealed"),
    underruns: shared.counters.get("playback_underruns"),
  };
}

/** Repeatable numbers from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("the jitter buffer", () => {
  test("an answer that comes faster than it is spoken starts with two frames and is played as it is", () => {
    const played = answer({ seconds: 5, speed: 4 });
    expect(played.firstPeriods).toBeLessThanOrEqual(1);
    expect(played.heard.slice(0, 5 * 24_000)).toEqual(
      Array.from({ length: 5 * 24_000 }, (_, i) => Math.round(voice(140)(i))),
    );
    expect(played).toMatchObject({ shortenedMs: 0, lengthenedMs: 0, concealedMs: 0, underruns: 0 });
  });

  test("a whole answer within 300 ms, or in one piece, is never hurried", () => {
    for (const speed of [30, Infinity]) {
      const played = answer({ seconds: 10, speed });
      expect(played).toMatchObject({ shortenedMs: 0, lengthenedMs: 0, concealedMs: 0 });
      expect(played.heard.length).toBeWithin(10 * 24_000, 10 * 24_000 + FRAME);
    }
  });

  test("a piece of ten seconds that is never ended is not hurried either", () => {
    const shared = SharedState.create(2, FRAME, 300);
    const ring = Ring.create(2 ** 19);
    const source = new SpeechSource(ring, shared);
    ring.write(Int16Array.from({ length: 240_000 }, (_, i) => voice(140)(i)));
    const period = new Int16Array(FRAME);
    for (let i = 0; i < 500; i++) source.take(period, 0);
    expect(source.at).toBe(240_000);
    expect(shared.counters.get("playback_shortened_samples")).toBe(0);
  });

  test("a live sender on a quiet network is played at the smallest delay allowed", () => {
    const { delaysMs, source, concealedMs } = answer({ seconds: 20, delayMs: (piece) => (piece * 7) % 4 });
    expect(source.control.live).toBe(true);
    expect(source.control.target).toBe(LIMITS.least);
    // 50 ms, less the period that is being taken, and within what the delay may be off.
    for (const delayMs of delaysMs.slice(-200)) expect(delayMs).toBeWithin(20, 50);
    expect(concealedMs).toBe(0);
  });

  test("the delay grows with the jitter and comes down again when that is over", () => {
    const rng = random(5);
    const rough = (piece: number) => (piece > 250 && piece < 1000 ? 90 * rng() ** 2 : 2);
    let last = 0;
    const delayMs = (piece: number) => (last = Math.max(rough(piece), last - 20));
    const { delaysMs, source } = answer({ seconds: 40, delayMs });
    const mean = (from: number, to: number) =>
      delaysMs.slice(from, to).reduce((sum, ms) => sum + ms, 0) / (to - from);
    expect(mean(200, 240)).toBeLessThan(65);
    expect(mean(700, 950)).toBeWithin(70, 140);
    expect(mean(1850, 1950)).toBeLessThan(65);
    expect(source.control.target).toBe(LIMITS.least);
  });

  test("where the network holds speech back for 100 ms again and again, the delay is small between and what is held is spun out once", () => {
    // Half of each second an access point sends nothing but at its beacons.
    const delayMs = (piece: number) => ((piece * 20) % 1000 < 500 ? 100 - ((piece * 20) % 100) : 2);
    const { delaysMs, shortenedMs, lengthenedMs, concealedMs } = answer({ seconds: 40, delayMs });
    const late = delaysMs.slice(-1000);
    expect(late.reduce((sum, ms) => sum + ms, 0) / late.length).toBeLessThan(100);
    expect(late.filter((ms) => ms < 75).length).toBeGreaterThan(200);
    expect(concealedMs).toBe(0);
    // 40 times up and down again.
    expect(lengthenedMs).toBeWithin(40 * 25, 40 * 100);
    expect(shortenedMs).toBeWithin(40 * 25, 40 * 100);
  });

  test("speech that is spun out over a hole goes on all the time, at an eighth of its speed at least", () => {
    const hole = (piece: number) => (piece >= 600 && piece < 607 ? (607 - piece) * 20 : 1);
    for (const hz of [70, 95, 100, 125, 190, 300]) {
      const { leastTaken, lengthenedMs } = answer({ seconds: 16, delayMs: hole, sound: voice(hz) });
      expect(lengthenedMs).toBeGreaterThan(20);
      expect(leastTaken).toBeGreaterThanOrEqual(FRAME / 8);
    }
  });

  test("after a stand-still of 600 ms the delay is what it was before within four seconds of speech", () => {
    const stall = (piece: number) => (piece >= 200 && piece < 230 ? (230 - piece) * 20 : 1);
    const { delaysMs, concealedMs, shortenedMs } = answer({ seconds: 14, delayMs: stall });
    expect(concealedMs).toBeWithin(300, 600);
    expect(shortenedMs).toBeGreaterThan(300);
    expect(Math.max(...delaysMs.slice(215, 240))).toBeGreaterThan(450);
    expect(Math.max(...delaysMs.slice(420))).toBeLessThan(80);
  });

  test("a live sender whose clock runs 0.05 % fast or slow is followed: nothing is missing and no delay builds up", () => {
    for (const speed of [1.0005, 0.9995]) {
      const { delaysMs, concealedMs } = answer({ seconds: 90, speed, delayMs: (piece) => piece % 3 });
      expect(concealedMs).toBe(0);
      // By the sender's clock: 45 ms have come together in the meantime.
      const driftMs = 90_000 * (1 / speed - 1);
      for (const delayMs of delaysMs.slice(-200)) expect(delayMs - driftMs).toBeWithin(15, 70);
    }
  });

  test("an answer to a sender known as live starts with the delay that its network needs", () => {
    const first = answer({ seconds: 12, delayMs: (piece) => (piece % 50 === 10 ? 70 : 0) });
    const next = answer({ seconds: 5, delayMs: (piece) => (piece % 50 === 10 ? 70 : 0), source: first });
    expect(next.firstPeriods).toBeWithin(1, 5);
    expect(next.concealedMs).toBe(first.concealedMs);
  });

  test("what was shortened and lengthened is counted as played to the sample", () => {
    const rng = random(9);
    let last = 0;
    const { source, shortenedMs, lengthenedMs, heard, concealedMs, firstPeriods } = answer({
      seconds: 20,
      delayMs: () => (last = Math.max(70 * rng() ** 3, last - 20)),
    });
    expect(source.at).toBe(20 * 24_000);
    expect(shortenedMs).toBeGreaterThan(0);
    expect(lengthenedMs).toBeGreaterThan(0);
    const expectedMs = 20_000 - shortenedMs + lengthenedMs + concealedMs;
    expect(Math.abs(heard.length / PER_MS - expectedMs)).toBeLessThan(20 + firstPeriods);
  });

  test("a gliding tone that is shortened and lengthened has no step above -40 dB", () => {
    // 200 to 700 Hz within 10 s.
    const glide = (i: number) => 10_000 * Math.sin((2 * Math.PI * (200 + (25 * i) / 24_000) * i) / 24_000);
    const rng = random(4);
    let last = 0;
    const played = answer({
      seconds: 10,
      sound: glide,
      delayMs: () => (last = Math.max(60 * rng() ** 4, last - 20)),
    });
    expect(played.shortenedMs + played.lengthenedMs).toBeGreaterThan(50);
    expect(played.concealedMs).toBe(0);
    // The tone's own steepest step, and 1 % of full loudness.
    expect(largestStep(played.heard)).toBeLessThan(10_000 * ((2 * Math.PI * 700) / 24_000) + 100);
  });

  test("the pitch stays what it was while the delay is brought down", () => {
    const stall = (piece: number) => (piece >= 100 && piece < 120 ? (120 - piece) * 20 : 0);
    const { heard, shortenedMs } = answer({ seconds: 6, delayMs: stall, sound: voice(125) });
    expect(shortenedMs).toBeGreaterThan(200);
    const hurried = heard.slice(122 * FRAME + 20 * FRAME, 190 * FRAME);
    const rises = hurried.filter((sample, i) => sample >= 0 && (hurried[i - 1] ?? 0) < 0).length;
    expect((rises * 24_000) / hurried.length).toBeWithin(122, 128);
  });
});

describe("what bridges a gap", () => {
  const samples = Int16Array.from({ length: 2400 }, (_, i) => Math.round(voice(150)(i)));

  test("goes on with the pitch, without a step, and is silent after 60 ms", () => {
    const gap = new Concealment();
    gap.begin(samples, 2400, 2400);
    const made = Array.from({ length: 2000 }, () => gap.next());
    const expected = Array.from({ length: 120 }, (_, i) => voice(150)(2400 + i));
    expect(Math.max(...made.slice(0, 120).map((sample, i) => Math.abs(sample - expected[i]!)))).toBeLessThan(
      400,
    );
    expect(largestStep([...samples.slice(-50), ...made])).toBeLessThan(largestStep([...samples]) * 1.1);
    expect(made.slice(1440).every((sample) => sample === 0)).toBe(true);
    expect(gap.audible).toBe(false);
  });

  test("where too little was said before, the last sample dies away", () => {
    const gap = new Concealment();
    gap.begin(Int16Array.of(0, 8000), 2, 2);
    const made = Array.from({ length: 100 }, () => gap.next());
    expect(largestStep([8000, ...made])).toBeLessThan(200);
    expect(made.at(-1)).toBe(0);
  });

  test("at the start of everything it is silence", () => {
    const gap = new Concealment();
    gap.begin(new Int16Array(10), 10, 0);
    expect(gap.next()).toBe(0);
  });
});

describe("the search for a pitch", () => {
  test("finds the period of a voice, or a multiple of it, forwards and backwards", () => {
    const samples = Int16Array.from({ length: 2000 }, (_, i) => Math.round(voice(120)(i)));
    const pitch = new PitchSearch();
    pitch.after(samples, 700);
    expect(pitch.lag).toBeWithin(199, 202);
    expect(pitch.likeness).toBeGreaterThan(0.99);
    pitch.before(samples, 700);
    expect(pitch.lag).toBeWithin(199, 202);
  });

  test("takes as many repetitions for one as there is room for and are alike", () => {
    const rng = random(4);
    const samples = Int16Array.from({ length: 2000 }, (_, i) =>
      Math.round(i < 1000 ? voice(240)(i) : 8000 * (rng() - 0.5)),
    );
    const pitch = new PitchSearch();
    const extended = (at: number, most: number) => {
      pitch.after(samples, at);
      pitch.extend(samples, at, most, 0.9);
      return Math.round(pitch.lag / 100) * 100;
    };
    expect(extended(300, 1000)).toBe(300);
    expect(extended(300, 250)).toBe(200);
    expect(extended(300, 20)).toBe(100);
    expect(extended(650, 1000)).toBe(100);
  });

  test("noise is not alike, silence is", () => {
    const rng = random(3);
    const pitch = new PitchSearch();
    pitch.after(
      Int16Array.from({ length: 1000 }, () => 8000 * (rng() - 0.5)),
      100,
    );
    expect(pitch.likeness).toBeLessThan(0.5);
    pitch.after(new Int16Array(1000), 100);
    expect(pitch.likeness).toBe(1);
  });
});

describe("who is live", () => {
  /** What the control says after each of `ticks` periods of which `arrived` tells the samples so far. */
  function follow(control: JitterControl, ticks: number, arrived: (tick: number) => number) {
    control.begin();
    for (let tick = 0; tick < ticks; tick++) control.tick(arrived(tick), false);
  }

  test("a server of one and a half times the speed of speech is not, one of the speed of speech is after a second", () => {
    const control = new JitterControl(LIMITS);
    follow(control, 200, (tick) => (tick + 1) * 720);
    expect(control.live).toBe(false);
    follow(control, 40, (tick) => (tick + 1) * 480);
    expect(control.live).toBe(false);
    follow(control, 60, (tick) => (tick + 1) * 480);
    expect(control.live).toBe(true);
  });

  test("a server that sends half a second at once and the rest as it is spoken is not: its lead is no delay", () => {
    const control = new JitterControl(LIMITS);
    follow(control, 300, (tick) => 12_000 + tick * 480);
    expect(control.live).toBe(false);
    expect(control.correction(12_000)).toBe("none");
  });

  test("what no delay allowed could have bridged does not raise the target", () => {
    const control = new JitterControl(LIMITS);
    follow(control, 400, (tick) => (tick >= 100 && tick < 150 ? 100 : tick + 1) * 480);
    expect(control.target).toBe(LIMITS.least);
  });
});
