import { describe, expect, test } from "bun:test";
import { PlaybackLoop } from "../../core/audio/playback-loop.ts";
import { PlaybackEnd } from "../../core/audio/playback.ts";
import type { FloatPlaybackDriver, PlaybackDriver } from "../../core/audio/port.ts";
import { Ring } from "../../core/audio/ring.ts";
import { SharedState } from "../../core/audio/shared-state.ts";
import type { Gains } from "../../core/audio/shared-state.ts";

const FRAME = 480;

/** A loudspeaker that keeps what it let out. Its queue holds `queueFrames` samples; each write lets out what no longer fits. */
class Speaker implements PlaybackDriver {
  readonly heard: number[] = [];
  readonly written: number[] = [];
  #queue: number[] = [];

  constructor(
    readonly queueFrames = 960,
    readonly rateHz = 24_000,
    readonly channels: 1 | 2 = 1,
  ) {}

  write(frames: Int16Array): void {
    this.written.push(...frames);
    for (let i = 0; i < frames.length; i += this.channels) this.#queue.push(frames[i]!);
    while (this.#queue.length > this.queueFrames) this.heard.push(this.#queue.shift()!);
  }
  delay(): number {
    return this.#queue.length;
  }
  drop(): void {
    this.#queue = [];
  }
  close(): void {}
}

interface RigOptions<S> {
  speaker?: S;
  startFrames?: number;
  start?: number;
  gains?: Gains;
}

/** Both ends of the loudspeaker in one thread, so that a test decides when a period passes. */
async function rig<S extends PlaybackDriver | FloatPlaybackDriver = Speaker>(options: RigOptions<S> = {}) {
  const { startFrames = 2, start = 0 } = options;
  const speaker = options.speaker ?? (new Speaker() as PlaybackDriver as S);
  const shared = SharedState.create(startFrames, FRAME, 300, undefined, options.gains);
  if (start !== 0) shared.publishPlayed(start, 0, 0);
  if (start !== 0) shared.completeTo = start;
  const rings = {
    speech: Ring.create(65_536, start),
    sounds: Ring.create(65_536),
    earcons: Ring.create(65_536),
    reference: Ring.create(65_536),
  };
  const faults: unknown[] = [];
  const end = new PlaybackEnd(
    rings.speech,
    rings.sounds,
    rings.earcons,
    shared,
    () => {},
    (error) => faults.push(error),
  );
  const events: string[] = [];
  end.onStarted((id) => events.push(`started ${id}`));
  end.onStopped((id, ms, reason) => events.push(`stopped ${id} ${ms} ${reason}`));
  let loop = await PlaybackLoop.create(speaker, rings, shared);
  const run = (periods: number) => {
    for (let i = 0; i < periods; i++) {
      loop.step();
      end.poll();
    }
  };
  const replace = async (next: Speaker) => void (loop = await PlaybackLoop.create(next, rings, shared));
  return { speaker, shared, rings, end, events, faults, run, replace };
}

const ramp = (length: number, from = 1): Int16Array<ArrayBuffer> =>
  Int16Array.from({ length }, (_, i) => from + i);
const loudestStep = (samples: number[]): number =>
  samples.reduce((most, sample, i) => Math.max(most, Math.abs(sample - (samples[i - 1] ?? sample))), 0);
const loudRuns = (samples: number[]): number =>
  samples.filter((s, i) => s !== 0 && (samples[i - 1] ?? 0) === 0).length;

describe("playback", () => {
  test("an item is played whole and in order, and its start and end are told once", async () => {
    const { end, events, run, speaker } = await rig();
    expect(end.active).toBe(false);
    end.write("a", ramp(5000));
    end.end("a");
    expect(end.active).toBe(true);
    run(20);
    expect(speaker.heard.filter((sample) => sample !== 0)).toEqual([...ramp(5000)]);
    expect(events).toEqual(["started a", "stopped a 208 finished"]);
    expect(end.active).toBe(false);
    expect(end.playedMs("a")).toBe(208);
    expect(end.playedMs("never seen")).toBe(0);
  });

  test("played milliseconds are the samples the device took, less those it still holds", async () => {
    const { end, run, speaker } = await rig();
    end.write("a", ramp(24_000));
    run(10);
    expect(speaker.written.length).toBe(10 * FRAME);
    expect(speaker.delay()).toBe(960);
    expect(end.playedMs("a")).toBe((10 * FRAME - 960) / 24);
    run(1);
    expect(end.playedMs("a")).toBe((11 * FRAME - 960) / 24);
  });

  test("silence before and between does not count as played", async () => {
    const { end, run } = await rig();
    run(7);
    end.write("a", ramp(960));
    run(10);
    end.write("a", ramp(960));
    end.end("a");
    expect(end.playedMs("a")).toBe(40);
    run(3);
    expect(end.playedMs("a")).toBe(60);
    run(3);
    expect(end.playedMs("a")).toBe(80);
  });

  test("what counts as played never goes back, and is never more than was received (C9)", async () => {
    const { end, run } = await rig();
    let receivedMs = 0;
    let lastMs = 0;
    for (let round = 0; round < 300; round++) {
      // Bursts, trickles and gaps.
      const ms = round % 11 === 0 ? 200 : round % 3 === 0 ? 7 : 0;
      if (ms > 0) end.write("a", ramp(ms * 24));
      receivedMs += ms;
      run(round % 4);
      const playedMs = end.playedMs("a");
      expect(playedMs).toBeWithin(lastMs, receivedMs + 1);
      lastMs = playedMs;
    }
    expect(lastMs).toBeGreaterThan(1000);
    const flushed = end.flush();
    expect(flushed?.playedMs).toBeWithin(lastMs, receivedMs + 1);
    expect(flushed?.receivedMs).toBe(receivedMs);
  });

  test("after a flush not one more sample of speech reaches the device, and what was heard is known", async () => {
    const { end, events, run, speaker } = await rig();
    end.write("a", ramp(24_000));
    end.write("b", ramp(2400, 30_000));
    run(10);
    const written = speaker.written.length;
    expect(end.flush()).toEqual({ itemId: "a", playedMs: 160, receivedMs: 1000 });
    expect(end.active).toBe(false);
    expect(end.flush()).toBeNull();
    run(10);
    expect(speaker.written.slice(written).every((sample) => sample === 0)).toBe(true);
    expect(speaker.heard.filter((sample) => sample !== 0)).toEqual([...ramp(160 * 24)]);
    expect(events).toEqual(["started a", "stopped a 160 flushed", "stopped b 0 flushed"]);
    expect(end.playedMs("a")).toBe(160);
  });

  test("an answer after a flush is played whole, and late audio of the flushed one is not", async () => {
    const { end, events, run, speaker } = await rig();
    end.write("a", ramp(24_000));
    run(10);
    end.flush();
    const heard = speaker.heard.length;
    end.write("a", ramp(5000, 20_000));
    end.write("b", ramp(1000));
    end.end("b");
    run(10);
    expect(speaker.heard.slice(heard).filter((sample) => sample !== 0)).toEqual([...ramp(1000)]);
    expect(events.at(-1)).toBe("stopped b 41 finished");
    expect(end.counters()).toMatchObject({ playback_late_samples: 5000 });
  });

  test("an item waits until enough of it is queued, but its end does not wait", async () => {
    const { end, run, speaker } = await rig({ startFrames: 3 });
    end.write("a", ramp(1000));
    run(4);
    expect(speaker.written.every((sample) => sample === 0)).toBe(true);
    end.end("a");
    run(1);
    expect(speaker.written.slice(-FRAME)).toEqual([...ramp(FRAME)]);
  });

  test("a short rest that is never ended is played all the same", async () => {
    const { end, run, speaker } = await rig();
    end.write("a", ramp(300));
    run(15);
    const played = speaker.written.filter((sample) => sample !== 0);
    expect(played.slice(0, 300)).toEqual([...ramp(300)]);
    expect(loudestStep(played.slice(300))).toBeLessThan(20);
    expect(played.length).toBeLessThan(400);
    expect(end.active).toBe(false);
  });

  test("running dry within an item is counted and bridged without a click, at its end it is not", async () => {
    const { end, run, shared, speaker } = await rig();
    end.write("a", ramp(1000));
    run(10);
    expect(shared.counters.get("playback_underruns")).toBe(1);
    end.write("a", ramp(1000, 1001));
    end.end("a");
    run(8);
    expect(shared.counters.get("playback_underruns")).toBe(1);
    const heard = speaker.heard.slice(speaker.heard.indexOf(1));
    expect(heard.slice(0, 480)).toEqual([...ramp(480)]);
    // What is left is spun out before it is missing.
    expect(shared.counters.get("playback_lengthened_samples")).toBeGreaterThan(0);
    const last = heard.lastIndexOf(2000);
    // All but the 5 ms that are faded in.
    expect(heard.slice(last - 879, last + 1)).toEqual([...ramp(880, 1121)]);
    expect(loudestStep(heard.slice(0, last))).toBeLessThan(100);
    expect(shared.counters.get("playback_concealed_samples")).toBeWithin(FRAME, 4 * FRAME);
  });

  test("items follow each other without a gap when the first ends on a period", async () => {
    const { end, events, run, speaker } = await rig();
    end.write("a", ramp(960));
    end.write("b", ramp(960, 961));
    end.end("b");
    run(10);
    expect(loudRuns(speaker.heard)).toBe(1);
    expect(events).toEqual(["started a", "stopped a 40 finished", "started b", "stopped b 40 finished"]);
  });

  test("a minute of speech at once waits in memory and is played whole", async () => {
    const { end, run, speaker } = await rig();
    const minute = Int16Array.from({ length: 60 * 24_000 }, (_, i) => 1 + (i % 30_000));
    end.write("a", minute);
    end.end("a");
    run(3010);
    const heard = speaker.heard.filter((sample) => sample !== 0);
    expect(heard.length).toBe(minute.length);
    expect(heard.every((sample, i) => sample === minute[i])).toBe(true);
  });

  test("positions may wrap in the middle of an item", async () => {
    const { end, events, run, speaker } = await rig({ start: 2 ** 32 - 3000 });
    end.write("a", ramp(6000));
    end.end("a");
    run(8);
    expect(end.playedMs("a")).toBe((8 * FRAME - 960) / 24);
    run(10);
    expect(speaker.heard.filter((sample) => sample !== 0)).toEqual([...ramp(6000)]);
    expect(events).toEqual(["started a", "stopped a 250 finished"]);
  });

  test("a sound is mixed over speech without wrapping round, and its end is told when it was heard", async () => {
    const { end, run, speaker } = await rig();
    end.write("a", new Int16Array(4800).fill(20_000));
    end.end("a");
    let done = false;
    void end.playSound(new Int16Array(960).fill(20_000), 0.5).then(() => (done = true));
    void end.playSound(new Int16Array(480).fill(20_000));
    run(3);
    await Promise.resolve();
    expect(done).toBe(false);
    run(12);
    await Promise.resolve();
    expect(done).toBe(true);
    expect(speaker.heard.slice(0, 960).every((sample) => sample === 30_000)).toBe(true);
    expect(speaker.heard.slice(960, 1440).every((sample) => sample === 32_767)).toBe(true);
    expect(speaker.heard[1440]).toBe(20_000);
  });

  test("a flush silences speech and lets a sound be heard to its end", async () => {
    const { end, run, speaker } = await rig();
    end.write("a", new Int16Array(24_000).fill(1000));
    const sound = ramp(4000, 5000);
    let done = false;
    void end.playSound(sound).then(() => (done = true));
    run(5);
    end.flush();
    run(12);
    await Promise.resolve();
    expect(done).toBe(true);
    const heard = speaker.heard.filter((sample) => sample !== 0);
    // What was heard is the sound once, each sample with or without the speech under it.
    expect(heard.map((sample, i) => sample - sound[i]!).every((rest) => rest === 0 || rest === 1000)).toBe(
      true,
    );
    expect(heard.length).toBe(4000);
  });

  test("an earcon is heard over speech and sounds, which make room for it without a click and come back", async () => {
    const { end, run, speaker } = await rig({
      gains: { speech: 0.5, sound: 0.25, earcon: 2, earconDuck: 0.2 },
    });
    end.write("a", new Int16Array(48_000).fill(10_000));
    void end.playSound(new Int16Array(48_000).fill(8000));
    run(3);
    expect(speaker.written.at(-1)).toBe(7000);
    let heard = false;
    void end.playEarcon(new Int16Array(3 * FRAME).fill(1000)).then(() => (heard = true));
    run(3);
    expect(speaker.written.at(-1)).toBe(0.2 * 7000 + 2000);
    const during = speaker.written.slice(3 * FRAME, 6 * FRAME);
    expect(loudestStep(during)).toBeLessThan(30);
    run(12);
    await Promise.resolve();
    expect(heard).toBe(true);
    expect(speaker.written.at(-1)).toBe(7000);
    expect(loudestStep(speaker.written.slice(6 * FRAME))).toBeLessThan(10);
  });

  test("a flush lets an earcon be heard to its end", async () => {
    const { end, run, speaker } = await rig();
    end.write("a", new Int16Array(24_000).fill(100));
    run(3);
    let heard = false;
    void end.playEarcon(ramp(2000, 5000)).then(() => (heard = true));
    run(2);
    end.flush();
    run(8);
    await Promise.resolve();
    expect(heard).toBe(true);
    expect(speaker.heard.filter((sample) => sample >= 6500).slice(-500)).toEqual([...ramp(500, 6500)]);
  });

  test("an item without samples, or with none left, ends and does not stand in the way", async () => {
    const { end, events, run } = await rig();
    end.write("empty", new Int16Array(0));
    expect(end.active).toBe(false);
    end.end("empty");
    end.write("a", ramp(960));
    end.write("a", new Int16Array(0));
    end.end("a");
    run(6);
    expect(events).toEqual(["stopped empty 0 finished", "started a", "stopped a 40 finished"]);
  });

  test("ten seconds without audio in the middle of an item are silence, and the rest is played", async () => {
    const { end, events, run, speaker, shared } = await rig();
    end.write("a", new Int16Array(4800).fill(3000));
    run(520);
    expect(speaker.written.slice(-9 * 24_000).every((sample) => sample === 0)).toBe(true);
    expect(events).toEqual(["started a"]);
    expect(end.playedMs("a")).toBe(200);
    expect(shared.counters.get("playback_underruns")).toBe(1);
    end.write("a", new Int16Array(4800).fill(3000));
    end.end("a");
    run(16);
    expect(events).toEqual(["started a", "stopped a 400 finished"]);
  });

  test("ducking lowers speech with a ramp and leaves sounds alone", async () => {
    const { end, run, speaker } = await rig();
    end.write("a", new Int16Array(24_000).fill(10_000));
    run(2);
    end.duck(0.2, 40);
    run(4);
    const ramped = speaker.written.slice(2 * FRAME, 4 * FRAME);
    for (let i = 1; i < ramped.length; i++) expect(ramped[i]!).toBeLessThanOrEqual(ramped[i - 1]!);
    expect(Math.max(...ramped.map((sample, i) => Math.abs((ramped[i - 1] ?? sample) - sample)))).toBeLessThan(
      20,
    );
    expect(speaker.written.at(-1)).toBe(2000);
    void end.playSound(new Int16Array(FRAME).fill(5000));
    run(1);
    expect(speaker.written.at(-1)).toBe(7000);
    end.duck(1, 20);
    run(2);
    expect(speaker.written.at(-1)).toBe(10_000);
  });

  test("the reference is exactly what was heard, also when a flush drops what the device holds", async () => {
    const { end, run, rings, speaker } = await rig();
    end.write("a", ramp(24_000));
    run(10);
    end.flush();
    run(3);
    end.write("b", ramp(2400));
    run(10);
    const reference = new Int16Array(rings.reference.available);
    rings.reference.read(reference);
    expect([...reference]).toEqual(speaker.heard);
  });

  test("a new device goes on with the first sample that the old one did not let out", async () => {
    const first = new Speaker();
    const { end, run, replace, rings } = await rig({ speaker: first });
    end.write("a", ramp(9600));
    end.end("a");
    run(9);
    const second = new Speaker(480);
    await replace(second);
    run(25);
    const heard = [...first.heard, ...second.heard].filter((sample) => sample !== 0);
    expect(heard).toEqual([...ramp(9600)]);
    expect(end.playedMs("a")).toBe(400);
    expect(rings.speech.available).toBe(0);
  });

  test("a flush while no device is open holds for the next one", async () => {
    const { end, run, replace, speaker } = await rig();
    end.write("a", ramp(9600));
    run(5);
    end.flush();
    end.write("b", ramp(960));
    end.end("b");
    const next = new Speaker();
    await replace(next);
    run(6);
    expect(speaker.written.length).toBe(5 * FRAME);
    expect(next.heard.filter((sample) => sample !== 0)).toEqual([...ramp(960)]);
  });

  for (const [rateHz, channels] of [
    [48_000, 2],
    [44_100, 1],
    [16_000, 2],
  ] as const) {
    test(`a device of ${rateHz} Hz and ${channels} channels plays the item for as long as it is`, async () => {
      const speaker = new Speaker(rateHz / 25, rateHz, channels);
      const { end, events, run } = await rig({ speaker });
      const tone = Int16Array.from(
        { length: 12_000 },
        (_, i) => 9000 * Math.sin((i * 2 * Math.PI * 500) / 24_000),
      );
      end.write("a", tone);
      end.end("a");
      run(60);
      expect(events).toEqual(["started a", "stopped a 500 finished"]);
      const first = speaker.heard.findIndex((sample) => Math.abs(sample) > 500);
      const last = speaker.heard.findLastIndex((sample) => Math.abs(sample) > 500);
      expect(Math.abs((last - first) / rateHz - 0.5)).toBeLessThan(0.004);
      if (channels === 2) {
        const { written } = speaker;
        expect(written.every((sample, i) => i % 2 === 0 || sample === written[i - 1])).toBe(true);
      }
    });
  }

  test("a float loudspeaker plays the same samples on both channels, from -1 to 1", async () => {
    const written: number[] = [];
    const speaker: FloatPlaybackDriver = {
      rateHz: 24_000,
      channels: 2,
      format: "f32",
      write: (frames) => void written.push(...frames),
      delay: () => 0,
      drop() {},
      close() {},
    };
    const { end, run } = await rig({ speaker });
    end.write("a", Int16Array.of(16_384, -32_768, 0, 8192));
    end.end("a");
    run(2);
    expect(written.slice(0, 8)).toEqual([0.5, 0.5, -1, -1, 0, 0, 0.25, 0.25]);
    expect(written.length).toBe(4 * FRAME);
  });

  test("a handler that throws does not keep the others from hearing of it", async () => {
    const { end, events, faults, run } = await rig();
    end.onStarted(() => {
      throw new Error("broken handler");
    });
    const late: string[] = [];
    end.onStarted((id) => late.push(id));
    end.write("a", ramp(960));
    end.end("a");
    run(6);
    expect(late).toEqual(["a"]);
    expect(events).toEqual(["started a", "stopped a 40 finished"]);
    expect(faults).toHaveLength(1);
  });
});
