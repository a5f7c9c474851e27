import { createDecoder } from "libopus-wasm";
import type { OpusDecoderHandle } from "libopus-wasm";
import { MediaStreamTrack, RTCPeerConnection, useOPUS } from "werift";
import type { RTCDataChannel } from "werift";
import WebSocket from "ws";
import { RATE_HZ } from "../../core/audio/port.ts";
import { Resampler } from "../../core/audio/resample.ts";
import { WebRtcVoice } from "./webrtc-voice.ts";

type Frame = { type: string } & Record<string, unknown>;

/** Where a call goes on to. */
export interface Upstream {
  /** With `?model=`. */
  url: string;
  headers: Record<string, string>;
  /** What the client has sent so far, where that is known. */
  sent?: (() => Sent) | undefined;
}

/** How much a client has sent: events, and frames of sound. */
export interface Sent {
  events: number;
  frames: number;
}

/** Sound that has not arrived after so many milliseconds was lost. */
const LOST_MS = 300;

/**
 * One WebRTC client, connected to a Realtime server that speaks WebSocket only: its sound becomes
 * `input_audio_buffer.append`, the server's audio deltas become its sound, at the pace it is heard, and whatever of an
 * answer was not sent when it is interrupted is truncated at the server.
 */
export class WebRtcCall {
  readonly #upstream: Upstream;
  readonly #peer: RTCPeerConnection;
  readonly #track = new MediaStreamTrack({ kind: "audio" });
  readonly #down = new Resampler(48_000, RATE_HZ);
  readonly #pcm = new Int16Array(6000);
  readonly #announced = new Set<string>();
  #voice: WebRtcVoice | undefined;
  #ear: OpusDecoderHandle | undefined;
  #channel: RTCDataChannel | undefined;
  #socket: WebSocket | undefined;
  /** What the server says before the client's channel is there. */
  #waiting: string[] | null = [];
  #interrupts = true;
  #over = false;
  /** Microphone frames that came as RTP, and those that came as events. */
  readonly heard = { packets: 0, events: 0 };
  /** Types of all events of the client, in order, what the call itself answers included. */
  readonly types: string[] = [];

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
    this.#peer = new RTCPeerConnection({
      codecs: { audio: [useOPUS({ payloadType: 111, parameters: "minptime=10;useinbandfec=1" })], video: [] },
      iceServers: [],
      iceUseTcp: false,
      iceUseIpv6: false,
      iceAdditionalHostAddresses: ["127.0.0.1"],
    });
  }

  /** Connects to the server; its refusal, where it refuses. */
  dial(): Promise<Response | null> {
    const { url, headers } = this.#upstream;
    const socket = new WebSocket(url, { headers, autoPong: false, perMessageDeflate: false });
    this.#socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.#channel?.send(data);
      else this.#fromServer(data.toString());
    });
    socket.on("ping", () => void this.#settled().then(() => socket.pong()));
    // A client that has no channel yet is told when it has.
    socket.on("close", () => this.#waiting ?? void this.end());
    return new Promise((resolve) => {
      socket.on("open", () => resolve(null));
      socket.on("error", () => resolve(new Response("", { status: 502 })));
      socket.on("unexpected-response", (_, answer) => {
        const headers = { "Retry-After": String(answer.headers["retry-after"] ?? "") };
        let body = "";
        answer.on("data", (part: Buffer) => (body += part.toString()));
        answer.on("end", () => {
          resolve(new Response(body, { status: answer.statusCode ?? 502, headers }));
        });
      });
    });
  }

  /** The answer to an SDP offer. */
  async answer(offer: string): Promise<string> {
    const peer = this.#peer;
    this.#ear = await createDecoder({ channels: 1, sampleRate: 48_000 });
    this.#voice = await WebRtcVoice.create({
      send: (packet) => this.#track.writeRtp(packet),
      started: (response_id) => this.#tell({ type: "output_audio_buffer.started", response_id }),
      stopped: (response_id) => this.#tell({ type: "output_audio_buffer.stopped", response_id }),
      cleared: (response_id, items) => {
        this.#tell({ type: "output_audio_buffer.cleared", response_id });
        for (const { itemId: item_id, sentMs } of items) {
          const audio_end_ms = Math.floor(sentMs);
          this.#ask({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms });
        }
      },
    });
    peer.onTrack.subscribe((track) => track.onReceiveRtp.subscribe(({ payload }) => this.#hear(payload)));
    peer.onDataChannel.subscribe((channel) => this.#open(channel));
    peer.connectionStateChange.subscribe((state) => {
      if (state === "failed" || state === "closed") void this.end(state === "closed");
    });
    await peer.setRemoteDescription({ type: "offer", sdp: offer });
    // Whatever the offer says about size: the server behind does not know of it.
    peer.sctpTransport?.setRemoteMaxMessageSize(0);
    const [transceiver] = peer.getTransceivers();
    if (!transceiver) throw new Error("The offer has no audio.");
    transceiver.setDirection("sendrecv");
    await transceiver.sender.replaceTrack(this.#track);
    await peer.setLocalDescription(await peer.createAnswer());
    return peer.localDescription?.sdp ?? "";
  }

  /** Every `n`th packet of the server's sound is lost from now on. */
  loseEvery(n: number): void {
    if (this.#voice) this.#voice.lossEvery = n;
  }

  /** The network is gone: nothing comes or goes any more, and nobody says so. */
  async vanish(): Promise<void> {
    this.#voice?.stop();
    this.#voice = undefined;
    for (const { connection } of this.#peer.iceTransports) await connection.close();
  }

  /** Hangs up; where the client did, the server is told so as a WebSocket client would. */
  async end(byClient = false): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#voice?.stop();
    this.#voice = undefined;
    this.#ear?.free();
    this.#ear = undefined;
    if (byClient) this.#socket?.close(1000);
    else this.#socket?.terminate();
    await this.#peer.close().catch(() => {});
  }

  #open(channel: RTCDataChannel): void {
    if (channel.label !== "oai-events") return;
    this.#channel = channel;
    channel.onMessage.subscribe((message) => this.#fromClient(message.toString()));
    channel.stateChanged.subscribe((state) => {
      if (state === "closed") void this.end(true);
    });
    for (const text of this.#waiting ?? []) channel.send(text);
    this.#waiting = null;
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      void this.end();
      return;
    }
    this.#voice?.start();
  }

  #fromClient(text: string): void {
    const event = JSON.parse(text) as Frame;
    this.types.push(event.type);
    if (event.type === "output_audio_buffer.clear") {
      this.#voice?.clear();
      return;
    }
    if (event.type === "input_audio_buffer.append") this.heard.events++;
    if (event.type === "session.update") {
      const { session } = event as { session?: { audio?: { input?: { turn_detection?: unknown } } } };
      const turn = session?.audio?.input?.turn_detection as { interrupt_response?: boolean } | undefined;
      if (turn) this.#interrupts = turn.interrupt_response ?? true;
    }
    this.#ask(text);
  }

  #fromServer(text: string): void {
    const event = frameOf(text);
    switch (event?.type) {
      case "response.content_part.added":
        this.#announced.add(String(event["item_id"]));
        this.#tell(text);
        break;
      case "response.output_audio.delta":
        this.#say(event);
        break;
      case "response.done": {
        const { id, status } = (event["response"] ?? {}) as { id?: string; status?: string };
        this.#tell(text);
        this.#voice?.finish(String(id));
        if (status === "cancelled" && this.#interrupts) this.#voice?.clear();
        break;
      }
      case "input_audio_buffer.speech_started":
        this.#tell(text);
        if (this.#interrupts) this.#voice?.clearAll();
        break;
      default:
        this.#tell(text);
    }
  }

  #say(delta: Frame): void {
    const { response_id, item_id } = delta as unknown as { response_id: string; item_id: string };
    if (!this.#announced.has(item_id)) {
      this.#announced.add(item_id);
      const place = { response_id, item_id, output_index: 0, content_index: 0 };
      this.#tell({ type: "response.content_part.added", ...place, part: { type: "audio", transcript: "" } });
    }
    const bytes = Buffer.from(String(delta["delta"]), "base64");
    this.#voice?.say(response_id, item_id, new Int16Array(new Uint8Array(bytes).buffer));
  }

  #hear(opus: Buffer): void {
    if (!this.#ear) return;
    this.heard.packets++;
    const samples = this.#down.process(this.#ear.decode(opus), this.#pcm);
    const audio = Buffer.from(this.#pcm.buffer, 0, samples * 2).toString("base64");
    this.#ask({ type: "input_audio_buffer.append", audio });
  }

  #tell(event: Frame | string): void {
    const text = typeof event === "string" ? event : JSON.stringify(event);
    if (this.#waiting) this.#waiting.push(text);
    else if (this.#channel?.readyState === "open") this.#channel.send(text);
  }

  #ask(event: Frame | string): void {
    const text = typeof event === "string" ? event : JSON.stringify(event);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  /** All that the client has sent is here. */
  async #settled(): Promise<void> {
    const sent = this.#upstream.sent?.();
    if (!sent) return;
    while (!this.#over && this.types.length < sent.events) await Bun.sleep(1);
    const endsMs = performance.now() + LOST_MS;
    while (!this.#over && this.heard.packets < sent.frames && performance.now() < endsMs) await Bun.sleep(1);
  }
}

/** Null for what is no event: it is passed on as it is. */
function frameOf(text: string): Frame | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Frame) : null;
  } catch {
    return null;
  }
}
