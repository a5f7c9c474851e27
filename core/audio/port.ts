/** Sample rate of all audio inside the runtime, Hz: the only PCM rate of the Realtime API. */
export const RATE_HZ = 24_000;
/** Samples of one frame: 20 ms at {@link RATE_HZ}. */
export const FRAME_SAMPLES = 480;
/** Length of one frame. */
export const FRAME_MS = 20;

/**
 * A module with code for a device, run in a thread of its own. It may import types from "myna" but no values: the runtime
 * does not live in that thread. An error it throws may carry a `code` of ERRORS (DEVICE_NOT_FOUND, DEVICE_BUSY …).
 */
export interface DeviceSpec {
  /** Absolute path or file URL of a module that exports `openCapture` or `openPlayback`, which may be asynchronous. */
  module: string;
  /** Handed to that function; must survive structured cloning. */
  options: Record<string, unknown>;
  /** True where the loudspeaker and the microphone share the air of a room: then the robot can hear itself. */
  acoustic?: boolean;
  /** Whom an error names that says who has the device; the host fills in the plugin's id. */
  owner?: string;
  /** What the proof of the echo calls the device; without it `options.device`, where that is a text. */
  name?: string;
}

/**
 * What a capture module's `openCapture(options)` returns, in the device thread. The device is the clock:
 * `read` blocks until its samples are there.
 */
export interface CaptureDriver {
  /** 8,000 to 48,000 and above; converted to {@link RATE_HZ} at the edge. */
  rateHz: number;
  channels: 1 | 2;
  /** What `read` fills; without it PCM16. */
  format?: "s16";
  /** Interleaved PCM16 into `into`; returns frames read (a frame is one sample of each channel). Throws when the device is gone. */
  read(into: Int16Array): number;
  /**
   * Frames that the device has taken beside those that `read` gave: they say when a frame was taken better than the time at which
   * a read returns. Without it 0 is meant.
   */
  waiting?(): number;
  /** How often the device overran so far. */
  xruns?(): number;
  close(): void;
}

/** A capture driver whose device gives 32-bit floats from -1 to 1. */
export interface FloatCaptureDriver extends Omit<CaptureDriver, "format" | "read"> {
  format: "f32";
  /** As {@link CaptureDriver.read}; what is not a number becomes silence, what is too loud is clipped. */
  read(into: Float32Array): number;
}

/** What a playback module's `openPlayback(options)` returns, in the device thread. */
export interface PlaybackDriver {
  rateHz: number;
  channels: 1 | 2;
  /** What `write` takes; without it PCM16. */
  format?: "s16";
  /** Interleaved PCM16, 20 ms of it, borrowed; blocks while the device has its fill queued. Throws when the device is gone. */
  write(frames: Int16Array): void;
  /** Device samples (per channel) accepted and not yet heard. */
  delay(): number;
  /**
   * Of `delay()` what the device counts, not what it estimates: the samples that its buffer has not let go of yet. The
   * reference follows it, since what a sound server says of the delay behind its buffer wanders. Without it `delay()` is meant.
   */
  queued?(): number;
  /** Forgets what is queued in the device; silence follows. */
  drop(): void;
  /** How often the device ran dry so far. */
  xruns?(): number;
  close(): void;
}

/** A playback driver whose device takes 32-bit floats from -1 to 1. */
export interface FloatPlaybackDriver extends Omit<PlaybackDriver, "format" | "write"> {
  format: "f32";
  write(frames: Float32Array): void;
}

/** An open microphone or loudspeaker. */
export interface AudioDevice {
  /** Ends the thread and closes the device; idempotent. */
  close(): Promise<void>;
  /** Resolves when the device died by itself, with the reason; never when `close` was called. */
  readonly failed: Promise<Error>;
}

/**
 * Called once per frame of the microphone: {@link FRAME_SAMPLES} samples, valid only during the call (copy what is kept).
 * `at_ms` is when its last sample was taken, on the main thread's `performance.now()` clock.
 */
export type FrameHandler = (frame: Int16Array, atMs: number) => void;

/** Told of what a handler of frames or of playback events threw. */
export type AudioFault = (error: unknown) => void;

/**
 * Called once per frame of the microphone, before the listening chain. `reference` is what the loudspeaker let out during the
 * frame, on the microphone's clock: zeros while it is silent or unknown. Both are borrowed.
 */
export type RawFrameHandler = (frame: Int16Array, reference: Int16Array, atMs: number) => void;

/** A stage of the listening chain, on the main thread, once per 20 ms frame ({@link FRAME_SAMPLES} samples, 24 kHz mono), in place. */
export interface CaptureStage {
  /** Order in the chain; stages of one slot run in the order they were added. */
  slot: "echo" | "noise" | "gain";
  /** What the proof of the echo calls the stage; the host fills in the name of the plugin's driver. */
  name?: string;
  /**
   * `reference` is what the loudspeaker let out during the frame, on the microphone's clock: zeros while it is silent. They
   * are zeros as well while that is not known, as after a device was opened; where the loudspeaker sounds then, no frame passes
   * a stage for the echo until `half_duplex_tail_ms` later, whatever the stage makes of it. Both are borrowed. Must allocate
   * nothing. What it throws is reported, and the frame goes on as it is; where the stage is there for the echo, as silence.
   */
  process(frame: Int16Array, reference: Int16Array, atMs: number): void;
  /** Told of what `process` threw; without it the engine's owner is. */
  onFault?: AudioFault;
}

