import { describe, expect, test } from "bun:test";
import { ClockLine } from "../../core/audio/clock-line.ts";
import { ListeningChain } from "../../core/audio/listening-chain.ts";
import { ReferenceReader } from "../../core/audio/reference.ts";
import { Ring } from "../../core/audio/ring.ts";
import { SharedState } from "../../core/audio/shared-state.ts";

const FRAME = 480;
/** Frequency of what the loudspeaker plays. */
const TONE_HZ = 800;

/** Repeatable numbers from 0 to 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * A loudspeaker and a microphone whose clocks run `playedPpm` and `capturedPpm` fast, told of up to `lateMs` late.
 * The loudspeaker plays a tone of its own clock; time is simulated.
 */
function room(options: { playedPpm?: number; capturedPpm?: number; lateMs?: number; start?: number } = {}) {
  const { playedPpm = 0, capturedPpm = 0, lateMs = 0, start = 0 } = options;
  const shared = SharedState.create(2, FRAME, 300);
  const ring = Ring.create(65_536, start);
  const reader = new ReferenceReader(ring.memory, shared);
  const playedRate = 24 * (1 + playedPpm * 1e-6);
  const capturedRate = 24 * (1 + capturedPpm * 1e-6);
  const late = random(7);
  let placed = 0;
  let captured = 0;
  let gapMs = 0;
  const loudness = 10_000;
  /** What is at the loudspeaker at a time. */
  const heardAt = (ms: number): number =>
    loudness * Math.sin((2 * Math.PI * TONE_HZ * (ms - gapMs) * playedRate) / 24_000);
  shared.beginPlayedEpoch();
  /** The next frame of the microphone: its end in time, and the reference the reader gives for it. */
  const frame = (): { endMs: number; reference: Int16Array } => {
    const frameEnd = captured + FRAME;
    const endMs = 100 + frameEnd / capturedRate;
    const heard = Math.floor((endMs - gapMs) * playedRate);
    while (placed < heard + 2 * FRAME) {
      ring.place(
        (start + placed) >>> 0,
        Int16Array.from({ length: FRAME }, (_, i) =>
          Math.round(loudness * Math.sin((2 * Math.PI * TONE_HZ * (placed + i)) / 24_000)),
        ),
      );
      placed += FRAME;
    }
    shared.placedReference = (start + placed) >>> 0;
    const given = (start + placed - FRAME) >>> 0;
    shared.playedLog.add((start + heard) >>> 0, given, shared.playedEpoch, endMs + lateMs * late() ** 4);
    shared.capturedLog.add((start + frameEnd) >>> 0, 0, 0, endMs + lateMs * late() ** 4);
    reader.observe();
    captured = frameEnd;
    return { endMs, reference: reader.read((start + captured) >>> 0) };
  };
  /** Loudest difference between the reference of the next frames and what was heard while they were taken. */
  const error = (frames: number): number => {
    let worst = 0;
    for (let n = 0; n < frames; n++) {
      const { endMs, reference } = frame();
      for (let i = 0; i < FRAME; i++) {
        const atMs = endMs - (FRAME - i) / capturedRate;
        worst = Math.max(worst, Math.abs(reference[i]! - heardAt(atMs)));
      }
    }
    return worst / loudness;
  };
  const stumble = (ms: number) => {
    gapMs += ms;
  };
  return { reader, shared, frame, error, stumble };
}

describe("the reference on the microphone's clock", () => {
  test("the reference of a frame is what was heard while the frame was taken", () => {
    const { error } = room();
    error(5);
    // One sample of 24 kHz is 0.2 of the tone's loudness.
    expect(error(200)).toBeLessThan(0.2);
  });

  test("threads that tell of it late, up to 15 ms, move nothing", () => {
    const { error, reader } = room({ lateMs: 15 });
    error(500);
    const jumps = reader.jumps;
    expect(error(1000)).toBeLessThan(0.2);
    expect(reader.jumps).toBe(jumps);
  });

  test("clocks that drift apart by 300 millionths are measured and followed without a jump", () => {
    const { error, reader } = room({ playedPpm: 200, capturedPpm: -100, lateMs: 3 });
    error(1500);
    expect(error(3000)).toBeLessThan(0.25);
    expect(reader.played.driftPpm).toBeWithin(190, 210);
    expect(reader.captured.driftPpm).toBeWithin(-110, -90);
    expect(reader.jumps).toBe(0);
  });

  test("following a drift makes no click: neighbouring samples differ as a tone's do", () => {
    const { frame } = room({ playedPpm: 150, capturedPpm: -150 });
    let last = 0;
    let worst = 0;
    for (let n = 0; n < 3000; n++) {
      const { reference } = frame();
      for (let i = 0; i < FRAME; i++) {
        if (n > 0) worst = Math.max(worst, Math.abs(reference[i]! - last));
        last = reference[i]!;
      }
    }
    // The steepest step of the tone itself.
    expect(worst).toBeLessThan(10_000 * ((2 * Math.PI * TONE_HZ) / 24_000) * 1.02);
  });

  test("after a loudspeaker that stood still for 60 ms the reference is right again within two seconds", () => {
    const { error, reader, stumble } = room();
    error(100);
    stumble(60);
    error(100);
    expect(error(100)).toBeLessThan(0.2);
    expect(reader.jumps).toBe(1);
  });

  test("positions may wrap", () => {
    const { error } = room({ start: 2 ** 32 - 20_000, playedPpm: 100 });
    error(1500);
    expect(error(200)).toBeLessThan(0.25);
  });

  test("without a loudspeaker, and past what it was given, the reference is silence", () => {
    const shared = SharedState.create(2, FRAME, 300);
    const ring = Ring.create(65_536);
    const reader = new ReferenceReader(ring.memory, shared);
    shared.capturedLog.add(480, 0, 0, 120);
    reader.observe();
    expect(reader.read(480).every((sample) => sample === 0)).toBe(true);
    shared.beginPlayedEpoch();
    ring.place(0, new Int16Array(960).fill(5000));
    shared.placedReference = 960;
    // The clock is known when it has moved: until then the device may still be starting.
    reader.observe();
    expect(reader.read(480).every((sample) => sample === 0)).toBe(true);
    shared.playedLog.add(480, 960, shared.playedEpoch, 120);
    shared.capturedLog.add(960, 0, 0, 140);
    reader.observe();
    expect(Math.max(...reader.read(960))).toBeGreaterThan(4000);
    shared.capturedLog.add(1920, 0, 0, 180);
    reader.observe();
    expect(reader.read(1920).every((sample) => sample === 0)).toBe(true);
  });
});

