import WebSocket from "ws";

/** An event of the server, as it came. */
export type ServerFrame = { type: string } & Record<string, unknown>;

/** How long a wait may take before it fails the test, milliseconds. */
const WAIT_MS = 8000;

/** A Realtime client without any cleverness: JSON frames out, JSON frames in, in order. */
export class RawClient {
  /** Every event so far. */
  readonly events: ServerFrame[] = [];
  /** Close code and reason once the socket is closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  #socket: WebSocket;
  #read = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data, binary) => {
      if (!binary) this.events.push(JSON.parse(data.toString()) as ServerFrame);
    });
    this.closed = new Promise((resolve) =>
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }

  /** Resolves once the socket is open. */
  static async connect(
    url: string,
    options: { protocols?: string[]; headers?: Record<string, string>; deflate?: boolean } = {},
  ): Promise<RawClient> {
    const socket = new WebSocket(url, options.protocols ?? [], {
      headers: options.headers ?? {},
      perMessageDeflate: options.deflate ?? false,
    });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.on("open", () => resolve());
      socket.on("error", reject);
    });
    return client;
  }

  /** Subprotocol that the server chose. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  send(event: Record<string, unknown>): void {
    this.#socket.send(JSON.stringify(event));
  }

  sendRaw(frame: string | Uint8Array): void {
    this.#socket.send(frame);
  }

  /** Appends samples to the input buffer in events of `pieceMs`. */
  append(pcm: Int16Array, pieceMs = 100): void {
    const size = pieceMs * 24;
    for (let at = 0; at < pcm.length; at += size) {
      const piece = pcm.slice(at, at + size);
      const audio = Buffer.from(piece.buffer).toString("base64");
      this.send({ type: "input_audio_buffer.append", audio });
    }
  }

  /** The first event of that type which no earlier wait has passed; later ones stay for the next wait. */
  async until(type: string): Promise<ServerFrame> {
    const endsMs = performance.now() + WAIT_MS;
    for (;;) {
      while (this.#read < this.events.length) {
        const event = this.events[this.#read++] as ServerFrame;
        if (event.type === type) return event;
      }
      if (performance.now() > endsMs) {
        const seen = this.events.map((event) => event.type).join(", ");
        throw new Error(`No ${type} within ${WAIT_MS} ms; the server sent: ${seen}`);
      }
      await Bun.sleep(2);
    }
  }

  /** Sends an event and waits for one of that type. */
  ask(event: Record<string, unknown>, type: string): Promise<ServerFrame> {
    this.send(event);
    return this.until(type);
  }

  /** Everything that the server had to say until now has arrived: sends a harmless event and waits for its answer. */
  async settled(): Promise<void> {
    const before = this.events.length;
    this.send({ type: "input_audio_buffer.clear" });
    const endsMs = performance.now() + WAIT_MS;
    while (!this.events.slice(before).some((event) => event.type === "input_audio_buffer.cleared")) {
      if (performance.now() > endsMs) throw new Error(`The server went silent for ${WAIT_MS} ms.`);
      await Bun.sleep(2);
    }
  }

  /** Types of all events so far, in order. */
  types(): string[] {
    return this.events.map((event) => event.type);
  }

  /** Events of one type so far. */
  all(type: string): ServerFrame[] {
    return this.events.filter((event) => event.type === type);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  /** A pong answers it. */
  ping(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once("pong", () => resolve());
      this.#socket.ping();
    });
  }
}
