import { RATE_HZ } from "../../core/audio/port.ts";
import type { CaptureDriver, DeviceSpec, PlaybackDriver } from "../../core/audio/port.ts";
import { monotonicMs } from "./monotonic.ts";

/** Absolute path of this module: the `module` of a loudspeaker and a microphone that share a room. */
export const ROOM_DEVICE: string = import.meta.path;

const SAMPLES_PER_MS = RATE_HZ / 1000;
const PERIOD = 20 * SAMPLES_PER_MS;
/** Seconds of sound in the air; what was let out longer ago is gone. */
const AIR_SAMPLES = 16 * RATE_HZ;
const GONE_SAMPLES = 12 * RATE_HZ;
const SPEECH_SAMPLES = 60 * RATE_HZ;
const HEADER_BYTES = 64;
/** Seeds the noise and the reflections: every run hears the same room. */
const SEED = 20_261;

/** How sound gets from the loudspeaker to the microphone. */
export interface RoomOptions {
  /** From the loudspeaker's cone to the microphone, beside what the devices report; default 8. */
  delayMs?: number;
  /** Level of the echo against what the loudspeaker plays; default -10. `-Infinity` for none. */
  echoDb?: number;
  /** Time in which reflections lose 60 dB; 0 leaves the direct sound only. Default 120. */
  reverbMs?: number;
  /** Level of steady noise at the microphone, dB below full scale; default -70. */
  noiseDb?: number;
  /** What the loudspeaker says of its delay wanders by so much to either side, as a sound server's estimate does; default 0. */
  wanderMs?: number;
  /** Names of the devices, as the proof of an echo has them. */
  microphone?: string;
  loudspeaker?: string;
}

interface RoomWire {
  memory: SharedArrayBuffer;
  delaySamples: number;
  taps: { at: number; gain: number }[];
  noise: number;
  wanderMs: number;
  /** Monotonic milliseconds of the air's first sample. */
  originMs: number;
  device?: string;
}

/**
 * A room with a loudspeaker, a microphone and a person in it, for a robot in memory: what the loudspeaker plays reaches the
 * microphone later, quieter and with reflections. Both devices run at the pace of real ones, on one clock. Unlike
 * `feed`, the person's words pass the listening chain and the half-duplex gate.
 */
export class Room {
  readonly #options: RoomOptions;
  readonly #wire: RoomWire;
  readonly #words: Int32Array;
  readonly #speech: Int16Array;

