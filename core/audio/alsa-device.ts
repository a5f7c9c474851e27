import { ptr } from "bun:ffi";
import { openPcm } from "./alsa-pcm.ts";
import type { Pcm } from "./alsa-pcm.ts";
import { alsaError, loadAlsa } from "./alsa.ts";
import type { Alsa } from "./alsa.ts";
import { deviceError } from "./device-error.ts";
import type { HardwareOptions } from "./hardware-options.ts";
import { FRAME_MS } from "./port.ts";
import type { CaptureDriver, FloatCaptureDriver, FloatPlaybackDriver, PlaybackDriver } from "./port.ts";
import { SilenceWatch } from "./silence-watch.ts";

/** Absolute path of this module: the `module` of a device that ALSA drives (Linux, libasound.so.2). */
export const ALSA_DEVICE: string = import.meta.path;

/** Options of {@link ALSA_DEVICE}: `device` may also be a PCM of the ALSA configuration; without `rate_hz` the best of the device's rates. */
export interface AlsaOptions extends HardwareOptions {
  /** What the device may hold; default 60. */
  buffer_ms?: number | undefined;
}

/** A device that is ready but gives nothing, so many times in a row, is broken. */
const EMPTY_READS = 100;
/** A device that has neither taken nor given a sample for so long is gone. */
const STALL_MS = 2000;
const DEFAULT_BUFFER_MS = 60;

class Stream {
  readonly alsa: Alsa;
  readonly pcm: Pcm;
  xruns = 0;
  readonly #delay = new BigInt64Array(1);
  readonly #delayPtr = ptr(this.#delay);
  readonly #device: string;
  readonly #kind: "capture" | "playback";

  constructor(kind: "capture" | "playback", options: AlsaOptions) {
    const { device, buffer_ms: bufferMs = DEFAULT_BUFFER_MS, rate_hz: rateHz } = options;
    this.#device = device;
    this.#kind = kind;
    this.alsa = loadAlsa();
    this.pcm = openPcm(device, kind, { periodMs: FRAME_MS, bufferMs, startMs: 2 * FRAME_MS, rateHz });
  }

  /** Waits for room or samples. */
  wait(): void {
    const ready = this.alsa.snd_pcm_wait(this.pcm.handle, STALL_MS);
    if (ready === 0) throw deviceError("DEVICE_FAILED", `the ALSA device "${this.#device}" stands still`);
    if (ready < 0) this.recover(ready);
  }

  /** Begins to record; what plays begins by itself. */
  start(): void {
    this.alsa.snd_pcm_start(this.pcm.handle);
  }

  /** Goes on after an overrun, an underrun or a suspended machine; throws at anything else. */
  recover(result: number): void {
    this.xruns++;
    const recovered = this.alsa.snd_pcm_recover(this.pcm.handle, result, 1);
    if (recovered < 0) throw alsaError(this.alsa, recovered, `the ALSA device "${this.#device}" is gone`);
    if (this.#kind === "capture") this.start();
  }

  /** Interleaved samples into `into`; returns frames. */
  read(into: Int16Array | Float32Array): number {
    const { alsa, pcm } = this;
    for (let empty = 0; empty < EMPTY_READS; empty++) {
      this.wait();
      const read = Number(alsa.snd_pcm_readi(pcm.handle, ptr(into), into.length / pcm.channels));
      if (read > 0) return read;
      if (read < 0) this.recover(read);
    }
    throw deviceError("DEVICE_FAILED", `the ALSA device "${this.#device}" is ready and gives nothing`);
  }

  write(samples: Int16Array | Float32Array): void {
    const { alsa, pcm } = this;
    const frames = samples.length / pcm.channels;
    for (let done = 0; done < frames;) {
      this.wait();
      const from = ptr(samples, done * pcm.channels * samples.BYTES_PER_ELEMENT);
      const written = Number(alsa.snd_pcm_writei(pcm.handle, from, frames - done));
      if (written < 0) this.recover(written);
      else done += written;
    }
  }

  /** Frames queued, or 0 where the device cannot say. */
  delay(): number {
    if (this.alsa.snd_pcm_delay(this.pcm.handle, this.#delayPtr) < 0) return 0;
    return Math.max(0, Number(this.#delay[0]));
  }

  /** Frames that lie in its buffer. */
  queued(): number {
    const room = Number(this.alsa.snd_pcm_avail(this.pcm.handle));
    return room < 0 ? 0 : Math.max(0, this.pcm.bufferFrames - room);
  }

  /** Frames that were recorded and not read. */
  waiting(): number {
    return Math.max(0, Number(this.alsa.snd_pcm_avail(this.pcm.handle)));
  }

  drop(): void {
    this.alsa.snd_pcm_drop(this.pcm.handle);
    this.alsa.snd_pcm_prepare(this.pcm.handle);
  }

  close(): void {
    this.alsa.snd_pcm_drop(this.pcm.handle);
    this.alsa.snd_pcm_close(this.pcm.handle);
  }
}

/** Opens a microphone. */
export function openCapture(options: AlsaOptions): CaptureDriver | FloatCaptureDriver {
  const stream = new Stream("capture", options);
  const { rateHz, channels, format } = stream.pcm;
  const silence = new SilenceWatch(rateHz * channels, options.silence_limit_s ?? 0);
  stream.start();
  const common = {
    rateHz,
    channels,
    waiting: () => stream.waiting(),
    xruns: () => stream.xruns,
    close: () => stream.close(),
  };
  const read = (into: Int16Array | Float32Array): number => {
    const frames = stream.read(into);
    silence.observe(into, frames * channels);
    return frames;
  };
  return format === "f32" ? { ...common, format, read } : { ...common, format, read };
}

/** Opens a loudspeaker. */
export function openPlayback(options: AlsaOptions): PlaybackDriver | FloatPlaybackDriver {
  const stream = new Stream("playback", options);
  const { rateHz, channels, format } = stream.pcm;
  const common = {
    rateHz,
    channels,
    delay: () => stream.delay(),
    queued: () => stream.queued(),
    drop: () => stream.drop(),
    xruns: () => stream.xruns,
    close: () => stream.close(),
  };
  const write = (samples: Int16Array | Float32Array): void => stream.write(samples);
  return format === "f32" ? { ...common, format, write } : { ...common, format, write };
}
