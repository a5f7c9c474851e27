import type { Socket } from "bun";

/** A way to a server on loopback that takes `delayMs` longer to let anybody in, as a distant one does. */
export class SlowDoor implements Disposable {
  /** When each caller came, `performance.now()`. */
  readonly calledAtMs: number[] = [];
  readonly #listener: Bun.TCPSocketListener<Caller>;

  constructor(url: string, delayMs: number) {
    const port = Number(new URL(url).port);
    this.#listener = Bun.listen<Caller>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (caller) => {
          this.calledAtMs.push(performance.now());
          caller.data = { early: [], server: undefined };
          setTimeout(() => void letIn(caller, port), delayMs);
        },
        data: ({ data }, bytes) => {
          if (data.server) data.server.write(bytes);
          else data.early.push(new Uint8Array(bytes));
        },
        close: ({ data }) => void data.server?.end(),
      },
    });
  }

  /** The server's address behind this door. */
  through(url: string): string {
    const target = new URL(url);
    target.port = String(this.#listener.port);
    return target.href;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

interface Caller {
  /** What was said before the door opened. */
  early: Uint8Array[];
  server: Socket | undefined;
}

async function letIn(caller: Socket<Caller>, port: number): Promise<void> {
  const server = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => void caller.write(bytes),
      close: () => void caller.end(),
    },
  });
  for (const bytes of caller.data.early) server.write(bytes);
  caller.data.server = server;
}
