import { MynaError } from "myna";
import type { Certificate } from "./certificate.ts";
import type { Door } from "./door.ts";
import type { Line } from "./sockets.ts";

/** Where to listen. */
export interface Place {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** Takes any free port where `port` is taken. */
  any_port: boolean;
}

/** The server of a door. Where its certificate changes, it listens anew at the same port; open connections break. */
export class Listening {
  readonly #door: Door;
  readonly #host: string;
  #server: Bun.Server<Line>;

  /** At the port `before` where any is right, else the configured one. Throws PORT_IN_USE, and DEVICE_NOT_FOUND for an address of others. */
  constructor(door: Door, place: Place, before: number, certificate: Certificate | undefined) {
    const { host, port, any_port } = place;
    this.#door = door;
    this.#host = host;
    const again = before > 0 && (any_port || port === 0) ? [before] : [];
    const ports = [...new Set([...again, port, ...(any_port ? [0] : [])])];
    this.#server = this.#listen(ports, certificate);
  }

  get url(): URL {
    return this.#server.url;
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  async renew(certificate: Certificate): Promise<void> {
    const { port } = this;
    await this.#server.stop(true);
    this.#server = this.#listen([port], certificate);
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  #listen(ports: readonly number[], certificate: Certificate | undefined): Bun.Server<Line> {
    const hostname = this.#host;
    const tls = certificate && { tls: { cert: certificate.cert, key: certificate.key } };
    for (const port of ports) {
      try {
        return this.#door.listen({ port, hostname, ...tls });
      } catch (cause) {
        const code = Error.isError(cause) && "code" in cause ? cause.code : "";
        if (code === "EADDRINUSE") continue;
        if (code !== "EADDRNOTAVAIL" && code !== "EAGAIN") throw cause;
        const message = `host: this computer has no address ${hostname} (yet)`;
        throw new MynaError("DEVICE_NOT_FOUND", message, { cause });
      }
    }
    throw new MynaError(
      "PORT_IN_USE",
      `port: another program listens on ${hostname}:${ports[0]}; choose another port, or 0 for any free one`,
    );
  }
}
