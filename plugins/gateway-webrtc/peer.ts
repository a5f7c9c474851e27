import { MynaError } from "myna";
import { AsyncLocalStorage } from "node:async_hooks";
import nd from "node-datachannel";
import type { DataChannel, PeerConnection, Track } from "node-datachannel";
import type { Offer } from "./offer.ts";

/** The page opens a channel of this name for what is not sound. */
const CHANNEL = "myna";
/** Largest message of a page, and how many of them a second are read. */
const MAX_MESSAGE_BYTES = 4096;
const MAX_MESSAGES_PER_S = 50;
/** What waits for a page that does not read: more is not sent. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** Messages that wait for the page's channel to open; then the oldest are dropped. */
const MAX_EARLY_MESSAGES = 16;

/** So long after the end its threads are done with it. */
const GRACE_MS = 50;

/** Where the peer connection listens. */
export interface PeerSettings {
  /** Address of this machine that the page's sound comes to; "" for all. */
  bindAddress: string;
  /** STUN servers as `stun:HOST:PORT`. */
  iceServers: readonly string[];
  /** As `ctx.detached`, where the code can be unloaded. */
  detached?: <T>(body: () => T) => T;
}

/** What a peer tells; never after `close`. */
export interface PeerEvents {
  /** Anything on the sound track; the callee keeps it. */
  onPacket(bytes: Uint8Array): void;
  /** A message of the page on its channel. */
  onMessage(text: string): void;
  /** The page's channel is open. */
  onChannel(): void;
  onConnected(): void;
  /** The connection ended or failed; once. */
  onEnded(reason: string): void;
}

/** One WebRTC connection with one page: an Opus track both ways and a channel of text, by libdatachannel. */
export class Peer {
  /** Of the sound that we send. */
  readonly ssrc = 1 + Math.floor(Math.random() * 0xffff_fffe);
  readonly #events: PeerEvents;
  readonly #connection: PeerConnection;
  #track: Track | undefined;
  #refuse: (error: Error) => void = () => {};
  #channel: DataChannel | undefined;
  #over = false;
  /** What was said before the channel was open; undefined afterwards. */
  #early: string[] | undefined = [];
  readonly #gone = Promise.withResolvers<void>();
  /** Leads from a callback, which belongs to nobody, back to where the peer was made; throws when that is gone. */
  readonly #home = AsyncLocalStorage.snapshot();
  readonly #detached: <T>(body: () => T) => T;
  #secondAtMs = 0;
  #messages = 0;
  readonly counters = { messages: 0, messages_refused: 0, messages_dropped: 0 };

