import { bytesOf, noise } from "../fixtures/sound.ts";
import type { Measures, Part } from "../part.ts";
import { nsPerTurn } from "../stopwatch.ts";

const FRAME_SAMPLES = 480;
/** 2.7 s at 24 kHz: more than the first cache holds. */
const CAPACITY_SAMPLES = 65_536;
const FRAMES = 16;

const frames = Array.from({ length: FRAMES }, (_, seed) => noise(FRAME_SAMPLES, seed + 1));
const out = new Int16Array(FRAME_SAMPLES);

/** Buffer.copy is the cheapest copy that Bun has, a fifth below TypedArray.set. */
function twoCopies(): Measures {
  const shared = new SharedArrayBuffer(CAPACITY_SAMPLES * 2);
  // Buffer.from takes a SharedArrayBuffer; its type says so only for ArrayBuffer.
  const memory = shared as unknown as ArrayBuffer;
  const slots = Array.from({ length: Math.floor(CAPACITY_SAMPLES / FRAME_SAMPLES) }, (_, i) =>
    Buffer.from(memory, i * FRAME_SAMPLES * 2, FRAME_SAMPLES * 2),
  );
  const ins = frames.map(bytesOf);
  const outBytes = bytesOf(out);
  return nsPerTurn((turns) => {
    let sum = 0;
    for (let i = 0, at = 0; i < turns; i++, at = at === slots.length - 1 ? 0 : at + 1) {
      const slot = slots[at]!;
      ins[i & (FRAMES - 1)]!.copy(slot);
      slot.copy(outBytes);
      sum += out[i & 255]!;
    }
    return sum;
  });
}

function pushAndShift(): Measures {
  const queue: Int16Array[] = [];
  return nsPerTurn((turns) => {
    let sum = 0;
    for (let i = 0; i < turns; i++) {
      queue.push(frames[i & (FRAMES - 1)]!.slice());
      sum += queue.shift()![i & 255]!;
    }
    return sum;
  });
}

async function ringbufJs(): Promise<Measures> {
  const { RingBuffer } = await import("ringbuf.js");
  const shared = RingBuffer.getStorageForCapacity(CAPACITY_SAMPLES, Int16Array);
  const ring = new RingBuffer(shared, Int16Array);
  return nsPerTurn((turns) => {
    let sum = 0;
    for (let i = 0; i < turns; i++) {
      ring.push(frames[i & (FRAMES - 1)]!, FRAME_SAMPLES);
      ring.pop(out, FRAME_SAMPLES);
      sum += out[i & 255]!;
    }
    return sum;
  });
}

async function mynaRing(): Promise<Measures> {
  const { Ring } = await import("../../core/audio/ring.ts");
  const producer = Ring.create(CAPACITY_SAMPLES);
  const consumer = new Ring(producer.memory);
  return nsPerTurn((turns) => {
    let sum = 0;
    for (let i = 0; i < turns; i++) {
      producer.write(frames[i & (FRAMES - 1)]!);
      consumer.read(out);
      sum += out[i & 255]!;
    }
    return sum;
  });
}

/** The limit is what the bytes cost: a copy into shared memory and one out of it, at places known beforehand. */
export const part: Part = {
  rounds: 3,
  rows: [
    {
      name: "ring",
      title: "a 20 ms frame written to a shared ring and read back",
      unit: "ns",
      metric: "ns",
      limit: "two copies",
      peers: ["push and shift", "ringbuf.js"],
      ours: "myna",
      across: "best",
      goals: [
        { kind: "times_limit", most: 2 },
        { kind: "faster_than", peer: "ringbuf.js", least: 8 },
      ],
    },
  ],
  cases: {
    "two copies": twoCopies,
    "push and shift": pushAndShift,
    "ringbuf.js": ringbufJs,
    myna: mynaRing,
  },
};
