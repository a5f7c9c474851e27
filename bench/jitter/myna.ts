import { FRAME_MS, FRAME_SAMPLES } from "../../core/audio/port.ts";
import { Ring } from "../../core/audio/ring.ts";
import { SharedState } from "../../core/audio/shared-state.ts";
import { SpeechSource } from "../../core/audio/speech-source.ts";
import { voice } from "./voice.ts";
import { Playout } from "./playout.ts";
import type { Outcome } from "./playout.ts";
import type { Trace } from "./trace.ts";

const SAMPLES_PER_MS = FRAME_SAMPLES / FRAME_MS;
const TAIL_MS = 300;

/** How long speech may wait; without it, what a profile without `[audio]` has. */
export interface MynaBuffer {
  startFrames?: number;
  targetMs: number;
  leastMs: number;
  mostMs: number;
}

/** The buffer of the robot itself, on speech. */
export function mynaBuffer(limits?: MynaBuffer): (trace: Trace, phaseMs: number) => Outcome {
  return (trace, phaseMs) => {
    const playout = new Playout();
    const shared = SharedState.create(limits?.startFrames ?? 2, FRAME_SAMPLES, TAIL_MS, limits);
    const ring = Ring.create(2 ** 19);
    const source = new SpeechSource(ring, shared);
    const period = new Int16Array(FRAME_SAMPLES);
    const speech = voice(10_000 * SAMPLES_PER_MS, 1);
    shared.completeTo = ring.head;
    let nowMs = phaseMs;
    for (const { packets, lengthMs } of trace.answers) {
      playout.begin({ packets, lengthMs });
      const start = ring.head;
      const end = start + lengthMs * SAMPLES_PER_MS;
      let next = 0;
      nowMs += Math.ceil((packets[0]!.arrivalMs - nowMs) / FRAME_MS) * FRAME_MS;
      while (source.at < end) {
        while (next < packets.length && packets[next]!.arrivalMs <= nowMs) {
          const { mediaMs, lengthMs: pieceMs } = packets[next++]!;
          const from = mediaMs * SAMPLES_PER_MS;
          ring.write(speech.subarray(from, from + pieceMs * SAMPLES_PER_MS));
          if (next === packets.length) shared.completeTo = ring.head;
        }
        const at = source.at;
        source.take(period, shared.completeTo);
        ring.release(source.at);
        const mediaMs = (at - start) / SAMPLES_PER_MS;
        if (source.span > 0) playout.played(nowMs, mediaMs, source.span / SAMPLES_PER_MS);
        if (source.at < end) playout.concealed((FRAME_SAMPLES - source.span) / SAMPLES_PER_MS);
        if (source.span !== source.count)
          playout.stretched(Math.abs(source.span - source.count) / SAMPLES_PER_MS);
        nowMs += FRAME_MS;
      }
    }
    return playout.outcome();
  };
}
