import { MynaError } from "../errors.ts";
import { CaptureEnd } from "./capture.ts";
import type { AudioConfig } from "./config.ts";
import { audioConfig } from "./config.ts";
import { Device } from "./device.ts";
import { FrameFan } from "./frame-fan.ts";
import { PlaybackEnd } from "./playback.ts";
import { FRAME_SAMPLES, RATE_HZ } from "./port.ts";
import type { AudioDevice, AudioPort, Capture, DeviceSpec, Playback } from "./port.ts";
import { distance, Ring } from "./ring.ts";
import { SharedState } from "./shared-state.ts";

/** How often the main thread looks at the rings where it does not know better. */
const POLL_MS = 5;
/** From one frame of the microphone to the next: being woken in between is most of what the audio path costs. */
const PERIOD_MS = 20;
/** A device may be away this long, for a reload, before the robot goes on without it. */
const ABSENCE_MS = 1000;

const CAPTURE_SAMPLES = 2 * RATE_HZ;
const FEED_SAMPLES = 5 * RATE_HZ;
const SPEECH_SAMPLES = 40 * RATE_HZ;
const SOUND_SAMPLES = 10 * RATE_HZ;
const REFERENCE_SAMPLES = 2 * RATE_HZ;

type Kind = "capture" | "playback";

/** Told of what a handler of frames or of playback events threw. */
export type AudioFault = (error: unknown) => void;

/**
 * The robot's ears and mouth. Rings, positions and items belong to the engine and outlive every device; each open device
 * has a thread that moves samples between it and the rings.
 */
export class AudioEngine {
  readonly capture: Capture;
  readonly playback: Playback;
  readonly port: AudioPort;
  readonly #config: AudioConfig;
  readonly #shared: SharedState;
  readonly #rings: Record<Kind, Ring[]>;
  readonly #captureEnd: CaptureEnd;
  readonly #playbackEnd: PlaybackEnd;
  readonly #played: FrameFan;
  readonly #devices: Partial<Record<Kind, Device>> = {};
  readonly #opening: Partial<Record<Kind, Promise<unknown>>> = {};
  readonly #absentSinceMs: Record<Kind, number> = { capture: performance.now(), playback: performance.now() };
  /** One for each whole number of ms, used again: neither garbage nor, as with Atomics.waitAsync, a promise each time. */
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  #awake = false;
  #closed = false;
  #faults = 0;

