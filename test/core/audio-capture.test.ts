import { describe, expect, test } from "bun:test";
import { CaptureLoop } from "../../core/audio/capture-loop.ts";
import { CaptureEnd } from "../../core/audio/capture.ts";
import type { CaptureDriver, FloatCaptureDriver } from "../../core/audio/port.ts";
import { ReferenceReader } from "../../core/audio/reference.ts";
import { Ring } from "../../core/audio/ring.ts";
import { SharedState } from "../../core/audio/shared-state.ts";

/** A microphone that gives what `sample` says. */
function microphone(
  sample: (frame: number, channel: number) => number,
  rateHz = 24_000,
  channels: 1 | 2 = 1,
) {
  let at = 0;
  const driver: CaptureDriver = {
    rateHz,
    channels,
    read(into) {
      const frames = into.length / channels;
      for (let i = 0; i < into.length; i++) into[i] = sample(at + Math.floor(i / channels), i % channels);
      at += frames;
      return frames;
    },
    close() {},
  };
  return driver;
}

async function rig(driver: CaptureDriver | FloatCaptureDriver, tailMs = 300) {
  const shared = SharedState.create(2, 480, tailMs);
  const rings = { capture: Ring.create(32_768) };
  const reference = new ReferenceReader(Ring.create(32_768).memory, shared);
  const faults: unknown[] = [];
  const end = new CaptureEnd(
    rings.capture,
    shared,
    reference,
    () => {},
    (error) => faults.push(error),
  );
  const loop = await CaptureLoop.create(driver, rings.capture, shared);
  const heard: number[] = [];
  const times: number[] = [];
  end.onFrame((frame, atMs) => {
    expect(frame.length).toBe(480);
    heard.push(...frame);
    times.push(atMs);
  });
  const run = (blocks: number) => {
    for (let i = 0; i < blocks; i++) {
      loop.step();
      end.poll();
    }
  };
  return { shared, rings, end, loop, faults, heard, times, run };
}

const ramp = (length: number, from = 1): Int16Array<ArrayBuffer> =>
  Int16Array.from({ length }, (_, i) => from + i);

