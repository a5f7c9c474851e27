import { createEncoder } from "libopus-wasm";
import type { OpusEncoderHandle } from "libopus-wasm";
import { RtpHeader, RtpPacket } from "werift";
import { FRAME_SAMPLES, RATE_HZ } from "../../core/audio/port.ts";
import { Resampler } from "../../core/audio/resample.ts";

const OPUS_HZ = 48_000;
const OPUS_FRAME = 960;
const FRAME_MS = 20;

/** An answer's sound that was not sent yet. */
interface Piece {
  responseId: string;
  itemId: string;
  pcm: Int16Array;
}

/** What {@link WebRtcVoice} tells. */
export interface WebRtcVoiceEvents {
  send(packet: RtpPacket): void;
  started(responseId: string): void;
  /** All of the response that runs no more was sent. */
  stopped(responseId: string): void;
  /** Nothing more of it is sent: its items that were not sent to their end, and how much of each was. */
  cleared(responseId: string, items: { itemId: string; sentMs: number }[]): void;
}

/** The output buffer of a WebRTC server: 20 ms of Opus every 20 ms, silence where there is nothing to say. */
export class WebRtcVoice {
  readonly #events: WebRtcVoiceEvents;
  readonly #encoder: OpusEncoderHandle;
  readonly #resampler = new Resampler(RATE_HZ, OPUS_HZ);
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  readonly #upsampled = new Int16Array(OPUS_FRAME + 2);
  readonly #done = new Set<string>();
  #queue: Piece[] = [];
  /** The response and item that sound now. */
  #now: { responseId: string; itemId: string; sentSamples: number } | null = null;
  #sequence = 65_500;
  #ticks = 0xffff_0000;
  #startedMs = performance.now();
  #frames = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Share of packets that are lost on the way, 0 to 1: every so many one. */
  lossEvery = 0;

  private constructor(encoder: OpusEncoderHandle, events: WebRtcVoiceEvents) {
    this.#encoder = encoder;
    this.#events = events;
  }

  static async create(events: WebRtcVoiceEvents): Promise<WebRtcVoice> {
    const encoder = await createEncoder({
      channels: 1,
      sampleRate: OPUS_HZ,
      frameSize: OPUS_FRAME,
      bitrate: 48_000,
      fec: true,
      packetLossPercent: 20,
    });
    return new WebRtcVoice(encoder, events);
  }

  start(): void {
    this.#startedMs = performance.now();
    this.#tick();
  }

  /** Copies. */
  say(responseId: string, itemId: string, pcm: Int16Array): void {
    this.#queue.push({ responseId, itemId, pcm: pcm.slice() });
  }

  /** No more sound of the response comes. */
  finish(responseId: string): void {
    this.#done.add(responseId);
  }

  /** Throws away what was not sent of the response that sounds, or is about to. */
  clear(): void {
    const now = this.#now;
    const responseId = now?.responseId ?? this.#queue[0]?.responseId;
    if (responseId === undefined) return;
    const waiting = this.#queue.filter((piece) => piece.responseId === responseId);
    this.#queue = this.#queue.filter((piece) => piece.responseId !== responseId);
    this.#now = null;
    const items = [...new Set([...(now ? [now.itemId] : []), ...waiting.map(({ itemId }) => itemId)])];
    const sentMs = (itemId: string) => (now?.itemId === itemId ? (now.sentSamples * 1000) / RATE_HZ : 0);
    this.#events.cleared(
      responseId,
      items.map((itemId) => ({ itemId, sentMs: sentMs(itemId) })),
    );
  }

  /** The same of all responses. */
  clearAll(): void {
    while (this.#now || this.#queue.length > 0) this.clear();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#encoder.free();
  }

  #tick(): void {
    while (this.#frames * FRAME_MS <= performance.now() - this.#startedMs) {
      this.#frames++;
      this.#fill();
      this.#sendFrame();
    }
    const dueMs = this.#startedMs + this.#frames * FRAME_MS - performance.now();
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, dueMs));
  }

  /** The next 20 ms: of one response only. */
  #fill(): void {
    const frame = this.#frame.fill(0);
    let at = 0;
    while (at < frame.length) {
      const [piece] = this.#queue;
      if (!piece) break;
      if (this.#now && this.#now.responseId !== piece.responseId) break;
      if (!this.#now) this.#events.started(piece.responseId);
      if (this.#now?.itemId !== piece.itemId)
        this.#now = { responseId: piece.responseId, itemId: piece.itemId, sentSamples: 0 };
      const count = Math.min(frame.length - at, piece.pcm.length);
      frame.set(piece.pcm.subarray(0, count), at);
      at += count;
      this.#now.sentSamples += count;
      piece.pcm = piece.pcm.subarray(count);
      if (piece.pcm.length === 0) this.#queue.shift();
    }
    const { responseId } = this.#now ?? { responseId: "" };
    if (at === 0 && this.#now && (this.#queue.length > 0 || this.#done.has(responseId))) {
      this.#now = null;
      this.#events.stopped(responseId);
    }
  }

  #sendFrame(): void {
    this.#resampler.process(this.#frame, this.#upsampled);
    const payload = Buffer.from(this.#encoder.encode(this.#upsampled.subarray(0, OPUS_FRAME)));
    const header = new RtpHeader({
      payloadType: 111,
      sequenceNumber: this.#sequence,
      timestamp: this.#ticks,
      marker: this.#frames === 1,
    });
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#ticks = (this.#ticks + OPUS_FRAME) >>> 0;
    if (this.lossEvery === 0 || this.#frames % this.lossEvery !== 0)
      this.#events.send(new RtpPacket(header, payload));
  }
}
