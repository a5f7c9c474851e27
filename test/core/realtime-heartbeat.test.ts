import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { Heartbeat } from "../../core/realtime/heartbeat.ts";
import type { Attention } from "../../core/realtime/heartbeat.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A heartbeat with the default limits, whose other side the test plays. */
function bench() {
  const seen = { pings: 0, deaths: 0, attention: "none" as Attention };
  const heart = new Heartbeat({
    pingMs: 20_000,
    pongMs: 10_000,
    watchedPingMs: 500,
    watchedPongMs: 1000,
    attention: () => seen.attention,
    ping: () => void seen.pings++,
    onDead: () => void seen.deaths++,
  });
  /** Milliseconds until it counts as dead; null where it does not within a minute. */
  const lifeMs = (): number | null => {
    const deaths = seen.deaths;
    for (let ms = 0; ms < 60_000; ms += 10) {
      if (seen.deaths > deaths) return ms;
      jest.advanceTimersByTime(10);
    }
    return null;
  };
  return { seen, heart, lifeMs };
}

/** Blocks the event loop, as far as timers can tell: the time goes on, and nothing is called. */
function block(ms: number): void {
  const real = performance.now.bind(performance);
  const ahead = jest.spyOn(performance, "now");
  ahead.mockImplementation(() => real() + ms);
}

describe("a server that falls silent", () => {
  test("while the body moves counts as dead within two seconds", () => {
    const { seen, heart, lifeMs } = bench();
    heart.arrived("ws://a/");
    heart.pong();
    seen.attention = "moving";
    jest.advanceTimersByTime(5000);
    expect(seen.deaths).toBe(1);
    heart.arrived("ws://a/");
    heart.pong();
    expect(lifeMs()).toBeWithin(1400, 2000);
  });

  test("while an answer is awaited counts as dead within two seconds, also after a long silence", () => {
    const { seen, heart, lifeMs } = bench();
    heart.arrived("ws://a/");
    heart.pong();
    jest.advanceTimersByTime(15_000);
    expect(seen).toMatchObject({ pings: 1, deaths: 0 });
    seen.attention = "awaiting";
    expect(lifeMs()).toBeWithin(900, 1500);
  });

  test("while nobody needs it is asked after twenty seconds and given ten more", () => {
    const { heart, lifeMs } = bench();
    heart.arrived("ws://a/");
    heart.pong();
    expect(lifeMs()).toBeWithin(29_500, 31_000);
  });

  test("is judged by the short limit to the end where it was watched when it was asked", () => {
    const { seen, heart, lifeMs } = bench();
    heart.arrived("ws://a/");
    heart.pong();
    jest.advanceTimersByTime(1000);
    seen.attention = "awaiting";
    jest.advanceTimersByTime(400);
    seen.attention = "none";
    expect(lifeMs()).toBeLessThan(1500);
  });
});

describe("a server that is alive", () => {
  test("is left alone while anything comes from it, answers to pings or not", () => {
    const { seen, heart } = bench();
    heart.arrived("ws://a/");
    heart.pong();
    seen.attention = "moving";
    for (let i = 0; i < 50; i++) {
      jest.advanceTimersByTime(400);
      heart.beat();
    }
    expect(seen).toMatchObject({ pings: 1, deaths: 0 });
    for (let i = 0; i < 50; i++) {
      jest.advanceTimersByTime(1300);
      heart.pong();
    }
    expect(seen.deaths).toBe(0);
  });

  test("but never answers a ping is not judged by them", () => {
    const { seen, heart, lifeMs } = bench();
    heart.arrived("ws://a/");
    expect(lifeMs()).toBeNull();
    seen.attention = "moving";
    expect(lifeMs()).toBeNull();
    expect(heart.counters()["unanswered"]).toBeGreaterThan(10);
  });

  test("on a slow way gets more time, and no more than twice as much while the body moves", () => {
    const { seen, heart, lifeMs } = bench();
    heart.arrived("ws://a/");
    jest.advanceTimersByTime(600);
    heart.pong();
    seen.attention = "moving";
    expect(lifeMs()).toBeWithin(2200, 2700);
    heart.arrived("ws://a/");
    jest.advanceTimersByTime(4000);
    heart.pong();
    expect(lifeMs()).toBeWithin(2400, 2800);
    heart.arrived("ws://b/");
    jest.advanceTimersByTime(2000);
    heart.pong();
    seen.attention = "awaiting";
    expect(lifeMs()).toBeWithin(6400, 7000);
  });

  test("and was only busy while it was awaited gets twice the time when it turns out to be there", () => {
    const { seen, heart, lifeMs } = bench();
    heart.arrived("ws://a/");
    heart.pong();
    seen.attention = "awaiting";
    expect(lifeMs()).toBeLessThan(2000);
    heart.arrived("ws://b/");
    heart.pong();
    expect(lifeMs()).toBeLessThan(2000);
    // Another one answers meanwhile.
    heart.arrived("ws://a/");
    for (const expected of [2500, 4500]) {
      heart.arrived("ws://b/");
      heart.pong();
      expect(lifeMs()).toBeWithin(expected - 200, expected + 300);
      jest.advanceTimersByTime(3000);
    }
    // One that is back only now was gone indeed.
    heart.arrived("ws://b/");
    heart.pong();
    lifeMs();
    jest.advanceTimersByTime(20_000);
    heart.arrived("ws://b/");
    heart.pong();
    expect(lifeMs()).toBeLessThan(10_000);
    seen.attention = "moving";
    heart.arrived("ws://b/");
    heart.pong();
    expect(lifeMs()).toBeLessThan(2000);
  });

  test("is given the time that a picture on the way to it takes", () => {
    const { seen, heart, lifeMs } = bench();
    heart.arrived("ws://a/");
    heart.pong();
    seen.attention = "awaiting";
    heart.sent(400_000);
    expect(lifeMs()).toBeWithin(2500, 5600);
    heart.arrived("ws://b/");
    heart.pong();
    heart.sent(2000);
    expect(lifeMs()).toBeLessThan(2000);
  });

  test("is not given up because this program was busy: what arrived meanwhile is read first", () => {
    const { seen, heart } = bench();
    heart.arrived("ws://a/");
    heart.pong();
    seen.attention = "moving";
    jest.advanceTimersByTime(700);
    expect(seen.pings).toBe(2);
    block(5000);
    jest.advanceTimersByTime(100);
    expect(seen.deaths).toBe(0);
    heart.pong();
    jest.advanceTimersByTime(400);
    expect(seen.deaths).toBe(0);
    jest.restoreAllMocks();
  });
});

test("nothing is asked once it is over", () => {
  const { seen, heart } = bench();
  heart.arrived("ws://a/");
  heart.stop();
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(60_000);
  expect(seen).toMatchObject({ pings: 1, deaths: 0 });
});