describe("capture", () => {
  test("frames of 20 ms come out in order, with the time of their last sample", async () => {
    const { heard, times, run } = await rig(microphone((frame) => frame % 30_000));
    const beforeMs = performance.now();
    run(10);
    expect(heard).toEqual(Array.from({ length: 4800 }, (_, i) => i));
    expect(times).toHaveLength(10);
    for (const time of times) {
      expect(time).toBeGreaterThanOrEqual(beforeMs);
      expect(time).toBeLessThanOrEqual(performance.now());
    }
  });

  test("frames that waited carry the times at which they were taken, 20 ms apart", async () => {
    const { end, loop, times } = await rig(microphone(() => 0));
    for (let i = 0; i < 8; i++) loop.step();
    end.poll();
    expect(times).toHaveLength(8);
    for (let i = 1; i < 8; i++) expect(times[i]! - times[i - 1]!).toBeCloseTo(20, 6);
  });

  test("the time that the conversion of a rate takes is not part of when a sample was taken", async () => {
    const { run, shared, times } = await rig(microphone(() => 0, 16_000));
    run(4);
    expect(shared.captureDelayMs).toBeWithin(1, 4);
    expect(shared.capturedAtMs - times.at(-1)!).toBeWithin(shared.captureDelayMs - 0.01, 24);
  });

  test("a stereo microphone of 48 kHz is averaged and converted", async () => {
    const tone = (frame: number) => 12_000 * Math.sin((2 * Math.PI * 500 * frame) / 48_000);
    const { heard, run } = await rig(
      microphone((frame, channel) => tone(frame) * (channel === 0 ? 1.5 : 0.5), 48_000, 2),
    );
    run(25);
    const steady = heard.slice(1000, 11_000);
    expect(heard.length).toBe(12_000);
    expect(Math.max(...steady)).toBeWithin(11_900, 12_100);
    const rises = steady.filter((sample, i) => sample >= 0 && (steady[i - 1] ?? 0) < 0).length;
    expect(Math.abs(rises - 500 * (steady.length / 24_000))).toBeLessThanOrEqual(1);
  });

  test("a float microphone is heard at its level, and what is not a number or too loud does no harm", async () => {
    const values = [0.5, -0.25, NaN, Infinity, -Infinity, 3, -3, 0];
    let at = 0;
    const { heard, run } = await rig({
      rateHz: 24_000,
      channels: 1,
      format: "f32",
      read(into) {
        for (let i = 0; i < into.length; i++) into[i] = values[at++ % values.length]!;
        return into.length;
      },
      close() {},
    });
    run(2);
    expect(heard.slice(0, 8)).toEqual([16_384, -8192, 0, 0, 0, 32_767, -32_768, 0]);
    expect(heard.slice(8, 960)).toEqual(Array.from({ length: 952 }, (_, i) => heard[i % 8]!));
  });

  test("a float stereo microphone of 16 kHz is averaged and converted", async () => {
    let at = 0;
    const { heard, run } = await rig({
      rateHz: 16_000,
      channels: 2,
      format: "f32",
      read(into) {
        for (let i = 0; i < into.length; i += 2, at++) {
          const value = 0.4 * Math.sin((2 * Math.PI * 500 * at) / 16_000);
          into[i] = value * 1.5;
          into[i + 1] = value * 0.5;
        }
        return into.length / 2;
      },
      close() {},
    });
    run(25);
    expect(heard.length).toBe(12_000);
    expect(Math.max(...heard.slice(1000))).toBeWithin(13_050, 13_160);
  });

  for (const read of [-1, NaN, 481, 1.5]) {
    test(`a driver that says it read ${read} frames is refused with that number`, async () => {
      const { loop, rings } = await rig({ rateHz: 24_000, channels: 1, read: () => read, close() {} });
      expect(() => loop.step()).toThrow(`read ${read} frames, where there is room for 480`);
      expect(rings.capture.available).toBe(0);
    });
  }

  test("a driver that has nothing to give makes no frame and does no harm", async () => {
    const { heard, run } = await rig({ rateHz: 24_000, channels: 1, read: () => 0, close() {} });
    run(5);
    expect(heard).toEqual([]);
  });

  test("a rate that gives no whole frames loses nothing", async () => {
    const { heard, run } = await rig(microphone(() => 1000, 11_025));
    run(100);
    expect(heard.length).toBeWithin(47_500, 48_001);
    expect(heard.slice(200).every((sample) => Math.abs(sample - 1000) <= 1)).toBe(true);
  });

  test("what is fed is captured bit for bit and in order, and the feed ends when its last sample was delivered", async () => {
    const { end, heard, run } = await rig(microphone(() => 0));
    const order: string[] = [];
    run(2);
    const first = end.feed(ramp(20_000)).then(() => order.push(`first after ${heard.length}`));
    const second = end.feed(ramp(700, 25_000)).then(() => order.push(`second after ${heard.length}`));
    await end.feed(new Int16Array(0));
    expect(order).toEqual([]);
    for (let i = 0; i < 50; i++) {
      run(1);
      await Promise.resolve();
    }
    await Promise.all([first, second]);
    expect(heard.filter((sample) => sample !== 0)).toEqual([...ramp(20_000), ...ramp(700, 25_000)]);
    expect(order).toEqual(["first after 21120", "second after 22080"]);
  });

  test("what is fed is mixed with what the microphone hears, without wrapping round", async () => {
    const { end, heard, run } = await rig(microphone(() => 20_000));
    void end.feed(new Int16Array(480).fill(5000));
    void end.feed(new Int16Array(480).fill(30_000));
    run(3);
    expect(heard[0]).toBe(25_000);
    expect(heard[480]).toBe(32_767);
    expect(heard[960]).toBe(20_000);
  });

  test("in half duplex the microphone is silent while the loudspeaker plays and for the tail, and a feed is not", async () => {
    const { end, heard, run, shared } = await rig(
      microphone(() => 1000),
      300,
    );
    shared.halfDuplex = true;
    run(1);
    shared.audibleUntilMs = shared.nowMs() + 50;
    run(1);
    void end.feed(ramp(480));
    run(1);
    // The sound ended, its tail has not.
    shared.audibleUntilMs = shared.nowMs() - 100;
    run(1);
    shared.audibleUntilMs = shared.nowMs() - 400;
    run(1);
    expect(heard.slice(0, 480).every((sample) => sample === 1000)).toBe(true);
    expect(heard.slice(480, 960).every((sample) => sample === 0)).toBe(true);
    expect(heard.slice(960, 1440)).toEqual([...ramp(480)]);
    expect(heard.slice(1440, 1920).every((sample) => sample === 0)).toBe(true);
    expect(heard.slice(1920).every((sample) => sample === 1000)).toBe(true);
    expect(end.counters()).toMatchObject({ half_duplex_frames: 3 });
  });

  test("in half duplex a frame that is read late is silent where the loudspeaker played when it was taken", async () => {
    const late = { ...microphone(() => 1000), waiting: () => 24_000 };
    const { heard, run, shared } = await rig(late, 300);
    shared.halfDuplex = true;
    shared.audibleUntilMs = shared.nowMs() - 400;
    run(1);
    shared.audibleUntilMs = shared.nowMs() - 1500;
    run(1);
    expect(heard.slice(0, 480).every((sample) => sample === 0)).toBe(true);
    expect(heard.slice(480).every((sample) => sample === 1000)).toBe(true);
  });

  test("in full duplex the microphone hears while the loudspeaker plays", async () => {
    const { heard, run, shared } = await rig(microphone(() => 1000));
    shared.audibleUntilMs = shared.nowMs() + 1000;
    run(2);
    expect(heard.every((sample) => sample === 1000)).toBe(true);
  });

  test("a handler that throws does not keep the others from the frame", async () => {
    const { end, faults, heard, run } = await rig(microphone(() => 7));
    let seen = 0;
    const undo = end.onFrame(() => {
      throw new Error("broken handler");
    });
    end.onFrame(() => seen++);
    run(3);
    undo();
    undo();
    run(3);
    expect({ seen, faults: faults.length, heard: heard.length }).toEqual({ seen: 6, faults: 3, heard: 2880 });
  });

  test("frames that nobody takes for too long are counted, not mixed up", async () => {
    const { end, loop, heard, rings } = await rig(microphone((frame) => frame % 30_000));
    for (let i = 0; i < 80; i++) loop.step();
    end.poll();
    expect(rings.capture.overrunSamples).toBe(80 * 480 - 32_768);
    expect(heard).toEqual(Array.from({ length: 68 * 480 }, (_, i) => i % 30_000));
  });

  test("a feed without a microphone is given up with a reason", async () => {
    const { end } = await rig(microphone(() => 0));
    const fed = end.feed(ramp(20_000));
    expect(end.feeding).toBe(true);
    end.abandon();
    await expect(fed).rejects.toMatchObject({ code: "DEVICE_NOT_FOUND" });
    expect(end.feeding).toBe(false);
  });
});