describe("a card's clock", () => {
  test("its drift is known to a few millionths after a minute, whatever comes late", () => {
    const line = new ClockLine();
    const late = random(3);
    for (let n = 1; n <= 3000; n++) line.observe(n * FRAME, (n * 20) / (1 - 85e-6) + 8 * late() ** 3);
    expect(line.driftPpm).toBeWithin(-88, -82);
    expect(line.jumps).toBe(0);
  });

  test("a sound server that says its delay differently from second to second is not taken for a fast card", () => {
    const line = new ClockLine();
    // What a null sink of PipeWire 0.3.65 said through libasound, ms; its clock is the machine's.
    const saidMs = [
      57.9, 60.9, 61, 59, 59.7, 58.5, 56.5, 56.8, 55.9, 56.4, 56.6, 55.1, 54.9, 55, 55.1, 54.8, 54.8,
    ];
    const late = random(3);
    let mostPpm = 0;
    for (let n = 1; n <= 850; n++) {
      line.observe(n * FRAME, n * 20 + saidMs[Math.floor((n - 1) / 50)]! + 8 * late() ** 3);
      mostPpm = Math.max(mostPpm, Math.abs(line.driftPpm));
    }
    expect(mostPpm).toBeLessThan(150);
  });

  test("lost samples break the line once, and it finds the new one", () => {
    const line = new ClockLine();
    for (let n = 1; n <= 500; n++) line.observe(n * FRAME, n * 20);
    for (let n = 501; n <= 700; n++) line.observe(n * FRAME, n * 20 + 300);
    expect(line.jumps).toBe(1);
    expect(line.timeOf(700 * FRAME)).toBeCloseTo(14_300, 3);
    expect(line.samplesSince(700 * FRAME, 14_310)).toBeCloseTo(240, 3);
  });
});

describe("a loudspeaker that ran dry", () => {
  /** Frames of 20 ms that come on time, and 30 ms late from `lateFrom` to `lateTo`; how far the line is off after `count`. */
  function offAfter(count: number, lateFrom: number, lateTo: number): { line: ClockLine; offMs: number } {
    const line = new ClockLine();
    for (let i = 1; i <= count; i++)
      line.observe(i * FRAME, i * 20 + (i >= lateFrom && i < lateTo ? 30 : 0.1));
    return { line, offMs: line.timeOf(count * FRAME) - count * 20 };
  }

  test("is later from then on, which is known within half a second", () => {
    const { line, offMs } = offAfter(225, 200, 1000);
    expect(line.jumps).toBe(1);
    expect(offMs).toBeWithin(29, 31);
  });

  test("is not what a thread is that wakes late ten times", () => {
    const { line, offMs } = offAfter(211, 200, 210);
    expect(line.jumps).toBe(0);
    expect(offMs).toBeWithin(0, 1);
  });
});

describe("the listening chain", () => {
  test("raw frames come first, then echo, noise and gain, each in the order of its coming", () => {
    const chain = new ListeningChain(() => {});
    const seen: string[] = [];
    const stage = (slot: "echo" | "noise" | "gain", name: string) =>
      chain.addStage({
        slot,
        process(frame) {
          frame[0]!++;
          seen.push(`${name} ${frame[0]}`);
        },
      });
    stage("gain", "gain");
    const undo = stage("echo", "first echo");
    stage("echo", "second echo");
    stage("noise", "noise");
    chain.onRawFrame((frame) => seen.push(`raw ${frame[0]}`));
    const frame = new Int16Array(FRAME);
    chain.process(frame, new Int16Array(FRAME), 1);
    expect(seen).toEqual(["raw 0", "first echo 1", "second echo 2", "noise 3", "gain 4"]);
    undo();
    undo();
    seen.length = 0;
    chain.process(new Int16Array(FRAME), new Int16Array(FRAME), 2);
    expect(seen).toEqual(["raw 0", "second echo 1", "noise 2", "gain 3"]);
  });

  test.each([
    ["noise", 500],
    ["echo", 0],
  ] as const)("a stage for the %s that throws is reported, and the frame goes on as %d", (slot, sample) => {
    const faults: unknown[] = [];
    const chain = new ListeningChain((error) => faults.push(error));
    const process = () => {
      throw new Error("no memory");
    };
    chain.addStage({ slot, process });
    const own: unknown[] = [];
    chain.addStage({ slot, process, onFault: (error) => own.push(error) });
    const after: number[] = [];
    chain.addStage({ slot: "gain", process: (frame) => void after.push(frame[7]!) });
    chain.process(new Int16Array(FRAME).fill(500), new Int16Array(FRAME), 1);
    expect({ after, faults: faults.length, own: own.length, counted: chain.faults }).toEqual({
      after: [sample],
      faults: 1,
      own: 1,
      counted: 2,
    });
  });
});
