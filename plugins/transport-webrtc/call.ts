import { linkFailure } from "myna";
import type { Logger, Transport, TransportEvents, TransportRequest } from "myna";
import { MediaStreamTrack, RTCPeerConnection, useOPUS } from "werift";
import type { RTCDataChannel } from "werift";
import { MicrophoneTrack } from "./microphone-track.ts";
import { CallRefused, offerCall } from "./signalling.ts";
import { SoundTrack } from "./sound-track.ts";
import { pingPeer } from "./stun-ping.ts";

/** Opus on the wire: its clock is 48 kHz whatever the rate of the samples (RFC 7587). */
const OPUS = useOPUS({ payloadType: 111, parameters: "minptime=10;useinbandfec=1" });
/** What is only too large is dropped, up to this factor; more ends the call, as it ends a WebSocket. */
const OVERSIZE = 4;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+)$/;
/** Events of the server come on a channel of this name, which the client opens. */
const CHANNEL = "oai-events";

/** The plugin's settings, as far as a call needs them. */
export interface CallSettings {
  ice_servers: string[];
  host_addresses: string[];
  bitrate_bps: number;
  complexity: number;
  expected_loss_percent: number;
  open_ms: number;
}

/** What a {@link Call} works with. */
export interface CallDeps {
  settings: CallSettings;
  log: Logger;
  /** From the server's answer until the call stands. */
  openMs: number;
  /** The call stands, or its time to come to stand is up; once at most. */
  settled: (stands: boolean) => void;
  /** The call is over, whoever ended it; once. */
  ended: () => void;
}

/** One WebRTC call to a Realtime server, as a wire of the session. */
export class Call implements Transport {
  readonly ownsOutputBuffer = true;
  readonly #request: TransportRequest;
  readonly #events: TransportEvents;
  readonly #deps: CallDeps;
  readonly #peer: RTCPeerConnection;
  readonly #channel: RTCDataChannel;
  readonly #outgoing = new MediaStreamTrack({ kind: "audio" });
  readonly #abort = new AbortController();
  /** Held: a signal that nobody holds may be collected before its time is up. */
  #openLimit: AbortSignal | undefined;
  #microphone: MicrophoneTrack | undefined;
  #sound: SoundTrack | undefined;
  #opened = false;
  #over = false;
  readonly #counters = { too_large: 0 };

