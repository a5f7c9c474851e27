import { ptr } from "bun:ffi";
import { alsaError, deviceError, loadAlsa, openPcm } from "./alsa.ts";
import type { Alsa, Pcm } from "./alsa.ts";
import { FRAME_MS } from "./port.ts";
import type { CaptureDriver, PlaybackDriver } from "./port.ts";

/** Absolute path of this module: the `module` of a device that ALSA drives (Linux, libasound.so.2). */
export const ALSA_DEVICE: string = import.meta.path;

/** Options of {@link ALSA_DEVICE}. */
export interface AlsaOptions {
  /** "default", a part of a card's name as `arecord -l` shows it, or a PCM of the ALSA configuration. */
  device: string;
  /** What the device may hold; default 60. */
  buffer_ms?: number;
}

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

  constructor(kind: "capture" | "playback", { device, buffer_ms = DEFAULT_BUFFER_MS }: AlsaOptions) {
    this.#device = device;
    this.alsa = loadAlsa();
    this.pcm = openPcm(device, kind, { periodMs: FRAME_MS, bufferMs: buffer_ms, startMs: 2 * FRAME_MS });
  }

  /** Waits for room or samples. */
  wait(): void {
    const ready = this.alsa.snd_pcm_wait(this.pcm.handle, STALL_MS);
    if (ready === 0) throw deviceError("DEVICE_FAILED", `the ALSA device "${this.#device}" stands still`);
    if (ready < 0) this.recover(ready);
  }

  /** Goes on after an overrun, an underrun or a suspended machine; throws at anything else. */
  recover(result: number): void {
    this.xruns++;
    const recovered = this.alsa.snd_pcm_recover(this.pcm.handle, result, 1);
    if (recovered < 0) throw alsaError(this.alsa, recovered, `the ALSA device "${this.#device}" is gone`);
  }

  /** Frames queued, or 0 where the device cannot say. */
  delay(): number {
    if (this.alsa.snd_pcm_delay(this.pcm.handle, this.#delayPtr) < 0) return 0;
    return Math.max(0, Number(this.#delay[0]));
  }

  close(): void {
    this.alsa.snd_pcm_drop(this.pcm.handle);
    this.alsa.snd_pcm_close(this.pcm.handle);
  }
}

/** Opens a microphone. */
export function openCapture(options: AlsaOptions): CaptureDriver {
  const stream = new Stream("capture", options);
  const { alsa, pcm } = stream;
  alsa.snd_pcm_start(pcm.handle);
  return {
    rateHz: pcm.rateHz,
    channels: pcm.channels,
    read(into) {
      const frames = into.length / pcm.channels;
      for (;;) {
        stream.wait();
        const read = Number(alsa.snd_pcm_readi(pcm.handle, ptr(into), frames));
        if (read > 0) return read;
        if (read < 0) stream.recover(read);
      }
    },
    xruns: () => stream.xruns,
    close: () => stream.close(),
  };
}

/** Opens a loudspeaker. */
export function openPlayback(options: AlsaOptions): PlaybackDriver {
  const stream = new Stream("playback", options);
  const { alsa, pcm } = stream;
  return {
    rateHz: pcm.rateHz,
    channels: pcm.channels,
    write(samples) {
      const frames = samples.length / pcm.channels;
      for (let done = 0; done < frames;) {
        stream.wait();
        const from = ptr(samples, done * pcm.channels * 2);
        const written = Number(alsa.snd_pcm_writei(pcm.handle, from, frames - done));
        if (written < 0) stream.recover(written);
        else done += written;
      }
    },
    delay: () => stream.delay(),
    drop() {
      alsa.snd_pcm_drop(pcm.handle);
      alsa.snd_pcm_prepare(pcm.handle);
    },
    xruns: () => stream.xruns,
    close: () => stream.close(),
  };
}
