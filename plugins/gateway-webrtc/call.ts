import { FRAME_SAMPLES } from "myna";
import type { OpusEncoderHandle } from "libopus-wasm";
import { MAX_OPUS_BYTES, SILENT_PACKET, createVoiceDecoder, createVoiceEncoder } from "./codec.ts";
import type { CodecSettings } from "./codec.ts";
import type { JitterLimits } from "./jitter-buffer.ts";
import type { Metronome } from "./metronome.ts";
import { readOffer } from "./offer.ts";
import { Peer } from "./peer.ts";
import type { PeerSettings } from "./peer.ts";
import { RtpWriter } from "./rtp.ts";
import { Uplink } from "./uplink.ts";

const FRAME_TICKS = 960;
/** Silent frames that the encoder makes itself, for the sound before them to die away. */
const FADING_FRAMES = 3;

/** What a call needs beside the offer. */
export interface CallSettings {
  peer: PeerSettings;
  codec: CodecSettings;
  jitter: JitterLimits;
}

/** Who talks with the page. */
export interface CallEvents {
  /** 20 ms of the page's microphone; borrowed. */
  heard(frame: Int16Array): void;
  /** Fills 20 ms of what the page is to hear; false where they are silent. Called once per frame while connected. */
  say(frame: Int16Array): boolean;
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
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  #uplink: Uplink | undefined;
  #encoder: OpusEncoderHandle | undefined;
  #writer: RtpWriter | undefined;
  #stop: (() => void) | undefined;
  #connected = false;
  #silentFrames = FADING_FRAMES;
  #closed = false;
  readonly #counters = { sent_packets: 0, silent_packets: 0 };

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
      this.#encoder = encoder;
      this.#writer = new RtpWriter(this.#peer.ssrc, offer.payloadType, MAX_OPUS_BYTES);
      this.#uplink = new Uplink(decoder, offer.payloadType, this.#settings.jitter, (frame) =>
        this.#events.heard(frame),
      );
      if (this.#closed) this.#free();
      const answer = await this.#peer.answer(offer);
      if (!this.#closed) this.#stop = this.#metronome.add((nowMs) => this.#guardedBeat(nowMs));
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
    return { ...this.#counters, ...this.#uplink?.counters(), ...this.#peer.counters };
  }

  /** What the native library or a listener throws ends this call and no other. */
  #guardedBeat(nowMs: number): void {
    try {
      this.#beat(nowMs);
    } catch (error) {
      void this.close();
      this.#events.ended(`the call failed: ${String(error)}`);
    }
  }

  #beat(nowMs: number): void {
    this.#uplink?.tick(nowMs);
    this.#events.beat?.(nowMs);
    if (!this.#connected || this.#closed) return;
    const sounds = this.#events.say(this.#frame);
    this.#silentFrames = sounds ? 0 : this.#silentFrames + 1;
    // Silence is sent as well: where nothing comes, a page goes on sounding for 200 ms.
    const coded = this.#silentFrames <= FADING_FRAMES ? this.#encoder?.encode(this.#frame) : SILENT_PACKET;
    if (!coded) return;
    this.#counters.sent_packets++;
    if (coded === SILENT_PACKET) this.#counters.silent_packets++;
    const packet = this.#writer?.next(coded, FRAME_TICKS);
    if (packet) this.#peer.sendPacket(packet);
  }

  #free(): void {
    this.#uplink?.free();
    this.#encoder?.free();
    this.#encoder = undefined;
  }
}
