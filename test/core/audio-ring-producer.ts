import { workerData } from "node:worker_threads";
import { Ring } from "../../core/audio/ring.ts";

/** Writes `total` samples, counting up, in blocks of random size, as fast as the ring has room. */
const { memory, total, seed } = workerData as { memory: SharedArrayBuffer; total: number; seed: number };
const ring = new Ring(memory);
let state = seed;
const random = (limit: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return 1 + (state % limit);
};
for (let done = 0; done < total;) {
  const block = Int16Array.from({ length: Math.min(random(700), total - done) }, (_, i) => done + i);
  while (ring.free() < block.length) Atomics.pause();
  ring.write(block);
  done += block.length;
}