  constructor(settings: PeerSettings, events: PeerEvents) {
    this.#events = events;
    const { bindAddress, iceServers, detached = (body) => body() } = settings;
    this.#detached = detached;
    this.#connection = detached(
      () =>
        new nd.PeerConnection("page", {
          iceServers: [...iceServers],
          ...(bindAddress !== "" && { bindAddress }),
          disableAutoNegotiation: true,
          maxMessageSize: MAX_MESSAGE_BYTES,
        }),
    );
  }

  /** The whole answer, candidates included. ARGUMENT_INVALID where the library refuses the offer. */
  async answer(offer: Offer): Promise<string> {
    const answered = Promise.withResolvers<string>();
    this.#refuse = answered.reject;
    try {
      this.#detached(() => this.#begin(offer, answered.resolve));
    } catch (cause) {
      const why = Error.isError(cause) ? cause.message : String(cause);
      throw new MynaError("ARGUMENT_INVALID", `the offer cannot be answered: ${why}`, { cause });
    }
    return answered.promise;
  }

  /** Copies; before the connection and after its end nothing happens. */
  sendPacket(packet: Buffer): void {
    if (!this.#over && this.#track?.isOpen()) this.#track.sendMessageBinary(packet);
  }

  /** Waits for the page's channel to open. False where that is closed, or the page does not read what was sent before. */
  send(text: string): boolean {
    const channel = this.#channel;
    if (!this.#over && this.#early) {
      this.#early.push(text);
      if (this.#early.length > MAX_EARLY_MESSAGES) this.#early.shift();
      return true;
    }
    if (this.#over || !channel?.isOpen()) return false;
    if (channel.bufferedAmount() > MAX_BUFFERED_BYTES) {
      this.counters.messages_dropped++;
      return false;
    }
    return channel.sendMessage(text);
  }

  /**
   * Idempotent; nothing is told afterwards. Resolves when the native library has let go of every callback: the code that they are
   * part of must not be dropped before.
   */
  close(): Promise<void> {
    if (!this.#over) this.#connection.close();
    this.#over = true;
    if (!this.#track) this.#gone.resolve();
    return this.#gone.promise;
  }

  #begin(offer: Offer, answered: (sdp: string) => void): void {
    const connection = this.#connection;
    const told = this.#guarded((state: string) => this.#stateChanged(state));
    connection.onStateChange((state) => {
      told(state);
      if (state === "closed") void this.#letGo();
    });
    connection.onDataChannel(this.#guarded((channel) => this.#take(channel)));
    connection.onGatheringStateChange(
      this.#guarded((state) => {
        const local = state === "complete" ? connection.localDescription() : null;
        if (local) answered(local.sdp);
      }),
    );
    const media = new nd.Audio(offer.audioMid, offer.direction);
    media.addOpusCodec(offer.payloadType, "minptime=10;useinbandfec=1;stereo=0;sprop-stereo=0");
    media.addSSRC(this.ssrc, "myna", "myna", "myna-voice");
    this.#track = connection.addTrack(media);
    // Reports tell the page what is lost, and its encoder protects against as much.
    this.#track.setMediaHandler(new nd.RtcpReceivingSession());
    this.#track.onMessage(this.#guarded((bytes) => this.#events.onPacket(bytes)));
    connection.setRemoteDescription(offer.sdp, "offer");
    connection.setLocalDescription("answer");
  }

  /**
   * The library holds on to the callbacks of track and channel until these are closed as well. Its threads may be about to call them
   * just now.
   */
  async #letGo(): Promise<void> {
    await Bun.sleep(GRACE_MS);
    this.#track?.close();
    this.#channel?.close();
    this.#gone.resolve();
  }

  #stateChanged(state: string): void {
    if (state === "connected") this.#events.onConnected();
    if (state !== "failed" && state !== "closed") return;
    this.#refuse(new MynaError("LINK_CLOSED", "the connection ended before it was answered"));
    this.#end(state === "closed" ? "the page hung up" : "the page cannot be reached any more");
  }

  #take(channel: DataChannel): void {
    if (channel.getLabel() !== CHANNEL || this.#channel !== undefined) {
      channel.close();
      return;
    }
    this.#channel = channel;
    this.#detached(() => {
      channel.onMessage(this.#guarded((message) => this.#message(message)));
      channel.onClosed(this.#guarded(() => this.#end("the page hung up")));
      if (!channel.isOpen()) channel.onOpen(this.#guarded(() => this.#opened()));
    });
    if (channel.isOpen()) this.#opened();
  }

  #opened(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const text of early) this.send(text);
    this.#events.onChannel();
  }

  #end(reason: string): void {
    void this.close();
    this.#events.onEnded(reason);
  }

  /** What throws in a callback of the native library would end the process; after `close` there are no callbacks. */
  #guarded<Args extends unknown[]>(callback: (...args: Args) => void): (...args: Args) => void {
    return (...args) => {
      if (this.#over) return;
      try {
        this.#home(callback, ...args);
      } catch (error) {
        void this.close();
        this.#failed(error);
      }
    };
  }

  #failed(error: unknown): void {
    try {
      this.#home(() => this.#events.onEnded(`the call failed: ${String(error)}`));
    } catch {
      // The plugin is gone, and nobody is left to be told.
    }
  }

  #message(message: string | Buffer | ArrayBuffer): void {
    this.counters.messages++;
    const nowMs = performance.now();
    if (nowMs - this.#secondAtMs > 1000) {
      this.#secondAtMs = nowMs;
      this.#messages = 0;
    }
    if (typeof message !== "string" || message.length > MAX_MESSAGE_BYTES) this.counters.messages_refused++;
    else if (++this.#messages > MAX_MESSAGES_PER_S) this.counters.messages_refused++;
    else this.#events.onMessage(message);
  }
}
