import type { Bell } from "../../core/audio/bell.ts";
import { openPlayback as openPaced } from "../../core/audio/paced-device.ts";
import type { PlaybackDriver } from "../../core/audio/port.ts";
import { monotonicMs } from "../../test/kit/monotonic.ts";

/** Absolute path of this module. */
export const PROBE_LOUDSPEAKER: string = import.meta.path;

/** Louder than this is a sound; the room's silence and a fade's last steps are not. */
const AUDIBLE = 33;
const FIELDS = 4;
const HEADER_BYTES = 8;
const RATE_SAMPLES_PER_MS = 24;

/** One thing that the device was told. Times are monotonic milliseconds. */
export interface ProbeEntry {
  kind: "write" | "drop";
  /** When the device took it. */
  atMs: number;
  /** When the first sample of a write leaves the loudspeaker, as far as it is not dropped. */
  heardFromMs: number;
  /** When the last audible sample of a write has left; null where there is none. */
  audibleUntilMs: number | null;
}

/** The loudspeaker's diary in shared memory: written by the device thread, read by whoever made it. */
export class ProbeLog {
  readonly memory: SharedArrayBuffer;
  readonly #count: Int32Array;
  readonly #fields: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#count = new Int32Array(memory, 0, 1);
    this.#fields = new Float64Array(memory, HEADER_BYTES);
  }

  /** Room for `entries`; what comes later is not kept. */
  static create(entries: number): ProbeLog {
    return new ProbeLog(new SharedArrayBuffer(HEADER_BYTES + entries * FIELDS * 8));
  }

  get length(): number {
    return Atomics.load(this.#count, 0);
  }

  get full(): boolean {
    return this.length * FIELDS >= this.#fields.length;
  }

  add(kind: ProbeEntry["kind"], atMs: number, heardFromMs: number, audibleUntilMs: number): void {
    if (this.full) return;
    const at = this.length * FIELDS;
    this.#fields[at] = kind === "write" ? 0 : 1;
    this.#fields[at + 1] = atMs;
    this.#fields[at + 2] = heardFromMs;
    this.#fields[at + 3] = audibleUntilMs;
    Atomics.add(this.#count, 0, 1);
  }

  at(index: number): ProbeEntry {
    const at = index * FIELDS;
    const untilMs = this.#fields[at + 3]!;
    return {
      kind: this.#fields[at] === 0 ? "write" : "drop",
      atMs: this.#fields[at + 1]!,
      heardFromMs: this.#fields[at + 2]!,
      audibleUntilMs: Number.isNaN(untilMs) ? null : untilMs,
    };
  }
}

/** The paced loudspeaker of the simulator, with a diary of what it was given; `options.memory` is a ProbeLog's. */
export function openPlayback(options: { memory: SharedArrayBuffer }, bell: Bell): PlaybackDriver {
  const log = new ProbeLog(options.memory);
  const paced = openPaced({}, bell);
  return {
    ...paced,
    write(frames) {
      paced.write(frames);
      const atMs = monotonicMs();
      const heardFromMs = atMs + (paced.delay() - frames.length) / RATE_SAMPLES_PER_MS;
      let last = frames.length - 1;
      while (last >= 0 && Math.abs(frames[last]!) <= AUDIBLE) last--;
      log.add("write", atMs, heardFromMs, last < 0 ? NaN : heardFromMs + (last + 1) / RATE_SAMPLES_PER_MS);
    },
    drop() {
      paced.drop();
      log.add("drop", monotonicMs(), NaN, NaN);
    },
  };
}
