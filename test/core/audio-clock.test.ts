import { describe, expect, test } from "bun:test";
import { ClockLine } from "../../core/audio/clock-line.ts";
import { ClockLog } from "../../core/audio/clock-log.ts";

const SAMPLES_PER_MS = 24;
const BLOCK = 480;
const BUFFER = 3 * BLOCK;
/** From a sound server's request to the answer of a client that is not late. */
const PROMPT_MS = 0.3;

/**
 * A loudspeaker behind a sound server, as pipewire-pulse 0.3.65 was seen to be one: it takes a quantum at a time, plays one of
 * silence where less waits, which it tells nobody, and asks for more when 20 ms of its 60 are missing. `lateMs` is how late the
 * answer to a request of that time comes. The line is told what the client sees of it.
 */
function soundServer(quantum: number, lateMs: (atMs: number) => number) {
  const line = new ClockLine();
  const requests: { answerAtMs: number; samples: number }[] = [];
  let written = BUFFER;
  let taken = 0;
  let silence = 0;
  let outstanding = 0;
  let credit = 0;
  let cycle = 0;
  const answer = (untilMs: number): void => {
    while (requests[0] && requests[0].answerAtMs <= untilMs) {
      const { answerAtMs, samples } = requests.shift()!;
      credit += samples;
      while (credit >= BLOCK) {
        const given = written;
        written += BLOCK;
        credit -= BLOCK;
        outstanding -= BLOCK;
        line.observe(written + credit - BUFFER, answerAtMs, given);
      }
    }
  };
  /** Until that time; tells after each quantum how far the line is off. */
  const run = (untilMs: number, seen: (offMs: number, atMs: number) => void = () => {}): void => {
    let answeredMs = 0;
    for (let atMs = 0; (atMs = (cycle * quantum) / SAMPLES_PER_MS) <= untilMs; cycle++) {
      answer(atMs);
      if (written - taken >= quantum) taken += quantum;
      else silence += quantum;
      const missing = BUFFER - (written - taken) - outstanding;
      if (missing >= BLOCK) {
        outstanding += missing;
        answeredMs = Math.max(answeredMs, atMs + PROMPT_MS + lateMs(atMs));
        requests.push({ answerAtMs: answeredMs, samples: missing });
      }
      const truth = (atMs - PROMPT_MS) * SAMPLES_PER_MS + quantum - silence;
      if (line.known) seen((line.samplesSince(0, atMs) - truth) / SAMPLES_PER_MS, atMs);
    }
  };
  return { line, run, silenceMs: () => silence / SAMPLES_PER_MS };
}

/** Repeatable numbers from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

describe("a loudspeaker behind a sound server", () => {
  test.each([128, 256, 512])(
    "that ran dry for a quantum of %d samples is followed to the sample within 200 ms",
    (quantum) => {
      let stallMs = 0;
      const server = soundServer(quantum, () => stallMs);
      server.run(5000);
      stallMs = 60;
      server.run(5020);
      stallMs = 0;
      let worst = 0;
      server.run(8000, (offMs, atMs) => {
        if (atMs > 5250) worst = Math.max(worst, Math.abs(offMs));
      });
      expect(server.silenceMs()).toBeGreaterThan(0);
      expect(server.line.jumps).toBe(1);
      expect(worst).toBeLessThan(0.2);
    },
  );

  test("that runs dry again before it is known how far it is behind is followed all the same", () => {
    let stallMs = 0;
    const server = soundServer(256, () => stallMs);
    server.run(5000);
    for (const fromMs of [5000, 5080, 5160]) {
      stallMs = 70;
      server.run(fromMs + 20);
      stallMs = 0;
      server.run(fromMs + 80);
    }
    let worst = 0;
    server.run(8000, (offMs, atMs) => {
      if (atMs > 5450) worst = Math.max(worst, Math.abs(offMs));
    });
    expect(server.silenceMs()).toBeGreaterThan(40);
    expect(worst).toBeLessThan(0.2);
  });

  test("that never ran dry is where it was, however late its clients are woken", () => {
    const chance = random(11);
    // Up to 16 ms late half of the time, which 60 ms of buffer bear.
    const server = soundServer(256, () => (chance() < 0.5 ? 16 * chance() : 0));
    server.run(2000);
    const { jumps } = server.line;
    let worst = 0;
    server.run(120_000, (offMs) => (worst = Math.max(worst, Math.abs(offMs))));
    expect(server.silenceMs()).toBe(0);
    expect(server.line.jumps).toBe(jumps);
    expect(worst).toBeLessThan(1);
  });

  test("on a machine that stalls it now and then is off for no more than 200 ms after each silence", () => {
    const chance = random(5);
    let silentMs = 0;
    let silentAtMs = 0;
    let late = 0;
    let cycles = 0;
    const server = soundServer(256, () => (chance() < 0.02 ? 30 + 60 * chance() : 3 * chance() ** 4));
    server.run(120_000, (offMs, atMs) => {
      if (server.silenceMs() !== silentMs) silentAtMs = atMs;
      silentMs = server.silenceMs();
      if (atMs < 2000) return;
      cycles++;
      if (Math.abs(offMs) > 2 && atMs - silentAtMs > 200) late++;
    });
    expect(silentMs).toBeGreaterThan(500);
    expect({ late, cycles: cycles > 10_000 }).toEqual({ late: 0, cycles: true });
  });
});

describe("a clock line", () => {
  test("that lies too late is put right by the first observation that is before it", () => {
    const line = new ClockLine();
    for (let n = 1; n <= 100; n++) line.observe(n * BLOCK, n * 20 + 4);
    line.observe(101 * BLOCK, 2020);
    expect(line.timeOf(101 * BLOCK)).toBeCloseTo(2020, 6);
  });
});

describe("the log of a card's clock", () => {
  const log = () => new ClockLog(new SharedArrayBuffer(ClockLog.BYTES), 0);

  test("gives every observation once, in order, positions beyond 31 bits too", () => {
    const clock = log();
    for (let n = 0; n < 40; n++) {
      const position = (2 ** 32 - 960 + n * BLOCK) >>> 0;
      clock.add(position, position + 1, 7, n * 20.5);
      expect(clock.read()).toBe(true);
      const { given, epoch, atMs } = clock;
      expect([clock.position, given, epoch, atMs]).toEqual([position, (position + 1) >>> 0, 7, n * 20.5]);
      expect(clock.read()).toBe(false);
    }
  });

  test("keeps the last 15 for a main thread that sleeps", () => {
    const clock = log();
    for (let n = 0; n < 100; n++) clock.add(n, n, 0, n);
    const seen: number[] = [];
    while (clock.read()) seen.push(clock.position);
    expect(seen).toEqual(Array.from({ length: 15 }, (_, i) => 85 + i));
  });

  test("can be told to forget what was not read", () => {
    const clock = log();
    clock.add(1, 1, 0, 1);
    clock.skip();
    expect(clock.read()).toBe(false);
    clock.add(2, 2, 0, 2);
    expect(clock.read()).toBe(true);
    expect(clock.position).toBe(2);
  });
});
