import {
  openCapture as openPacedCapture,
  openPlayback as openPacedPlayback,
} from "../../core/audio/paced-device.ts";
import type { CaptureDriver, PlaybackDriver } from "../../core/audio/port.ts";

/** Absolute path of this module: devices of the simulator that count samples. */
export const COUNTING_DEVICES: string = import.meta.path;

/** The sample after `sample` in what the microphone hears, and in what the loudspeaker is to be given. */
export function nextCount(sample: number): number {
  return (sample % 30_000) + 1;
}

/** So many samples of the count, from 1 on. */
export function countUp(samples: number): Int16Array {
  return Int16Array.from({ length: samples }, (_, i) => (i % 30_000) + 1);
}

/** Each sample is one more than the one before, up to 30,000. */
export function openCapture(): CaptureDriver {
  const paced = openPacedCapture({});
  let last = 0;
  return {
    ...paced,
    read(into) {
      const count = paced.read(into);
      for (let i = 0; i < count; i++) into[i] = last = nextCount(last);
      return count;
    },
  };
}

/** Counts in word 0 of `options.memory` where what it is given does not go on as it should: silence in between, or a leap. */
export function openPlayback(options: { memory: SharedArrayBuffer }): PlaybackDriver {
  const paced = openPacedPlayback({});
  const breaks = new Int32Array(options.memory);
  let last = 0;
  return {
    ...paced,
    write(frames) {
      paced.write(frames);
      for (let i = 0; i < frames.length; i++) {
        const sample = frames[i]!;
        if (last !== 0 && sample !== nextCount(last)) Atomics.add(breaks, 0, 1);
        last = sample;
      }
    },
  };
}