  constructor(options: RoomOptions = {}) {
    const { delayMs = 8, echoDb = -10, reverbMs = 120, noiseDb = -70 } = options;
    const memory = new SharedArrayBuffer(HEADER_BYTES + (AIR_SAMPLES + SPEECH_SAMPLES) * 2);
    this.#options = options;
    this.#words = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.#speech = new Int16Array(memory, HEADER_BYTES + AIR_SAMPLES * 2, SPEECH_SAMPLES);
    this.#wire = {
      memory,
      delaySamples: Math.round(delayMs * SAMPLES_PER_MS),
      taps: reflections(10 ** (echoDb / 20), reverbMs),
      wanderMs: options.wanderMs ?? 0,
      noise: 32768 * 10 ** (noiseDb / 20) * Math.sqrt(3),
      originMs: monotonicMs(),
    };
  }

  /** For `AudioPort.openCapture`. */
  get microphone(): DeviceSpec {
    return this.#spec(this.#options.microphone ?? "room microphone");
  }

  /** For `AudioPort.openPlayback`. */
  get loudspeaker(): DeviceSpec {
    return this.#spec(this.#options.loudspeaker ?? "room loudspeaker");
  }

  /** The person begins to speak now, PCM16 mono 24 kHz, at most a minute; what they said before is cut short. */
  say(pcm: Int16Array): void {
    Atomics.store(this.#words, W.speechLength, 0);
    this.#speech.set(pcm.subarray(0, SPEECH_SAMPLES));
    Atomics.store(this.#words, W.speechAt, 0);
    Atomics.store(this.#words, W.speechLength, Math.min(pcm.length, SPEECH_SAMPLES));
  }

  /** True once the microphone has taken all that the person said. */
  get silent(): boolean {
    return Atomics.load(this.#words, W.speechAt) >= Atomics.load(this.#words, W.speechLength);
  }

  #spec(device: string): DeviceSpec {
    return { module: ROOM_DEVICE, options: { ...this.#wire, device }, name: device, acoustic: true };
  }
}

const W = { speechLength: 0, speechAt: 1 } as const;

/** Direct sound and some decaying reflections, together of the energy `gain` squared. */
function reflections(gain: number, reverbMs: number): { at: number; gain: number }[] {
  if (gain === 0) return [];
  const random = noiseSource(SEED);
  const taps = [{ at: 0, gain: 1 }];
  for (let ms = 2; ms < reverbMs; ms += 2 + 4 * Math.abs(random()) + ms / 20) {
    taps.push({ at: Math.round(ms * SAMPLES_PER_MS), gain: 0.5 * random() * 10 ** ((-3 * ms) / reverbMs) });
  }
  const energy = taps.reduce((sum, tap) => sum + tap.gain * tap.gain, 0);
  return taps.map((tap) => ({ at: tap.at, gain: (tap.gain * gain) / Math.sqrt(energy) }));
}

/** Even noise from -1 to 1. */
function noiseSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state | 0) / 2 ** 31;
  };
}

/** The room's clock, in samples of the air. */
class RoomClock {
  readonly #originMs: number;
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));

  constructor(originMs: number) {
    this.#originMs = originMs;
  }

  get samples(): number {
    return Math.floor((monotonicMs() - this.#originMs) * SAMPLES_PER_MS);
  }

  waitFor(samples: number): void {
    for (let left = samples - this.samples; left > 0; left = samples - this.samples)
      Atomics.wait(this.#sleeper, 0, 0, left / SAMPLES_PER_MS);
  }
}

/** The room's microphone, in the device thread. */
export function openCapture(wire: RoomWire): CaptureDriver {
  const words = new Int32Array(wire.memory, 0, HEADER_BYTES / 4);
  const air = new Int16Array(wire.memory, HEADER_BYTES, AIR_SAMPLES);
  const speech = new Int16Array(wire.memory, HEADER_BYTES + AIR_SAMPLES * 2, SPEECH_SAMPLES);
  const clock = new RoomClock(wire.originMs);
  const random = noiseSource(SEED);
  let taken = clock.samples;
  return {
    rateHz: RATE_HZ,
    channels: 1,
    read(into) {
      const count = Math.min(PERIOD, into.length);
      clock.waitFor(taken + count);
      const at = Atomics.load(words, W.speechAt);
      const said = Math.min(count, Math.max(0, Atomics.load(words, W.speechLength) - at));
      for (let i = 0; i < count; i++) {
        let sample = wire.noise * random();
        const from = taken + i - wire.delaySamples + AIR_SAMPLES;
        for (const tap of wire.taps) sample += air[(from - tap.at) % AIR_SAMPLES]! * tap.gain;
        if (i < said) sample += speech[at + i]!;
        into[i] = Math.max(-32768, Math.min(32767, Math.round(sample)));
      }
      if (said > 0) Atomics.store(words, W.speechAt, at + said);
      taken += count;
      for (let i = 0; i < count; i++) air[(taken + i + AIR_SAMPLES - GONE_SAMPLES) % AIR_SAMPLES] = 0;
      return count;
    },
    close() {},
  };
}

/** The room's loudspeaker, in the device thread. */
export function openPlayback(wire: RoomWire): PlaybackDriver {
  const air = new Int16Array(wire.memory, HEADER_BYTES, AIR_SAMPLES);
  const clock = new RoomClock(wire.originMs);
  /** The air is written up to here, while it plays. */
  let written = 0;
  let playing = false;
  let xruns = 0;
  const wander = () =>
    wire.wanderMs * SAMPLES_PER_MS * Math.sin((2 * Math.PI * clock.samples) / (5 * RATE_HZ));
  return {
    rateHz: RATE_HZ,
    channels: 1,
    write(frames) {
      if (playing) {
        clock.waitFor(written - PERIOD);
        if (clock.samples > written) {
          xruns++;
          playing = false;
        }
      }
      if (!playing) written = clock.samples;
      playing = true;
      for (let i = 0; i < frames.length; i++) air[(written + i) % AIR_SAMPLES] = frames[i]!;
      written += frames.length;
    },
    delay: () => (playing ? Math.max(0, Math.round(written - clock.samples + wander())) : 0),
    queued: () => (playing ? Math.max(0, written - clock.samples) : 0),
    drop() {
      if (!playing) return;
      for (let at = clock.samples; at < written; at++) air[at % AIR_SAMPLES] = 0;
      playing = false;
    },
    xruns: () => xruns,
    close() {},
  };
}
