import { afterEach, describe, expect, test } from "bun:test";
import { audioConfig } from "../../core/audio/config.ts";
import { ElasticBuffer } from "../../core/audio/elastic-buffer.ts";
import { AudioEngine } from "../../core/audio/engine.ts";
import { TEST_DEVICES, createTape, readTape } from "./audio-devices.ts";
import { until } from "../kit/raw-server.ts";

let engines: AudioEngine[] = [];
afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  engines = [];
});

/** An engine whose own microphone hears 7 all the time, and what comes out of it. */
async function hearing(): Promise<{ engine: AudioEngine; heard: number[] }> {
  const engine = new AudioEngine(audioConfig.parse({}));
  engines.push(engine);
  const heard: number[] = [];
  engine.capture.onFrame((frame) => heard.push(frame[0]!, frame[479]!));
  await engine.port.openCapture({ module: TEST_DEVICES, options: { hears: 7, paced: { speed: 4 } } });
  return { engine, heard };
}

const has = (heard: number[], value: number) => () => heard.includes(value);

describe("a microphone in other hands", () => {
  test("is heard in place of the robot's own, which is back when it is released", async () => {
    const { engine, heard } = await hearing();
    await until(has(heard, 7), "its own microphone");
    const taken = engine.port.takeMicrophone();
    await until(has(heard, 0), "silence");
    taken.write(new Int16Array(960).fill(100));
    await until(has(heard, 100), "the other one");
    const from = heard.indexOf(0);
    expect(new Set(heard.slice(from))).toEqual(new Set([0, 100]));
    taken.release();
    taken.release();
    heard.length = 0;
    await until(has(heard, 7), "its own microphone again");
  });

  test("is in one pair of hands at a time", async () => {
    const { engine } = await hearing();
    const first = engine.port.takeMicrophone();
    expect(() => engine.port.takeMicrophone()).toThrow("somebody else speaks");
    first.release();
    const second = engine.port.takeMicrophone();
    // What the first one does now is of no consequence.
    first.release();
    expect(() => engine.port.takeMicrophone()).toThrow("somebody else speaks");
    second.release();
  });

  test("needs a microphone to keep time", () => {
    const engine = new AudioEngine(audioConfig.parse({}));
    engines.push(engine);
    expect(() => engine.port.takeMicrophone()).toThrow("no microphone open");
  });

  test("can silence the loudspeaker, and what it would have played is told all the same", async () => {
    const { engine } = await hearing();
    const tape = createTape(5);
    await engine.port.openPlayback({ module: TEST_DEVICES, options: { tape, paced: { speed: 4 } } });
    const played: number[] = [];
    engine.port.onPlayed((frame) => played.push(...frame));
    const taken = engine.port.takeMicrophone({ loudspeaker: false });
    await engine.port.playSound(new Int16Array(4800).fill(500));
    await until(() => played.includes(500), "what would have been played");
    expect(readTape(tape).some((sample) => sample !== 0)).toBeFalse();
    taken.release();
    await engine.port.playSound(new Int16Array(4800).fill(500));
    await until(() => readTape(tape).includes(500), "the loudspeaker");
  });
});

test("while the loudspeaker is silenced the reference is silent too, and right again when it is released", async () => {
  const { engine } = await hearing();
  const { port } = engine;
  await port.openPlayback({ module: TEST_DEVICES, options: { tape: createTape(10), paced: { speed: 4 } } });
  const references: number[] = [];
  port.onRawFrame((_, reference) => references.push(...reference));
  const sound = () => port.playSound(new Int16Array(9600).fill(500));
  await sound();
  await until(() => references.includes(500), "the reference of what is played");
  await until(() => references.slice(-4800).every((sample) => sample === 0), "silence");
  references.length = 0;
  const taken = port.takeMicrophone({ loudspeaker: false });
  await sound();
  await until(() => references.length > 9600, "the frames of half a second");
  expect(references.every((sample) => sample === 0)).toBeTrue();
  taken.release();
  await sound();
  await until(() => references.includes(500), "the reference again");
});

describe("between two clocks", () => {
  const frame = (): Int16Array => new Int16Array(480);
  const ones = (samples: number): Int16Array => new Int16Array(samples).fill(1);

  test("sound starts when two frames are there, and again after a gap", () => {
    const buffer = new ElasticBuffer(2);
    buffer.write(ones(480));
    expect(buffer.mixInto(frame())).toBeFalse();
    buffer.write(ones(480));
    expect(buffer.waitingMs).toBe(40);
    expect([buffer.mixInto(frame()), buffer.mixInto(frame()), buffer.mixInto(frame())]).toEqual([
      true,
      true,
      false,
    ]);
    expect(buffer.gaps).toBe(1);
    buffer.write(ones(480));
    expect(buffer.mixInto(frame())).toBeFalse();
  });

  test("samples come out as they went in, whatever the portions", () => {
    const buffer = new ElasticBuffer(1);
    const out: number[] = [];
    let next = 1;
    for (const portion of [100, 700, 3, 480, 960, 240]) {
      buffer.write(Int16Array.from({ length: portion }, () => next++));
      const into = frame();
      while (buffer.waitingMs >= 20 && buffer.mixInto(into)) {
        out.push(...into);
        into.fill(0);
      }
    }
    expect(out).toEqual(Array.from({ length: out.length }, (_, i) => i + 1));
    expect(out.length).toBe(2400);
  });

  test("what came in a heap is made up for in pauses, and more than a second is not kept", () => {
    const buffer = new ElasticBuffer(2);
    const loud = (samples: number) => new Int16Array(samples).fill(1000);
    buffer.write(loud(480 * 10));
    buffer.write(new Int16Array(480));
    expect(buffer.waitingMs).toBe(200);
    expect(buffer.droppedSamples).toBe(480);
    for (let i = 0; i < 5; i++) buffer.mixInto(frame());
    buffer.write(new Int16Array(480));
    expect(buffer.waitingMs).toBe(120);
    buffer.write(loud(480 * 44));
    expect(buffer.waitingMs).toBe(1000);
    buffer.write(loud(480));
    expect(buffer.waitingMs).toBe(40);
    buffer.write(loud(480 * 1000));
    expect(buffer.waitingMs).toBeLessThanOrEqual(1000);
  });
});
