import { connect } from "node:net";
import type { Socket } from "node:net";

/** What a raw connection got back: the status of the first answer, 0 where it was closed without one. */
export interface RawAnswer {
  status: number;
  /** Everything up to that moment. */
  text: string;
}

/** A TCP connection that says what it likes. */
export class RawLine implements Disposable {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #closed = false;
  readonly #waiting = new Set<() => void>();

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** Resolves when the bytes were handed to the system, or the other side has hung up. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || this.socket.destroyed) return resolve();
      const done = () => resolve();
      this.socket.once("close", done);
      this.socket.write(bytes, () => {
        this.socket.off("close", done);
        resolve();
      });
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get received(): Buffer {
    return this.#received;
  }

  /** The first answer, or that the connection was closed. */
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const text = this.#received.toString("latin1");
      const status = /^HTTP\/1\.1 (\d{3})[^]*?\r\n\r\n/.exec(text)?.[1];
      if (status) return { status: Number(status), text };
      if (this.#closed) return { status: 0, text };
      await this.changed();
    }
  }

  /** Resolves at the next bytes or the end. */
  changed(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const next = Promise.withResolvers<void>();
    this.#waiting.add(next.resolve);
    return next.promise;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** Sends raw text and answers with the first reply. */
export async function raw(url: string, text: string | Uint8Array): Promise<RawAnswer> {
  using line = new RawLine(url);
  void line.write(text);
  return await line.answer();
}

/** The head of a request with a right Host; `headers` come after it. */
export function head(url: string, request: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${request} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${lines.join("")}\r\n`;
}

/** One frame of a client's web socket, masked with zeros. `length` lies about it where given. */
export function frame(
  payload: Uint8Array,
  options: { opcode?: number; fin?: boolean; length?: bigint } = {},
): Uint8Array {
  const { opcode = 1, fin = true } = options;
  const header = new DataView(new ArrayBuffer(14));
  header.setUint8(0, (fin ? 0x80 : 0) | opcode);
  header.setUint8(1, 0x80 | 127);
  header.setBigUint64(2, options.length ?? BigInt(payload.byteLength));
  return Buffer.concat([new Uint8Array(header.buffer), payload]);
}
