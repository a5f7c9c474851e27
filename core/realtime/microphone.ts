import { FRAME_MS } from "../audio/port.ts";
import type { SessionConfig } from "./config.ts";

/**
 * The server counts time in audio appended; this turns it into the clock of the main thread. Right as long as frames
 * follow each other without a gap, which a microphone's do.
 */
export class MicrophoneClock {
  readonly #config: SessionConfig;
  #appendedMs = 0;
  #lastAtMs = 0;
  #markMs = -Infinity;

  constructor(config: SessionConfig) {
    this.#config = config;
  }

  /** A frame whose last sample was taken at `atMs` was captured. */
  frame(atMs: number): void {
    this.#appendedMs += FRAME_MS;
    this.#lastAtMs = atMs;
  }

  /** A new session began, with so many frames in its buffer. */
  restart(frames: number): void {
    this.#appendedMs = frames * FRAME_MS;
  }

  /** When speech began: the server's figure includes the padding before it. */
  startedAt(audioMs: number | undefined): number {
    const { type, prefix_padding_ms } = this.#config.turn_detection;
    return this.#at(audioMs, type === "server_vad" ? prefix_padding_ms : 0);
  }

  /** From now on {@link beganBeforeMark} tells older speech from newer. */
  mark(): void {
    this.#markMs = performance.now();
  }

  /** As {@link startedAt}, before the last {@link mark}. */
  beganBeforeMark(audioMs: number | undefined): boolean {
    return audioMs !== undefined && this.startedAt(audioMs) < this.#markMs;
  }

  /** When the last sound of speech was taken: the server's figure includes the silence after it. */
  stoppedAt(audioMs: number | undefined): number {
    const { type, silence_duration_ms } = this.#config.turn_detection;
    return this.#at(audioMs, type === "server_vad" ? -silence_duration_ms : 0);
  }

  #at(audioMs: number | undefined, offsetMs: number): number {
    const nowMs = performance.now();
    if (audioMs === undefined || this.#lastAtMs === 0) return nowMs;
    return Math.min(nowMs, this.#lastAtMs - (this.#appendedMs - audioMs) + offsetMs);
  }
}
