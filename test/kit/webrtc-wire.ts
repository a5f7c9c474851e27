import { createLog } from "../../core/log.ts";
import type { Connect, Transport } from "../../core/realtime/transport.ts";
import { WebRtcCalls } from "../../plugins/transport-webrtc/calls.ts";
import type { Sent } from "./webrtc-call.ts";
import { WebRtcGateway } from "./webrtc-gateway.ts";

/** The plugin's settings, as its schema would give them. */
export const SETTINGS = {
  ice_servers: [],
  host_addresses: [],
  bitrate_bps: 48_000,
  complexity: 5,
  expected_loss_percent: 5,
  // Several calls at a time on a machine that is busy with others; nothing is lost on loopback.
  open_ms: 20_000,
};
/** Tells the gateway whose request it is, and for which server. */
const CALL_HEADER = "X-Test-Call";
const SERVER_HEADER = "X-Test-Server";

/**
 * The WebRTC transport in place of the WebSocket for tests: whatever `ws://` server a session is given, it is called
 * through one gateway, and all that the client has sent has arrived there before a ping of the server is answered.
 */
export class WebRtcWire {
  readonly #calls: WebRtcCalls;
  readonly #gateway: WebRtcGateway;
  readonly #sent = new Map<string, Sent>();
  #count = 0;

  private constructor(calls: WebRtcCalls) {
    this.#calls = calls;
    const header = (request: Request, name: string) => request.headers.get(name) ?? "";
    this.#gateway = new WebRtcGateway(
      (request) => header(request, SERVER_HEADER),
      (request) => {
        const sent = this.#sent.get(header(request, CALL_HEADER));
        return sent && (() => ({ ...sent }));
      },
    );
  }

  /** Resolves when the codec is loaded. */
  static async create(): Promise<WebRtcWire> {
    return new WebRtcWire(await WebRtcCalls.create(SETTINGS, createLog({ write: () => {} })));
  }

  readonly connect: Connect = (request, events) => {
    const server = new URL(request.url);
    const url = `${this.#gateway.url}${server.search}`;
    server.search = "";
    const id = String(++this.#count);
    const sent = { events: 0, frames: 0 };
    this.#sent.set(id, sent);
    const headers = { ...request.headers, [CALL_HEADER]: id, [SERVER_HEADER]: server.href };
    const call = this.#calls.connect({ ...request, url, headers }, events);
    let open = true;
    return {
      ownsOutputBuffer: call.ownsOutputBuffer,
      send(text) {
        if (open) sent.events++;
        call.send(text);
      },
      sendAudio(frame) {
        if (open) sent.frames++;
        call.sendAudio?.(frame);
      },
      ping: () => call.ping(),
      close: () => ((open = false), call.close()),
      terminate: () => ((open = false), call.terminate()),
    } satisfies Transport;
  };
}
