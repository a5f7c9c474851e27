import { MynaError } from "../errors.ts";
import { CaptureEnd } from "./capture.ts";
import type { AudioConfig } from "./config.ts";
import { audioConfig } from "./config.ts";
import { Device } from "./device.ts";
import { deviceName, echoRung } from "./echo-rung.ts";
import type { EchoRung } from "./echo-rung.ts";
import { FrameFan } from "./frame-fan.ts";
import { PlaybackEnd } from "./playback.ts";
import { FRAME_SAMPLES, RATE_HZ } from "./port.ts";
import type {
  AudioDevice,
  AudioFault,
  AudioPort,
  Capture,
  CaptureStage,
  DeviceSpec,
  Playback,
  TakenMicrophone,
} from "./port.ts";
import { ReferenceReader } from "./reference.ts";
import { distance, Ring } from "./ring.ts";
import { SharedState } from "./shared-state.ts";
import { Sounding } from "./sounding.ts";
import { ElasticBuffer } from "./elastic-buffer.ts";

/** How often the main thread looks at the rings where it does not know better. */
const POLL_MS = 5;
/** From one frame of the microphone to the next: being woken in between is most of what the audio path costs. */
const PERIOD_MS = 20;
/** A frame that is due by the device's clock is looked for so often, so many times. */
const OVERDUE_POLL_MS = 1;
const OVERDUE_POLLS = 8;
/** A device may be away this long, for a reload, before the robot goes on without it. */
const ABSENCE_MS = 1000;

const CAPTURE_SAMPLES = 2 * RATE_HZ;
const SPEECH_SAMPLES = 40 * RATE_HZ;
const SOUND_SAMPLES = 10 * RATE_HZ;
const EARCON_SAMPLES = 2 * RATE_HZ;
const REFERENCE_SAMPLES = 2 * RATE_HZ;

