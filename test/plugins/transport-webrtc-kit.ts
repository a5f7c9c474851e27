import { createLog } from "../../core/log.ts";
import { connectWebSocket } from "../../core/realtime/transport.ts";
import type { Connect } from "../../core/realtime/transport.ts";
import type { Endpoint } from "../../core/realtime/connection.ts";
import { WebRtcCalls } from "../../plugins/transport-webrtc/calls.ts";
import { RawServer } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { WebRtcGateway } from "../kit/webrtc-gateway.ts";
import { SETTINGS } from "../kit/webrtc-wire.ts";
import { SessionBench } from "../core/realtime-kit.ts";

/** A session on a raw server, over the wire that is named. */
export interface Talk extends AsyncDisposable {
  server: RawServer;
  gateway: WebRtcGateway;
  calls: WebRtcCalls;
  bench: SessionBench;
  /** The server as this wire reaches it. */
  url: string;
  connect: Connect;
  /** The next connection of the client at the server, configured and ready. */
  next(): Promise<RawConnection>;
}

/** Starts to talk; `next` waits for the connection. */
export async function talk(
  transport: "websocket" | "webrtc",
  config: Record<string, unknown> = {},
  endpoint: Partial<Endpoint> = {},
  settings: Partial<typeof SETTINGS> = {},
): Promise<Talk> {
  const server = await RawServer.listen();
  const gateway = new WebRtcGateway(server.url);
  const calls = await WebRtcCalls.create({ ...SETTINGS, ...settings }, createLog({ write: () => {} }));
  const webrtc = transport === "webrtc";
  const connect: Connect = webrtc ? (request, events) => calls.connect(request, events) : connectWebSocket;
  const url = webrtc ? gateway.url : server.url;
  const bench = new SessionBench(() => ({ url, ...endpoint }), config, connect);
  bench.session.start();
  return {
    server,
    gateway,
    calls,
    bench,
    url,
    connect,
    async next() {
      const wire = await server.accept();
      await wire.configure();
      await bench.state("ready");
      return wire;
    },
    async [Symbol.asyncDispose]() {
      await bench.session.close();
      await gateway[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A sine of so many milliseconds, PCM16 24 kHz mono. */
export function sine(ms: number, hz = 440, amplitude = 8000): Int16Array {
  const pcm = new Int16Array(ms * 24);
  for (let at = 0; at < pcm.length; at++) pcm[at] = amplitude * Math.sin((2 * Math.PI * hz * at) / 24_000);
  return pcm;
}

/** How much of `pcm` is a tone of `hz`, 0 to 1: its power there as a part of all its power. */
export function purity(pcm: Int16Array, hz = 440): number {
  let cosine = 0;
  let sines = 0;
  let power = 0;
  for (let at = 0; at < pcm.length; at++) {
    const sample = pcm[at] ?? 0;
    const angle = (2 * Math.PI * hz * at) / 24_000;
    cosine += sample * Math.cos(angle);
    sines += sample * Math.sin(angle);
    power += sample * sample;
  }
  return power === 0 ? 0 : (2 * (cosine * cosine + sines * sines)) / (pcm.length * power);
}

/** The pieces in one. */
export function joined(pieces: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** What the client has sent into the input buffer, whichever way. */
export function appended(wire: RawConnection): Int16Array {
  return joined(
    wire.all("input_audio_buffer.append").map((frame) => {
      const bytes = new Uint8Array(Buffer.from(String(frame["audio"]), "base64"));
      return new Int16Array(bytes.buffer);
    }),
  );
}

/** The server speaks a tone: audio and words of an item. */
export function speakTone(
  wire: RawConnection,
  responseId: string,
  itemId: string,
  ms: number,
  words = "",
): void {
  const place = { response_id: responseId, item_id: itemId, output_index: 0, content_index: 0 };
  if (words) wire.send({ type: "response.output_audio_transcript.delta", ...place, delta: words });
  const pcm = sine(ms);
  for (let at = 0; at < pcm.length; at += 2400) {
    const delta = Buffer.from(pcm.slice(at, at + 2400).buffer).toString("base64");
    wire.send({ type: "response.output_audio.delta", ...place, delta });
  }
}

/** What the loudspeaker was given of an item. */
export function written(bench: SessionBench, itemId: string): Int16Array {
  return joined(bench.playback.writes.filter((write) => write.itemId === itemId).map((write) => write.pcm));
}
