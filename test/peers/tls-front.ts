import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:tls";
import type { Server } from "node:tls";
import { selfSigned } from "./self-signed.ts";

/** TLS before a server that speaks none: every connection is decrypted and handed on. For clients that dial wss only. */
export class TlsFront implements AsyncDisposable {
  /** PEM; trust it. */
  readonly cert: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(cert: string, server: Server) {
    this.cert = cert;
    this.#server = server;
  }

  /** Listens on loopback, on a free port, before `port` there. */
  static async listen(port: number): Promise<TlsFront> {
    const { key, cert } = selfSigned();
    const server = createServer({ key, cert });
    const front = new TlsFront(cert, server);
    server.on("secureConnection", (outside) => {
      const inside = connect(port, "127.0.0.1");
      for (const socket of [outside, inside]) {
        front.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          front.#sockets.delete(socket);
          outside.destroy();
          inside.destroy();
        });
      }
      outside.pipe(inside);
      inside.pipe(outside);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return front;
  }

  /** For `baseURL` of OpenAI's clients. */
  get baseUrl(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
