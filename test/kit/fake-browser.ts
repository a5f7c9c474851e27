import { Application, createDecoder, createEncoder } from "libopus-wasm";
import type { OpusDecoderHandle, OpusEncoderHandle } from "libopus-wasm";
import nd from "node-datachannel";
import type { DataChannel, PeerConnection, Track } from "node-datachannel";
import { FRAME_MS, FRAME_SAMPLES, RATE_HZ } from "../../core/audio/port.ts";

const HEADER_BYTES = 12;
const OPUS = 111;
const SSRC = 0x10203040;

/** A 20 ms frame as the page heard it. */
export interface HeardFrame {
  atMs: number;
  sequence: number;
  /** Largest sample. */
  peak: number;
}

/** A browser page without a browser: it offers a call, speaks and hears through Opus, and has the page's channel. */
export class FakeBrowser {
  readonly connection: PeerConnection;
  readonly track: Track;
  readonly channel: DataChannel;
  /** Every frame of sound so far. */
  readonly heard: HeardFrame[] = [];
  readonly pcm: Int16Array[] = [];
  /** Every message of the gateway so far. */
  readonly messages: Record<string, unknown>[] = [];
  /** The gateway's SDP. */
  answer = "";
  readonly connected = Promise.withResolvers<void>();
  readonly ended = Promise.withResolvers<void>();
  readonly #encoder: OpusEncoderHandle;
  readonly #decoder: OpusDecoderHandle;
  readonly #packet = Buffer.alloc(HEADER_BYTES + 1275);
  #speech: Int16Array<ArrayBuffer>[] = [];
  #sequence = 1000;
  #ticks = 5000;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = 0;
  #closed = false;
  /** Packets with these sequence offsets (from the first) are lost on the way. */
  lose: (offset: number) => boolean = () => false;

  private constructor(encoder: OpusEncoderHandle, decoder: OpusDecoderHandle) {
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.connection = new nd.PeerConnection("browser", {
      iceServers: [],
      bindAddress: "127.0.0.1",
      disableAutoNegotiation: true,
    });
    const audio = new nd.Audio("0", "SendRecv");
    audio.addOpusCodec(OPUS, "minptime=10;useinbandfec=1");
    audio.addSSRC(SSRC, "browser", "stream", "track");
    this.track = this.connection.addTrack(audio);
    this.channel = this.connection.createDataChannel("myna");
    this.track.onMessage((bytes) => this.#hear(bytes));
    this.channel.onMessage((text) => {
      if (typeof text === "string") this.messages.push(JSON.parse(text) as Record<string, unknown>);
    });
    this.connection.onStateChange((state) => {
      if (state === "connected") {
        this.connected.resolve();
        this.#dueMs = performance.now();
        this.#speakOn();
      } else if (state === "closed" || state === "failed") this.ended.resolve();
    });
  }

  static async create(): Promise<FakeBrowser> {
    const settings = { channels: 1, sampleRate: RATE_HZ } as const;
    const encoder = await createEncoder({
      ...settings,
      frameSize: FRAME_SAMPLES,
      application: Application.Voip,
      bitrate: 32_000,
      complexity: 5,
      fec: true,
      packetLossPercent: 10,
    });
    return new FakeBrowser(encoder, await createDecoder(settings));
  }

  async offer(): Promise<string> {
    const whole = Promise.withResolvers<string>();
    this.connection.onGatheringStateChange((state) => {
      const local = state === "complete" ? this.connection.localDescription() : null;
      if (local) whole.resolve(withoutWay(local.sdp));
    });
    this.connection.setLocalDescription("offer");
    return await whole.promise;
  }

  /** Takes the answer and resolves when sound can flow. */
  async accept(answer: string): Promise<void> {
    this.answer = answer;
    this.connection.setRemoteDescription(answer, "answer");
    await this.connected.promise;
  }

  /** PCM16 mono 24 kHz, after what is still being said. */
  say(pcm: Int16Array): void {
    for (let at = 0; at < pcm.length; at += FRAME_SAMPLES) {
      const frame = new Int16Array(FRAME_SAMPLES);
      frame.set(pcm.subarray(at, at + FRAME_SAMPLES));
      this.#speech.push(frame);
    }
  }

  /** What is left to say. */
  get waitingFrames(): number {
    return this.#speech.length;
  }

  /** Any message on the page's channel. */
  tell(message: unknown): void {
    this.channel.sendMessage(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Any bytes on the sound track; false where not even the stack would send them. */
  sendRaw(bytes: Uint8Array): boolean {
    try {
      return this.track.sendMessageBinary(Buffer.from(bytes));
    } catch {
      return false;
    }
  }

  /** The packet that would come next, without sending it. */
  nextPacket(frame = new Int16Array(FRAME_SAMPLES)): Buffer {
    const opus = this.#encoder.encode(frame);
    const packet = this.#packet;
    packet[0] = 0x80;
    packet[1] = OPUS;
    packet.writeUInt16BE(this.#sequence & 0xffff, 2);
    packet.writeUInt32BE(this.#ticks >>> 0, 4);
    packet.writeUInt32BE(SSRC, 8);
    packet.set(opus, HEADER_BYTES);
    this.#sequence++;
    this.#ticks += 960;
    return packet.subarray(0, HEADER_BYTES + opus.length);
  }

  /** The network is gone without a word: nothing is sent any more. */
  fallSilent(): void {
    clearTimeout(this.#timer);
    this.#dueMs = Infinity;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.connection.close();
    this.#encoder.free();
    this.#decoder.free();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #speakOn(): void {
    while (performance.now() >= this.#dueMs) {
      const offset = this.#sequence - 1000;
      const packet = this.nextPacket(this.#speech.shift());
      if (!this.lose(offset) && this.track.isOpen()) this.sendRaw(packet);
      this.#dueMs += FRAME_MS;
    }
    if (!this.#closed && this.#dueMs < Infinity)
      this.#timer = setTimeout(() => this.#speakOn(), Math.max(1, this.#dueMs - performance.now()));
  }

  #hear(bytes: Buffer): void {
    const type = bytes[1]! & 0x7f;
    if (this.#closed || (type >= 64 && type <= 95)) return;
    const pcm = this.#decoder.decode(bytes.subarray(HEADER_BYTES)).slice();
    let peak = 0;
    for (const sample of pcm) peak = Math.max(peak, Math.abs(sample));
    this.pcm.push(pcm);
    this.heard.push({ atMs: performance.now(), sequence: bytes.readUInt16BE(2), peak });
  }
}

/**
 * An offer without candidates: the page knocks first, when it has the answer. Else, on loopback, the handshake may be over before
 * libdatachannel has read the answer, and then there is no sound, or no connection.
 */
function withoutWay(sdp: string): string {
  return sdp.replace(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, "");
}
