import WebSocket from "ws";
import { closeFailure, linkFailure, socketFailure, statusFailure } from "./link-failure.ts";
import type { Endpoint } from "./endpoint.ts";
import type { LinkFailure } from "./link-failure.ts";

const MAX_BODY_CHARACTERS = 4096;
/** How long a refused upgrade may take to say why, and a close to be answered. */
const PATIENCE_MS = 500;
/** What is only too large is read and dropped, up to this factor: a socket that refuses it would cost the session. */
const OVERSIZE = 4;

/** A connection's wire. All calls are allowed at any time; those that come too late do nothing. */
export interface Transport {
  /** True where the server keeps the queue of its sound, sends it at the pace it is heard, and truncates by itself. */
  readonly ownsOutputBuffer?: boolean | undefined;
  send(text: string): void;
  /** Sound of the microphone, PCM16 mono 24 kHz, borrowed; a frame as a rule. Absent where sound travels in events. */
  readonly sendAudio?: ((frame: Int16Array) => void) | undefined;
  ping(): void;
  /** Says goodbye; resolves when the other side has answered, or soon after without. `onClose` is not called. */
  close(): Promise<void>;
  /** Ends at once without goodbye. `onClose` is not called. */
  terminate(): void;
}

/** What a transport tells. */
export interface TransportEvents {
  onOpen(): void;
  onText(text: string): void;
  /** Sound of the server, where it does not travel in events: PCM16 mono 24 kHz, borrowed. */
  onAudio(pcm: Int16Array): void;
  /** A frame that is no event: binary, or larger than `maxMessageBytes`. It is dropped. */
  onBinary(bytes: number): void;
  onPong(): void;
  /** Once, however it ended; nothing follows. */
  onClose(failure: LinkFailure): void;
}

/** What a transport connects to. */
export interface TransportRequest {
  url: string;
  headers: Record<string, string>;
  /** WebSocket subprotocols that are offered, in order. */
  protocols?: readonly string[];
  handshakeMs: number;
  /** How long the socket may take none of what waits in it. */
  sendMs: number;
  /** A larger frame of the server is dropped, and one of more than four times the size ends the connection. */
  maxMessageBytes: number;
  /** What the URL was made of. */
  endpoint?: Endpoint;
}

/** Starts to connect; never throws. */
export type Connect = (request: TransportRequest, events: TransportEvents) => Transport;

/** WebSocket by `ws`: unlike the built-in one it tells the HTTP answer of a refused upgrade and bounds messages. */
export const connectWebSocket: Connect = (request, events) => {
  try {
    return new WebSocketTransport(request, events);
  } catch (error) {
    const message = Error.isError(error) ? error.message : String(error);
    queueMicrotask(() => events.onClose(linkFailure("LINK_FATAL", `cannot connect: ${message}`)));
    return { send() {}, ping() {}, async close() {}, terminate() {} };
  }
};

class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  readonly #events: TransportEvents;
  #opened = false;
  #ended = false;
  #error: { message: string; errno: string } | undefined;
  readonly #closed = Promise.withResolvers<void>();
  readonly #sendMs: number;
  /** Characters handed to the socket; ours are ASCII but for what people say, so about its bytes. */
  #written = 0;
  #drain: ReturnType<typeof setTimeout> | undefined;

  constructor(request: TransportRequest, events: TransportEvents) {
    this.#events = events;
    this.#sendMs = request.sendMs;
    const socket = new WebSocket(request.url, [...(request.protocols ?? [])], {
      headers: request.headers,
      handshakeTimeout: request.handshakeMs,
      maxPayload: request.maxMessageBytes * OVERSIZE,
      perMessageDeflate: false,
      // Else one byte that is no UTF-8 ends the connection; like this it becomes U+FFFD and costs one event at most.
      skipUTF8Validation: true,
    });
    this.#socket = socket;
    socket.onopen = () => {
      this.#opened = true;
      if (!this.#ended) events.onOpen();
    };
    // Property handlers get text as a string; the "message" event would copy each frame into a Buffer.
    socket.onmessage = ({ data }) => {
      if (this.#ended) return;
      if (typeof data === "string") {
        if (data.length <= request.maxMessageBytes) events.onText(data);
        else events.onBinary(data.length);
      } else events.onBinary(Array.isArray(data) ? data.length : data.byteLength);
    };
    socket.on("pong", () => this.#ended || events.onPong());
    socket.on("unexpected-response", (_request, response) => {
      let body = "";
      const status = response.statusCode ?? 0;
      const refused = () => {
        clearTimeout(timer);
        this.#end(statusFailure(status, body, String(response.headers["retry-after"] ?? "")));
        this.terminate();
      };
      const timer = setTimeout(refused, PATIENCE_MS);
      response.on("data", (part: Buffer) => {
        if (body.length < MAX_BODY_CHARACTERS) body += part.toString("utf8");
      });
      response.on("end", refused);
      response.on("error", refused);
    });
    socket.onerror = ({ message, error }) => {
      this.#error = { message, errno: String((error as { code?: unknown } | undefined)?.code ?? "") };
    };
    socket.onclose = ({ code, reason }) => {
      this.#closed.resolve();
      if (!this.#opened)
        this.#end(socketFailure(this.#error?.message ?? `closed (${code})`, this.#error?.errno ?? ""));
      else this.#end(closeFailure(code, reason || (code === 1006 ? (this.#error?.message ?? "") : "")));
    };
  }

  send(text: string): void {
    if (!this.#opened || this.#ended) return;
    this.#socket.send(text, ignore);
    this.#written += text.length;
    if (this.#drain === undefined && this.#socket.bufferedAmount > 0) this.#watchDrain();
  }

  ping(): void {
    if (this.#opened && !this.#ended) this.#socket.ping();
  }

  async close(): Promise<void> {
    this.#ended = true;
    if (!this.#opened) {
      this.terminate();
      return;
    }
    this.#socket.close(1000);
    const late = setTimeout(() => this.terminate(), PATIENCE_MS);
    await this.#closed.promise;
    clearTimeout(late);
  }

  terminate(): void {
    this.#ended = true;
    clearTimeout(this.#drain);
    this.#socket.terminate();
    this.#closed.resolve();
  }

  #end(failure: LinkFailure): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#drain);
    this.#events.onClose(failure);
  }

  /** Of a link that is half open nothing is taken any more, long before the system gives up. */
  #watchDrain(): void {
    const taken = this.#written - this.#socket.bufferedAmount;
    this.#drain = setTimeout(() => {
      this.#drain = undefined;
      const waiting = this.#socket.bufferedAmount;
      if (waiting === 0 || this.#ended) return;
      if (this.#written - waiting > taken) return this.#watchDrain();
      this.#end(linkFailure("LINK_TIMEOUT", "the server does not take what is sent"));
      this.terminate();
    }, this.#sendMs);
  }
}

/** A send that fails is followed by a close. */
function ignore(): void {}
