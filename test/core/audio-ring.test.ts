import { describe, expect, test } from "bun:test";
import { Worker } from "node:worker_threads";
import { Ring, distance } from "../../core/audio/ring.ts";
import { Spool } from "../../core/audio/spool.ts";

const ramp = (length: number, from = 0): Int16Array<ArrayBuffer> =>
  Int16Array.from({ length }, (_, i) => from + i);

describe("ring", () => {
  test("every sample arrives once and in order across threads, whatever the block sizes", async () => {
    for (const [seed, start] of [
      [1, 0],
      [2, 2 ** 32 - 20_000],
      [3, 2 ** 31 - 20_000],
    ] as const) {
      const total = 60_000;
      const ring = Ring.create(1024, start);
      const worker = new Worker(new URL("./audio-ring-producer.ts", import.meta.url), {
        workerData: { memory: ring.memory, total, seed },
      });
      const ended = new Promise((resolve) => worker.once("exit", resolve));
      let wrong = 0;
      let done = 0;
      const deadlineMs = performance.now() + 15_000;
      for (let size = 1; done < total && performance.now() < deadlineMs; size = (size * 7 + 3) % 500 || 1) {
        const into = new Int16Array(Math.min(size, ring.available));
        if (into.length === 0) {
          await Bun.sleep(0);
          continue;
        }
        expect(ring.read(into)).toBe(into.length);
        for (const sample of into) if (sample !== (done++ << 16) >> 16) wrong++;
      }
      await ended;
      expect({ done, wrong, overrun: ring.overrunSamples, available: ring.available }).toEqual({
        done: total,
        wrong: 0,
        overrun: 0,
        available: 0,
      });
    }
  });

  test("what does not fit is dropped and counted, and what is kept is the oldest", () => {
    const ring = Ring.create(1000);
    expect(ring.capacity).toBe(1024);
    expect(ring.write(ramp(1000))).toBe(1000);
    expect(ring.write(ramp(100, 1000))).toBe(24);
    expect(ring.overrunSamples).toBe(76);
    const out = new Int16Array(1024);
    expect(ring.read(out)).toBe(1024);
    expect(out).toEqual(ramp(1024));
  });

  test("reading more than there is gives what there is and counts the rest", () => {
    const ring = Ring.create(512);
    ring.write(ramp(100));
    const out = new Int16Array(160).fill(-1);
    expect(ring.read(out)).toBe(100);
    expect(out.subarray(0, 100)).toEqual(ramp(100));
    expect(out[100]).toBe(-1);
    expect(ring.underrunSamples).toBe(60);
  });

  test("placed samples are seen when they are published, and copied ones are kept until they are released", () => {
    const ring = Ring.create(64, 2 ** 32 - 32);
    ring.place(ring.head, ramp(48));
    expect(ring.available).toBe(0);
    ring.publish((ring.head + 48) >>> 0);
    expect(ring.available).toBe(48);
    expect(ring.head).toBe(16);
    const out = new Int16Array(48);
    ring.copy(ring.tail, out);
    expect(out).toEqual(ramp(48));
    expect(ring.free()).toBe(16);
    ring.release(ring.head);
    expect(ring.free()).toBe(64);
  });

  test("positions compare right across their wrap", () => {
    expect(distance(2 ** 32 - 10, 5)).toBe(15);
    expect(distance(5, 2 ** 32 - 10)).toBe(-15);
  });
});

describe("spool", () => {
  test("more than the ring holds waits and follows in order", () => {
    const spool = new Spool(Ring.create(256));
    const source = ramp(2000);
    for (let at = 0; at < source.length; at += 150) spool.append(source.subarray(at, at + 150));
    expect(spool.queued).toBe(2000);
    expect(spool.end).toBe(2000);
    const heard: number[] = [];
    const out = new Int16Array(97);
    while (spool.queued > 0) {
      const count = spool.ring.read(out);
      heard.push(...out.subarray(0, count));
      spool.topUp();
    }
    expect(heard).toEqual([...source]);
  });

  test("what waits can be dropped and the end moves back to the ring's", () => {
    const spool = new Spool(Ring.create(256));
    spool.append(ramp(1000));
    spool.dropWaiting();
    expect(spool.end).toBe(256);
  });
});