type Kind = "capture" | "playback";

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
  readonly #reference: ReferenceReader;
  readonly #sounding: Sounding;
  readonly #devices: Partial<Record<Kind, Device>> = {};
  readonly #opening: Partial<Record<Kind, Promise<unknown>>> = {};
  /** Whom the open device belongs to, or the one that is being opened. */
  readonly #owners: Partial<Record<Kind, string>> = {};
  readonly #absentSinceMs: Record<Kind, number> = { capture: performance.now(), playback: performance.now() };
  /** One for each whole number of ms, used again: neither garbage nor, as with Atomics.waitAsync, a promise each time. */
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  /** Polls since the last frame of the microphone. */
  #missed = 0;
  #awake = false;
  #closed = false;
  #faults = 0;
  #rung: EchoRung = "open";
  #talking = false;

  constructor(config: AudioConfig = audioConfig.parse({}), onFault: AudioFault = () => {}) {
    this.#config = config;
    const fault: AudioFault = (error) => {
      this.#faults++;
      onFault(error);
    };
    const wake = () => this.#wake();
    const shared = SharedState.create(
      config.start_frames,
      FRAME_SAMPLES,
      config.half_duplex_tail_ms,
      { targetMs: config.jitter_target_ms, leastMs: config.jitter_min_ms, mostMs: config.jitter_max_ms },
      {
        speech: config.speech_gain,
        sound: config.sound_gain,
        earcon: config.earcon_gain,
        earconDuck: config.earcon_duck,
      },
    );
    const captured = Ring.create(CAPTURE_SAMPLES);
    const [speech, sounds] = [Ring.create(SPEECH_SAMPLES), Ring.create(SOUND_SAMPLES)];
    const earcons = Ring.create(EARCON_SAMPLES);
    const reference = Ring.create(REFERENCE_SAMPLES);
    this.#shared = shared;
    this.#rings = { capture: [captured], playback: [speech, sounds, reference, earcons] };
    this.#reference = new ReferenceReader(reference.memory, shared);
    this.#captureEnd = new CaptureEnd(captured, shared, this.#reference, wake, fault);
    this.#sounding = new Sounding(fault);
    // Before the thread can take the first sample, and not at the next poll: on a busy machine that comes after the sound.
    const soundAhead = () => {
      if (this.#devices.playback) this.#sounding.set(true);
      wake();
    };
    const hurry = () => this.#devices.playback?.hurry();
    this.#playbackEnd = new PlaybackEnd(speech, sounds, earcons, shared, soundAhead, fault, hurry);
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
      addStage: (stage) => this.#addStage(stage),
      onRawFrame: (handler) => this.#captureEnd.chain.onRawFrame(handler),
      feed: (pcm, signal) => this.capture.feed(pcm, signal),
      takeMicrophone: (options) => this.#take(options),
      playSound: (pcm, gain) => this.playback.playSound(pcm, gain),
      playEarcon: (pcm, gain) => this.playback.playEarcon(pcm, gain),
      onPlayed: (handler) => this.#played.add(handler),
      onSounding: (handler) => this.#sounding.add(handler),
      speaking: () => this.playback.active,
    };
    this.#setRung();
  }

  /** What keeps the robot from hearing itself at the moment. */
  get echoRung(): EchoRung {
    return this.#rung;
  }

  /** Whether the open devices share the air of a room. */
  get acoustic(): boolean {
    return this.#devices.capture?.spec.acoustic === true && this.#devices.playback?.spec.acoustic === true;
  }

  /** What deals with the echo, as its proof calls it; "" for nothing, or what has no name. */
  get echoStages(): string {
    return this.#captureEnd.chain.echoStages;
  }

  /** The open devices as the proof of an echo calls them; "" for one without a name, or that is not open. */
  get deviceNames(): { microphone: string; loudspeaker: string } {
    const { capture, playback } = this.#devices;
    return { microphone: deviceName(capture?.spec), loudspeaker: deviceName(playback?.spec) };
  }

  /** Somebody holds the talk key: with push-to-talk the microphone is open as long. */
  set talking(on: boolean) {
    this.#talking = on;
    this.#setRung();
  }

  /** Whoever listens hears silence, in all rungs; time goes on in it, so that a turn ends. */
  set muted(on: boolean) {
    this.#captureEnd.deaf = on;
  }

  /** For the health report and the metrics. */
  counters(): Record<string, unknown> {
    return {
      capture_open: this.#devices.capture !== undefined,
      playback_open: this.#devices.playback !== undefined,
      ...this.#shared.counters.counters(),
      ...this.#captureEnd.counters(),
      ...this.#playbackEnd.counters(),
      reference_overrun_samples: this.#rings.playback[2]!.overrunSamples,
      half_duplex: this.#shared.halfDuplex,
      echo_rung: this.#rung,
      capture_drift_ppm: Math.round(this.#reference.captured.driftPpm) || 0,
      playback_drift_ppm: Math.round(this.#reference.played.driftPpm) || 0,
      reference_jumps: this.#reference.jumps,
      handler_faults: this.#faults,
      histograms: this.#shared.counters.histograms(),
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
    if (this.#opening[kind] || this.#devices[kind]) {
      throw new MynaError("DEVICE_BUSY", taken(name, this.#owners[kind]));
    }
    if (spec.owner === undefined) delete this.#owners[kind];
    else this.#owners[kind] = spec.owner;
    const opening = Device.open(kind, spec, this.#shared, this.#rings[kind]);
    this.#opening[kind] = opening;
    let device: Device;
    try {
      device = await opening;
    } finally {
      delete this.#opening[kind];
    }
    this.#devices[kind] = device;
    this.#reference[kind === "capture" ? "captured" : "played"].replace();
    this.#setRung();
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
    // What was heard of its last frame is told before its owner stops listening.
    if (kind === "playback") this.#played.flush();
    this.#absentSinceMs[kind] = performance.now();
    this.#setRung();
    this.#wake();
  }

  #take({ loudspeaker = true }: { loudspeaker?: boolean } = {}): TakenMicrophone {
    const end = this.#captureEnd;
    if (end.taken) throw new MynaError("DEVICE_BUSY", "somebody else speaks into the robot's microphone");
    if (!this.#devices.capture)
      throw new MynaError("DEVICE_NOT_FOUND", "the robot has no microphone open that could be spoken into");
    const buffer = new ElasticBuffer();
    end.taken = buffer;
    this.#shared.loudspeakerOff = !loudspeaker;
    return {
      write: (pcm) => buffer.write(pcm),
      get waitingMs() {
        return buffer.waitingMs;
      },
      release: () => {
        if (end.taken !== buffer) return;
        end.taken = null;
        this.#shared.loudspeakerOff = false;
      },
    };
  }

  #addStage(stage: CaptureStage): () => void {
    const undo = this.#captureEnd.chain.addStage(stage);
    this.#setRung();
    return () => {
      undo();
      this.#setRung();
    };
  }

  #setRung(): void {
    const { capture, playback } = this.#devices;
    const { chain } = this.#captureEnd;
    this.#rung = echoRung(this.#config, capture?.spec, playback?.spec, chain.echoStages);
    // While a device is away for a reload what the loudspeaker let out last still dies away.
    const away = !capture || !playback;
    if (!away || this.#config.echo !== "auto") this.#shared.halfDuplex = this.#rung === "half_duplex";
    this.#captureEnd.muted = this.#rung === "push_to_talk" && !this.#talking;
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
    this.#reference.observe();
    this.#captureEnd.poll();
    this.#playbackEnd.poll();
    this.#sounding.set(this.#playbackEnd.busy);
    this.#played.deliver();
    const working =
      this.#devices.capture || this.#devices.playback || this.#captureEnd.feeding || this.#playbackEnd.busy;
    if (!working) this.#awake = false;
    else if (!this.#closed)
      this.#pollIn(captured!.tail === tail ? this.#againMs() : this.#untilNextFrameMs());
  }

  #pollIn(ms: number): void {
    const timer = this.#timers[ms];
    if (timer) timer.refresh();
    else this.#timers[ms] = setTimeout(() => this.#poll(), ms);
  }

  /** A frame that was due is awaited closely: a sound server gives it when its own period is over. */
  #againMs(): number {
    return this.#devices.capture && ++this.#missed <= OVERDUE_POLLS ? OVERDUE_POLL_MS : POLL_MS;
  }

  /** By the device's clock, rounded up and a little more: a timer may fire most of a millisecond early. */
  #untilNextFrameMs(): number {
    this.#missed = 0;
    this.#shared.readCaptured();
    const leftMs = this.#shared.capturedAtMs + PERIOD_MS - performance.now();
    return leftMs > 0 && leftMs <= PERIOD_MS ? Math.ceil(leftMs) + 1 : this.#againMs();
  }

  #absent(kind: Kind, nowMs: number): boolean {
    return !this.#opening[kind] && nowMs - this.#absentSinceMs[kind] > ABSENCE_MS;
  }
}

function taken(name: string, owner: string | undefined): string {
  const holder = owner === undefined ? "another plugin has" : `the plugin "${owner}" has`;
  return `${holder} the ${name} open; a robot has one: take one of the two out of the profile`;
}
