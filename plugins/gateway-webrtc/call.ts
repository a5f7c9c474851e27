import { MAX_OPUS_BYTES, createVoiceDecoder, createVoiceEncoder } from "./codec.ts";
import type { CodecSettings } from "./codec.ts";
import { Downlink } from "./downlink.ts";
import type { SoundSource } from "./downlink.ts";
import type { JitterLimits } from "./jitter-buffer.ts";
import type { Metronome } from "./metronome.ts";
import { readOffer } from "./offer.ts";
import { Peer } from "./peer.ts";
import type { PeerSettings } from "./peer.ts";
import { RtpWriter } from "./rtp.ts";
import { Uplink } from "./uplink.ts";

/** What a call needs beside the offer. */
export interface CallSettings {
  peer: PeerSettings;
  codec: CodecSettings;
  jitter: JitterLimits;
}

/** Who talks with the page. */
export interface CallEvents extends SoundSource {
  /** 20 ms of the page's microphone; borrowed. */
  heard(frame: Int16Array): void;
  /** A message of the page, as it came. */
  message(text: string): void;
  connected(): void;
  /** The page's channel is open: it can be told things. */
  reachable(): void;
  /** Once, unless `close` was called before. */
  ended(reason: string): void;
  /** Every 20 ms, connected or not. */
  beat?(nowMs: number): void;
}

/** Sound both ways with one page, and the channel beside it. */
export class Call {
  readonly #events: CallEvents;
  readonly #peer: Peer;
  readonly #metronome: Metronome;
  readonly #settings: CallSettings;
  #uplink: Uplink | undefined;
  #downlink: Downlink | undefined;
  #stop: (() => void) | undefined;
  #connected = false;
  #closed = false;

  constructor(settings: CallSettings, metronome: Metronome, events: CallEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#metronome = metronome;
    this.#peer = new Peer(settings.peer, {
      onPacket: (bytes) => this.#uplink?.receive(bytes, performance.now()),
      onMessage: (text) => events.message(text),
      onChannel: () => events.reachable(),
      onConnected: () => {
        this.#connected = true;
        events.connected();
      },
      onEnded: (reason) => {
        void this.close();
        events.ended(reason);
      },
    });
  }

  get connected(): boolean {
    return this.#connected && !this.#closed;
  }

  /** How long the page's sound is held back at present, ms. */
  get bufferMs(): number {
    return this.#uplink?.bufferMs ?? 0;
  }

  /** When the last sound of the page came; -Infinity before the first. */
  get lastPacketAtMs(): number {
    return this.#uplink?.lastPacketAtMs ?? -Infinity;
  }

  /** The answer; rejects with ARGUMENT_INVALID for an offer that cannot be answered, and is closed then. */
  async answer(sdp: unknown): Promise<string> {
    try {
      const offer = readOffer(sdp);
      const [decoder, encoder] = await Promise.all([
        createVoiceDecoder(),
        createVoiceEncoder(this.#settings.codec),
      ]);
      const writer = new RtpWriter(this.#peer.ssrc, offer.payloadType, MAX_OPUS_BYTES);
      this.#downlink = new Downlink(
        encoder,
        writer,
        this.#events,
        (packet) => this.#peer.sendPacket(packet),
        (delayMs, run) => this.#metronome.later(delayMs, () => this.#guarded(() => run(performance.now()))),
      );
      this.#uplink = new Uplink(decoder, offer.payloadType, this.#settings.jitter, (frame) =>
        this.#events.heard(frame),
      );
      if (this.#closed) this.#free();
      const answer = await this.#peer.answer(offer);
      if (!this.#closed) this.#stop = this.#metronome.add((nowMs) => this.#guarded(() => this.#beat(nowMs)));
      return answer;
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  /** Tells the page something; false where it cannot be told. */
  tell(message: Readonly<Record<string, unknown>>): boolean {
    return this.#peer.send(JSON.stringify(message));
  }

  /** Hangs up. Idempotent; `ended` is not called. Resolves when nothing of the call is left. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#stop?.();
      this.#free();
    }
    return this.#peer.close();
  }

  counters(): Record<string, number> {
    return { ...this.#downlink?.counters, ...this.#uplink?.counters(), ...this.#peer.counters };
  }

  /** Sound for the page has come: it is sent if it is time. */
  pump(): void {
    this.#guarded(this.#pumpNow);
  }

  readonly #pumpNow = (): void => {
    if (this.connected) this.#downlink?.come(performance.now());
  };

  /** What the native library or a listener throws ends this call and no other. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      void this.close();
      this.#events.ended(`the call failed: ${String(error)}`);
    }
  }

  #beat(nowMs: number): void {
    this.#uplink?.tick(nowMs);
    this.#events.beat?.(nowMs);
    if (!this.#connected || this.#closed) return;
    this.#downlink?.beat(nowMs);
  }

  #free(): void {
    this.#uplink?.free();
    this.#downlink?.free();
  }
}
