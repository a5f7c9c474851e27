import { FRAME_SAMPLES } from "../../core/audio/port.ts";
import { Ring } from "../../core/audio/ring.ts";
import { SharedState } from "../../core/audio/shared-state.ts";
import { SpeechSource } from "../../core/audio/speech-source.ts";
import type { Measures } from "../part.ts";
import { percentile } from "../stopwatch.ts";
import { random } from "./trace.ts";
import { voice } from "./voice.ts";

const SECONDS = 120;
const TAIL_MS = 300;
/** The same periods so many times, the first to warm up: of each the cheapest counts, as other programs only add. */
const RUNS = 6;

/** Nearly every period of a bad network is stretched or made up: what one costs, microseconds. */
export function stretchCost(): Measures {
  const speech = voice(24_000 * 10, 7);
  let best = run(speech);
  for (let n = 1; n < RUNS; n++) {
    const again = run(speech);
    best = best.map((us, i) => Math.min(us, again[i]!));
  }
  return { p99_us: percentile(best, 99), median_us: percentile(best, 50), periods: best.length };
}

function run(speech: Int16Array): number[] {
  const shared = SharedState.create(2, FRAME_SAMPLES, TAIL_MS);
  const ring = Ring.create(2 ** 19);
  const source = new SpeechSource(ring, shared);
  const period = new Int16Array(FRAME_SAMPLES);
  const rng = random(3);
  const tookUs: number[] = [];
  let owed = 0;
  for (let n = 0; n < SECONDS * 50; n++) {
    owed++;
    // Packets come in heaps.
    if (rng() < 0.3) {
      for (; owed > 0; owed--) {
        const at = (n * FRAME_SAMPLES) % (speech.length - FRAME_SAMPLES);
        ring.write(speech.subarray(at, at + FRAME_SAMPLES));
      }
    }
    const { at } = source;
    const startNs = Bun.nanoseconds();
    source.take(period, 0);
    const us = (Bun.nanoseconds() - startNs) / 1000;
    ring.release(source.at);
    if (source.at - at !== FRAME_SAMPLES) tookUs.push(us);
  }
  return tookUs;
}