/** The microphone in other hands: somebody elsewhere speaks into the robot in place of its own. */
export interface TakenMicrophone {
  /**
   * PCM16 24 kHz mono in portions of any length, as they come; copies. Heard at the device's pace, some 40 ms later; what
   * comes late in a heap is heard late, and pauses are shortened until it is not; more than a second is dropped.
   */
  write(pcm: Int16Array): void;
  /** What waits to be heard. */
  readonly waitingMs: number;
  /** The device is heard again, and the loudspeaker sounds. Idempotent. */
  release(): void;
}

/** The ears of the session. */
export interface Capture {
  onFrame(handler: FrameHandler): () => void;
  /**
   * Speaks PCM16 24 kHz mono into the microphone, mixed with what the device hears, at the device's pace; copies. Feeds queue
   * behind each other. Resolves when the last sample has been captured, or when `signal` has aborted and the rest was dropped;
   * rejects with DEVICE_NOT_FOUND when there has been no microphone for a second.
   */
  feed(pcm: Int16Array, signal?: AbortSignal): Promise<void>;
}

/** What an interruption cut off. */
export interface Flushed {
  itemId: string;
  /** Heard at the loudspeaker, whole milliseconds, rounded down. */
  playedMs: number;
  receivedMs: number;
}

/**
 * The mouth of the session: one item of the conversation after the other. Without a loudspeaker for a second (none in the
 * profile, or unplugged) audio counts as played at once, so that the conversation goes on; a shorter absence, as in a reload
 * of its plugin, only pauses.
 */
export interface Playback {
  /**
   * Appends PCM16 24 kHz mono to the item; copies. Starts the item when none is playing, and ends the item before it. Audio
   * for an item that has ended or was flushed is dropped.
   */
  write(itemId: string, pcm: Int16Array): void;
  /** No more audio comes for the item. */
  end(itemId: string): void;
  /**
   * Silence within one device period; drops all items, telling `onStopped` of each before it returns. Null when no item was
   * queued, playing or waiting for more audio.
   */
  flush(): Flushed | null;
  /** Heard at the loudspeaker, whole milliseconds; 0 for an unknown item. */
  playedMs(itemId: string): number;
  /** True from the first queued sample until the last one was heard or flushed. */
  readonly active: boolean;
  /** Speech to `gain` (0 to 1) with a ramp of `rampMs`; sounds are not ducked. */
  duck(gain: number, rampMs?: number): void;
  /** Mixes a sound over the speech; resolves when it was heard. Sounds queue behind each other. */
  playSound(pcm: Int16Array, gain?: number): Promise<void>;
  /** The same for a short signal, over speech and sounds, which make room for it (`[audio] earcon_duck`). */
  playEarcon(pcm: Int16Array, gain?: number): Promise<void>;
  onStarted(handler: (itemId: string, playedAtMs: number) => void): () => void;
  onStopped(handler: (itemId: string, playedMs: number, reason: "finished" | "flushed") => void): () => void;
}

/** The part of the engine that a plugin sees as `ctx.audio`. */
export interface AudioPort {
  /** Opens the microphone; the robot has one at a time (DEVICE_BUSY). Resolves when the device runs. */
  openCapture(device: DeviceSpec): Promise<AudioDevice>;
  /** Opens the loudspeaker; the robot has one at a time (DEVICE_BUSY). */
  openPlayback(device: DeviceSpec): Promise<AudioDevice>;
  /** Frames after the listening chain: what the session and the VADs hear. */
  onFrame(handler: FrameHandler): () => void;
  /** Puts a stage into the listening chain; the undo takes it out again. The host undoes it when the plugin goes. */
  addStage(stage: CaptureStage): () => void;
  /** Frames as the device gave them, before the chain, with the reference beside them (for tests, doctor, recordings). */
  onRawFrame(handler: RawFrameHandler): () => void;
  feed(pcm: Int16Array, signal?: AbortSignal): Promise<void>;
  /**
   * Silences the robot's own microphone and hears somebody elsewhere in its place: past the listening chain, half duplex and the
   * talk key, which are about the room. One at a time (DEVICE_BUSY); without a microphone there is no pace (DEVICE_NOT_FOUND).
   * `loudspeaker: false` also silences the robot's own loudspeaker, which {@link AudioPort.onPlayed} goes on to tell of. The host
   * releases it when the plugin goes.
   */
  takeMicrophone(options?: { loudspeaker?: boolean }): TakenMicrophone;
  playSound(pcm: Int16Array, gain?: number): Promise<void>;
  /** A short signal ("I listen"), over speech and sounds, which make room for it; resolves when it was heard. */
  playEarcon(pcm: Int16Array, gain?: number): Promise<void>;
  /** What left the loudspeaker (speech and sounds mixed), 24 kHz mono, borrowed; the echo reference and the recorder. */
  onPlayed(handler: FrameHandler): () => void;
  /**
   * Told true when speech or a sound has been queued, before the loudspeaker lets it out, and false when all was heard or
   * dropped; for what switches an amplifier.
   */
  onSounding(handler: (on: boolean) => void): () => void;
  /** True while speech of the robot is queued or playing. */
  speaking(): boolean;
}