test("while nobody knows what the loudspeaker lets out, and for its tail, no stage for the echo is believed", async () => {
  for (const tailMs of [0, 60_000]) {
    const { end, shared, heard, run } = await rig(
      microphone(() => 1000),
      tailMs,
    );
    const last = () => heard.at(-1);
    shared.audibleUntilMs = Infinity;
    run(3);
    expect(last()).toBe(1000);
    const undo = end.chain.addStage({ slot: "echo", process: () => {} });
    run(3);
    expect(last()).toBe(0);
    expect(end.counters()).toMatchObject({ reference_unknown_frames: 3 });
    shared.audibleUntilMs = 0;
    await Bun.sleep(2);
    run(1);
    expect(last()).toBe(tailMs === 0 ? 1000 : 0);
    undo();
    shared.audibleUntilMs = Infinity;
    run(1);
    expect(last()).toBe(1000);
  }
});

test("the microphone's clock stands at what the device holds, not at what was read of it", async () => {
  const { loop, shared } = await rig({ ...microphone(() => 0, 48_000), waiting: () => 64 });
  loop.step();
  expect(shared.capturedLog.read()).toBe(true);
  shared.readCaptured();
  expect(shared.captured).toBeGreaterThan(400);
  expect(shared.capturedLog.position - shared.captured).toBe(32);
});