  constructor(config: AudioConfig = audioConfig.parse({}), onFault: AudioFault = () => {}) {
    this.#config = config;
    const fault: AudioFault = (error) => {
      this.#faults++;
      onFault(error);
    };
    const wake = () => this.#wake();
    const shared = SharedState.create(config.start_frames, FRAME_SAMPLES, config.half_duplex_tail_ms);
    const [captured, feed] = [Ring.create(CAPTURE_SAMPLES), Ring.create(FEED_SAMPLES)];
    const [speech, sounds] = [Ring.create(SPEECH_SAMPLES), Ring.create(SOUND_SAMPLES)];
    const reference = Ring.create(REFERENCE_SAMPLES);
    this.#shared = shared;
    this.#rings = { capture: [captured, feed], playback: [speech, sounds, reference] };
    this.#captureEnd = new CaptureEnd(captured, feed, shared, wake, fault);
    this.#playbackEnd = new PlaybackEnd(speech, sounds, shared, wake, fault);
    this.#played = new FrameFan(
      reference,
      (position) => {
        shared.readPlayed();
        return shared.playedAtMs + (distance(shared.playedReference, position) * 1000) / RATE_HZ;
      },
      fault,
    );
    this.capture = this.#captureEnd;
    this.playback = this.#playbackEnd;
    this.port = {
      openCapture: (device) => this.#open("capture", device),
      openPlayback: (device) => this.#open("playback", device),
      onFrame: (handler) => this.capture.onFrame(handler),
      feed: (pcm) => this.capture.feed(pcm),
      playSound: (pcm, gain) => this.playback.playSound(pcm, gain),
      onPlayed: (handler) => this.#played.add(handler),
      speaking: () => this.playback.active,
    };
    this.#setHalfDuplex();
  }

  /** For the health report and the metrics. */
  counters(): Record<string, unknown> {
    return {
      capture_open: this.#devices.capture !== undefined,
      playback_open: this.#devices.playback !== undefined,
      ...this.#captureEnd.counters(),
      capture_xruns: this.#shared.captureXruns,
      ...this.#playbackEnd.counters(),
      reference_overrun_samples: this.#rings.playback[2]!.overrunSamples,
      half_duplex: this.#shared.halfDuplex,
      half_duplex_frames: this.#shared.gatedBlocks,
      handler_faults: this.#faults,
    };
  }

  /** Closes the devices; what is queued is dropped, and who waits for the end of a feed is told. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.allSettled(Object.values(this.#opening));
    await Promise.all([this.#devices.capture?.close(), this.#devices.playback?.close()]);
    this.#captureEnd.abandon();
    this.#playbackEnd.sink(performance.now());
  }

  async #open(kind: Kind, spec: DeviceSpec): Promise<AudioDevice> {
    const name = kind === "capture" ? "microphone" : "loudspeaker";
    if (this.#closed) throw new MynaError("SHUTTING_DOWN", `the ${name} cannot be opened any more`);
    await this.#devices[kind]?.closing;
    if (this.#opening[kind]) throw new MynaError("DEVICE_BUSY", `another plugin is opening the ${name}`);
    if (this.#devices[kind]) throw new MynaError("DEVICE_BUSY", `another plugin has the ${name}`);
    const opening = Device.open(kind, spec, this.#shared, this.#rings[kind]);
    this.#opening[kind] = opening;
    let device: Device;
    try {
      device = await opening;
    } finally {
      delete this.#opening[kind];
    }
    this.#devices[kind] = device;
    this.#setHalfDuplex();
    this.#wake();
    void device.failed.then(() => this.#release(kind, device));
    return {
      failed: device.failed,
      close: async () => {
        await device.close();
        this.#release(kind, device);
      },
    };
  }

  #release(kind: Kind, device: Device): void {
    if (this.#devices[kind] !== device) return;
    delete this.#devices[kind];
    this.#absentSinceMs[kind] = performance.now();
    this.#setHalfDuplex();
    this.#wake();
  }

  #setHalfDuplex(): void {
    const { echo } = this.#config;
    const { capture, playback } = this.#devices;
    const acoustic = capture?.spec.acoustic === true && playback?.spec.acoustic === true;
    this.#shared.halfDuplex = echo === "half_duplex" || (echo === "auto" && acoustic);
  }

  #wake(): void {
    if (this.#closed || this.#awake) return;
    this.#awake = true;
    this.#pollIn(POLL_MS);
  }

  #poll(): void {
    const nowMs = performance.now();
    if (this.#captureEnd.feeding && !this.#devices.capture && this.#absent("capture", nowMs)) {
      this.#captureEnd.abandon();
    }
    if (!this.#devices.playback && !this.#opening.playback) {
      if (this.#absent("playback", nowMs)) this.#playbackEnd.sink(nowMs);
      else this.#playbackEnd.settle(nowMs);
    }
    const [captured] = this.#rings.capture;
    const tail = captured!.tail;
    this.#captureEnd.poll();
    this.#playbackEnd.poll();
    this.#played.deliver();
    const working =
      this.#devices.capture || this.#devices.playback || this.#captureEnd.feeding || this.#playbackEnd.busy;
    if (!working) this.#awake = false;
    else if (!this.#closed) this.#pollIn(captured!.tail === tail ? POLL_MS : this.#untilNextFrameMs());
  }

  #pollIn(ms: number): void {
    const timer = this.#timers[ms];
    if (timer) timer.refresh();
    else this.#timers[ms] = setTimeout(() => this.#poll(), ms);
  }

  /** By the device's clock, rounded up and a little more: a timer may fire most of a millisecond early. */
  #untilNextFrameMs(): number {
    this.#shared.readCaptured();
    const leftMs = this.#shared.capturedAtMs + PERIOD_MS - performance.now();
    return leftMs > 0 && leftMs <= PERIOD_MS ? Math.ceil(leftMs) + 1 : POLL_MS;
  }

  #absent(kind: Kind, nowMs: number): boolean {
    return !this.#opening[kind] && nowMs - this.#absentSinceMs[kind] > ABSENCE_MS;
  }
}
