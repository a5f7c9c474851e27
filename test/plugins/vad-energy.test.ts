import { describe, expect, test } from "bun:test";
import { EnergyDetector, SpeechTiming } from "myna";
import { startTestRobot } from "../kit/index.ts";

const RATE_HZ = 24_000;
const FRAME = 480;
const OPTIONS = { thresholdDb: 10, minLevelDb: -55, startMs: 60, stopMs: 300 };

/** The same noise at every run: -1 to 1. */
function noiseSource(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const amplitude = (db: number): number => 32_768 * 10 ** (db / 20);

/** Vowel-like: a voice of 140 Hz with harmonics, in syllables of 180 ms with dips of 60 ms between them. */
function voice(db: number, seconds: number): number[] {
  return Array.from({ length: seconds * RATE_HZ }, (_, i) => {
    const t = i / RATE_HZ;
    const inSyllable = (t * 1000) % 240;
    const envelope = inSyllable < 180 ? Math.sin((Math.PI * inSyllable) / 180) ** 0.5 : 0.02;
    let sum = 0;
    for (let h = 1; h <= 8; h++) sum += Math.sin(2 * Math.PI * 140 * h * t + h) / h;
    return amplitude(db) * envelope * sum;
  });
}

function noise(db: number, seconds: number, next = noiseSource()): number[] {
  return Array.from({ length: seconds * RATE_HZ }, () => amplitude(db) * Math.sqrt(3) * next());
}

/** Adds, from the start of the longer one. */
function over(background: number[], parts: [atS: number, samples: number[]][]): Int16Array {
  const sum = background.slice();
  for (const [atS, samples] of parts) {
    samples.forEach((sample, i) => (sum[Math.round(atS * RATE_HZ) + i]! += sample));
  }
  return Int16Array.from(sum, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample))));
}

interface Change {
  kind: "started" | "stopped";
  /** When it was announced, and what it was announced for; milliseconds from the start. */
  atMs: number;
  speechAtMs: number;
}

function detect(pcm: Int16Array, options = OPTIONS): Change[] {
  const detector = new EnergyDetector(options, RATE_HZ);
  const timing = new SpeechTiming(options);
  const changes: Change[] = [];
  for (let at = 0; at + FRAME <= pcm.length; at += FRAME) {
    const atMs = (at + FRAME) / 24;
    const speech = detector.judge(pcm.subarray(at, at + FRAME), 20, timing.speaking);
    const kind = timing.push(speech, 20, atMs);
    if (kind) {
      changes.push({
        kind,
        atMs,
        speechAtMs: kind === "started" ? timing.startedAtMs : timing.lastSpeechAtMs,
      });
    }
  }
  return changes;
}

describe("vad-energy", () => {
  for (const [floorDb, voiceDb] of [
    [-96, -20],
    [-60, -40],
    [-50, -28],
    [-35, -15],
  ] as const) {
    test(`speech at ${voiceDb} dB over noise at ${floorDb} dB is found, once, with its beginning and its end`, () => {
      const changes = detect(over(noise(floorDb, 5), [[2, voice(voiceDb, 1.5)]]));
      expect(changes.map(({ kind }) => kind)).toEqual(["started", "stopped"]);
      const [started, stopped] = changes as [Change, Change];
      expect(started.speechAtMs).toBeWithin(1980, 2061);
      expect(started.atMs).toBeWithin(2040, 2160);
      expect(stopped.speechAtMs).toBeWithin(3350, 3561);
      expect(stopped.atMs - stopped.speechAtMs).toBe(300);
    });
  }

  test("a pause shorter than stop_ms belongs to the sentence, a longer one ends it", () => {
    const pcm = over(noise(-60, 6), [
      [1, voice(-25, 0.6)],
      [1.8, voice(-25, 0.6)],
      [3.2, voice(-25, 0.6)],
    ]);
    expect(detect(pcm).map(({ kind }) => kind)).toEqual(["started", "stopped", "started", "stopped"]);
  });

  test("steady noise is not speech, and noise that sets in becomes the floor within three seconds", () => {
    expect(detect(over(noise(-30, 6), []))).toEqual([]);
    const fan = detect(over(noise(-65, 12), [[2, noise(-30, 10, noiseSource(9))]]));
    expect(fan.map(({ kind }) => kind)).toEqual(["started", "stopped"]);
    expect(fan[1]!.atMs).toBeLessThan(5000);
    const over2 = detect(
      over(noise(-65, 12), [
        [2, noise(-30, 10, noiseSource(9))],
        [8, voice(-10, 1)],
      ]),
    );
    expect(over2.slice(2).map(({ kind, speechAtMs }) => [kind, Math.round(speechAtMs / 1000)])).toEqual([
      ["started", 8],
      ["stopped", 9],
    ]);
  });

  test("a click, a faint sound and a rumble are not speech", () => {
    const click = Array.from({ length: 480 }, (_, i) => (i < 240 ? 20_000 : -20_000) * 0.98 ** i);
    const rumble = Array.from(
      { length: 3 * RATE_HZ },
      (_, i) => 3000 * Math.sin((2 * Math.PI * 25 * i) / RATE_HZ),
    );
    expect(detect(over(noise(-70, 3), [[1.5, click]]))).toEqual([]);
    expect(detect(over(noise(-96, 3), [[1, voice(-75, 1)]]))).toEqual([]);
    expect(detect(over(noise(-50, 5), [[1.5, rumble]]))).toEqual([]);
  });

  test("a long speech without a pause does not end before the speaker does", () => {
    const changes = detect(over(noise(-60, 14), [[1, voice(-25, 12)]]));
    expect(changes.map(({ kind }) => kind)).toEqual(["started", "stopped"]);
    expect(changes[1]!.speechAtMs).toBeGreaterThan(12_800);
  });

  test("a robot with it tells of speech on its own microphone", async () => {
    await using robot = await startTestRobot({ audio: true, plugins: { vad: { use: "vad-energy" } } });
    const startedMs = performance.now();
    await robot.feed(over(noise(-60, 2), [[0.4, voice(-20, 0.8)]]));
    const stopped = await robot.waitFor("user.speech_stopped", ({ source }) => source === "local");
    const started = robot.events("user.speech_started").find(({ source }) => source === "local");
    expect(started).toBeDefined();
    expect(started!.speech_at_ms).toBeGreaterThan(startedMs + 300);
    expect(stopped.speech_at_ms - started!.speech_at_ms).toBeWithin(550, 900);
    expect(stopped.speech_at_ms).toBeLessThan(performance.now() - 200);
    const vad = robot.health().plugins.find(({ id }) => id === "vad");
    expect(vad).toMatchObject({ state: "ready", inspect: { speaking: false } });
  });

  test.each(["vad", "mic"])(
    "ends the user's speech when %s is switched off in the middle of it",
    async (id) => {
      await using robot = await startTestRobot({ audio: true, plugins: { vad: { use: "vad-energy" } } });
      // Longer than a pause that would end it by itself, and not waited for: without a microphone nobody takes it.
      void robot.feed(over(noise(-60, 30), [[0.4, voice(-20, 29)]])).catch(() => {});
      const local = ({ source }: { source: string }) => source === "local";
      const started = await robot.waitFor("user.speech_started", local);
      await robot.robot.host.disable(id);
      const stopped = await robot.waitFor("user.speech_stopped", local);
      expect(stopped.speech_at_ms).toBeGreaterThan(started.speech_at_ms);
      expect(stopped.speech_at_ms).toBeLessThanOrEqual(performance.now());
    },
  );
});