  constructor(request: TransportRequest, events: TransportEvents, deps: CallDeps) {
    this.#request = request;
    this.#events = events;
    this.#deps = deps;
    const { ice_servers, host_addresses } = deps.settings;
    const loopback = LOOPBACK.test(URL.parse(request.url)?.hostname ?? "");
    this.#peer = new RTCPeerConnection({
      codecs: { audio: [OPUS], video: [] },
      iceServers: ice_servers.map((urls) => ({ urls })),
      bundlePolicy: "max-bundle",
      iceUseTcp: false,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: [...host_addresses, ...(loopback ? ["127.0.0.1"] : [])],
      maxMessageSize: request.maxMessageBytes,
    });
    this.#peer.addTransceiver(this.#outgoing, { direction: "sendrecv" });
    this.#channel = this.#peer.createDataChannel(CHANNEL);
    this.#listen();
  }

  /** Offers, and waits for the channel to open; tells by `onOpen` or `onClose`. Never rejects. */
  async begin(): Promise<void> {
    try {
      const { settings, log } = this.#deps;
      this.#microphone = await MicrophoneTrack.create(settings, (packet) => this.#outgoing.writeRtp(packet));
      this.#sound = await SoundTrack.create((pcm) => this.#over || this.#events.onAudio(pcm));
      if (this.#over) return this.#free();
      await this.#peer.setLocalDescription(await this.#peer.createOffer());
      const offer = this.#peer.localDescription?.sdp ?? "";
      const answer = await offerCall(this.#request, offer, this.#abort.signal);
      if (this.#over) return;
      log.debug("the call was answered", { call_id: answer.callId });
      this.#limitOpening();
      await this.#peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    } catch (thrown) {
      const message = Error.isError(thrown) ? thrown.message : String(thrown);
      this.#fail(
        thrown instanceof CallRefused
          ? thrown.failure
          : linkFailure("LINK_FATAL", `the call cannot be made: ${message}`),
      );
    }
  }

  send(text: string): void {
    if (!this.#opened || this.#over) return;
    try {
      this.#channel.send(text);
    } catch (thrown) {
      this.#tooLarge(text, thrown);
    }
  }

  readonly sendAudio = (frame: Int16Array): void => {
    if (this.#opened && !this.#over) this.#microphone?.write(frame);
  };

  ping(): void {
    if (!this.#opened || this.#over) return;
    void pingPeer(this.#peer).then((answered) => {
      if (answered && !this.#over) this.#events.onPong();
    });
  }

  async close(): Promise<void> {
    await this.#end();
  }

  terminate(): void {
    void this.#end();
  }

  counters(): Record<string, number> {
    return { ...this.#counters, ...this.#microphone?.counters(), ...this.#sound?.counters() };
  }

  /** werift does not send every lost packet of the DTLS handshake again: such a call never opens, and never fails. */
  #limitOpening(): void {
    const { openMs, settled } = this.#deps;
    this.#openLimit = AbortSignal.timeout(openMs);
    this.#openLimit.addEventListener("abort", () => {
      if (this.#opened || this.#over) return;
      settled(false);
      const message = `the server answered the call, but no connection came about in ${openMs} ms`;
      this.#fail(linkFailure("LINK_TIMEOUT", message));
    });
  }

  #listen(): void {
    this.#channel.stateChanged.subscribe((state) => {
      if (state === "open" && !this.#over && !this.#opened) {
        this.#opened = true;
        this.#deps.settled(true);
        this.#events.onOpen();
      } else if (state === "closed") {
        this.#fail(
          this.#opened
            ? linkFailure("LINK_CLOSED", "the server ended the call")
            : linkFailure("LINK_REFUSED", "the server ended the call before it began"),
        );
      }
    });
    this.#channel.onMessage.subscribe((message) => {
      if (this.#over) return;
      const { maxMessageBytes } = this.#request;
      if (typeof message === "string" && message.length <= maxMessageBytes) this.#events.onText(message);
      else if (message.length <= maxMessageBytes * OVERSIZE) this.#events.onBinary(message.length);
      else this.#fail(linkFailure("LINK_CLOSED", `the server sent an event of ${message.length} bytes`));
    });
    this.#peer.onTrack.subscribe((track) =>
      track.onReceiveRtp.subscribe(({ header, payload }) =>
        this.#sound?.packet(header.sequenceNumber, header.timestamp, payload),
      ),
    );
    this.#peer.connectionStateChange.subscribe((state) => {
      if (state !== "failed" && state !== "closed") return;
      this.#fail(
        this.#opened
          ? linkFailure("LINK_CLOSED", "the call broke off: the server cannot be reached any more")
          : linkFailure("LINK_REFUSED", "the server answered the call, but no way was found for its sound"),
      );
    });
  }

  /** As the server would refuse it: over the WebSocket it may be larger. */
  #tooLarge(text: string, thrown: unknown): void {
    this.#counters.too_large++;
    const reason = Error.isError(thrown) ? thrown.message : String(thrown);
    const event_id = /"event_id":"([^"]*)"/.exec(text)?.[1] ?? null;
    const message = `an event was not sent over WebRTC: ${reason}`;
    const error = {
      type: "invalid_request_error",
      code: "message_too_large",
      message,
      param: null,
      event_id,
    };
    this.#events.onText(JSON.stringify({ type: "error", error }));
  }

  #fail(failure: ReturnType<typeof linkFailure>): void {
    if (this.#over) return;
    void this.#end();
    this.#events.onClose(failure);
  }

  async #end(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#abort.abort();
    this.#deps.ended();
    this.#free();
    await this.#peer.close().catch(() => {});
  }

  #free(): void {
    this.#microphone?.free();
    this.#sound?.free();
  }
}
