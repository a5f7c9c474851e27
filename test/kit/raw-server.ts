import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { BetaDialect } from "../../plugins/brain-local/beta-dialect.ts";
import { BETA_TYPES } from "../../plugins/brain-local/beta-shapes.ts";

/** An event of the client, as it came. */
export type ClientFrame = { type: string } & Record<string, unknown>;

/** How long a wait may take before it fails the test, milliseconds. A test that runs others sets it where they take longer. */
const WAIT_MS = Number(process.env["MYNA_TEST_WAIT_MS"] ?? 8000);

/**
 * A Realtime server that does nothing by itself: a test accepts each connection, reads what the client sends and says
 * what is answered. For what a well-behaved server does, take the scripted brain.
 */
export class RawServer implements AsyncDisposable {
  /** Every connection so far. */
  readonly connections: RawConnection[] = [];
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #held = new Set<Duplex>();
  #accepted = 0;
  #refusal: { status: number; body: string; headers: string } | "silence" | undefined;
  #refusedOnce = false;
  /** Connections that were refused or left without an answer. */
  refused = 0;

  private constructor(http: Server) {
    this.#http = http;
    http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => {});
      const refusal = this.#refusal;
      if (this.#refusedOnce) this.welcome();
      if (refusal === undefined) {
        this.#sockets.handleUpgrade(request, socket, head, (client) =>
          this.connections.push(new RawConnection(client, request)),
        );
        return;
      }
      this.refused++;
      this.#held.add(socket);
      if (refusal === "silence") return;
      socket.end(
        `HTTP/1.1 ${refusal.status} Refused\r\nContent-Type: application/json\r\n${refusal.headers}` +
          `Content-Length: ${Buffer.byteLength(refusal.body)}\r\nConnection: close\r\n\r\n${refusal.body}`,
      );
    });
  }

  /** Listens on loopback, on a free port. */
  static async listen(): Promise<RawServer> {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    return new RawServer(http);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/v1/realtime`;
  }

  /** The next connection that was not accepted yet. */
  async accept(): Promise<RawConnection> {
    await until(() => this.connections.length > this.#accepted, "No client connected");
    return this.connections[this.#accepted++] as RawConnection;
  }

  /** Answers every upgrade with this HTTP status from now on. */
  refuse(status: number, body: unknown = {}, headers: Record<string, string> = {}): void {
    this.#refusal = {
      status,
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(""),
    };
  }

  /** Leaves every upgrade without an answer from now on. */
  stayMute(): void {
    this.#refusal = "silence";
  }

  /** Accepts again. */
  welcome(): void {
    this.#refusal = undefined;
    this.#refusedOnce = false;
  }

  /** Lets everybody in after the next refusal. */
  refuseOnce(status: number, body: unknown = {}): void {
    this.refuse(status, body);
    this.#refusedOnce = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.connections) connection.drop();
    for (const socket of this.#held) socket.destroy();
    this.#sockets.close();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}

/**
 * One client of a {@link RawServer}. With one that asks for the beta dialect it is spoken on the wire; the test reads and
 * writes GA all the same.
 */
export class RawConnection {
  /** Every frame so far, in order. */
  readonly frames: ClientFrame[] = [];
  readonly headers: IncomingMessage["headers"];
  /** Path and query that the client asked for. */
  readonly path: string;
  /** Code and reason once the client is gone. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #beta: BetaDialect | null;
  readonly #read = new Map<string, number>();

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.#socket = socket;
    this.#beta = request.headers["openai-beta"] === undefined ? null : new BetaDialect();
    this.headers = request.headers;
    this.path = request.url ?? "";
    socket.on("message", (data: Buffer) => {
      const frame = data.toString();
      this.frames.push(JSON.parse(this.#beta?.inbound(frame) ?? frame) as ClientFrame);
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) =>
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }

  /** The next frame of that type, past or to come, that no earlier `next` of the type returned. */
  async next(type: string): Promise<ClientFrame> {
    const nth = this.#read.get(type) ?? 0;
    this.#read.set(type, nth + 1);
    await until(
      () => this.all(type).length > nth,
      () => `The client did not send ${type}, only: ${this.types().join(", ")}`,
    );
    return this.all(type)[nth] as ClientFrame;
  }

  /** Takes the client's configuration, as a server does: the client is ready then. */
  async configure(): Promise<ClientFrame> {
    this.send({ type: "session.created", session: { id: "sess_1" } });
    const update = await this.next("session.update");
    this.send({ type: "session.updated", session: {} });
    return update;
  }

  send(event: Record<string, unknown>): void {
    const type = (this.#beta && BETA_TYPES[String(event["type"])]) ?? event["type"];
    this.#socket.send(JSON.stringify({ ...event, type }));
  }

  /** Any text, or bytes as a binary frame. */
  sendRaw(frame: string | Uint8Array): void {
    this.#socket.send(frame);
  }

  /** Bytes as a text frame, which need not be UTF-8. */
  sendTextBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes, { binary: false });
  }

  /** All that the client sent so far has arrived when this resolves. */
  async settled(): Promise<void> {
    const pong = new Promise((resolve) => this.#socket.once("pong", resolve));
    this.#socket.ping();
    await pong;
  }

  /** Cuts the wire without goodbye: the client sees 1006. */
  drop(): void {
    this.#socket.terminate();
  }

  close(code: number, reason = ""): void {
    this.#socket.close(code, reason);
  }

  all(type: string): ClientFrame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  types(): string[] {
    return this.frames.map((frame) => frame.type);
  }
}

/** Resolves when `holds` does; rejects with `otherwise` after {@link WAIT_MS}. */
export async function until(holds: () => boolean, otherwise: string | (() => string)): Promise<void> {
  const endsMs = performance.now() + WAIT_MS;
  while (!holds()) {
    if (performance.now() > endsMs) {
      throw new Error(`${typeof otherwise === "string" ? otherwise : otherwise()} (${WAIT_MS} ms).`);
    }
    await Bun.sleep(2);
  }
}
