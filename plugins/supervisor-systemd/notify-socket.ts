import { dlopen, ptr } from "bun:ffi";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
/** Length of `sun_path` (unix(7)). */
const PATH_BYTES = 108;

/** Sends states to the service manager, as sd_notify(3) does: a datagram to the socket that NOTIFY_SOCKET names. */
export class NotifySocket {
  readonly #libc = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  readonly #fd: number;
  readonly #address: Buffer;

  /** `path` begins with "/" or, for an abstract address, with "@". Throws where it is neither, or too long. */
  constructor(path: string) {
    const bytes = Buffer.from(path);
    if (!/^[/@]/.test(path) || bytes.length >= PATH_BYTES)
      throw new Error(`NOTIFY_SOCKET is no address of a socket: ${path}`);
    if (path.startsWith("@")) bytes[0] = 0;
    this.#address = Buffer.concat([Buffer.from([AF_UNIX, 0]), bytes]);
    this.#fd = this.#libc.symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (this.#fd < 0) throw new Error("no socket for the service manager");
  }

  /** Lines like "READY=1". False where nobody takes it; never waits. */
  send(state: string): boolean {
    const DONTWAIT = 0x40;
    const text = Buffer.from(state);
    const { length } = this.#address;
    const sent = this.#libc.symbols.sendto(
      this.#fd,
      ptr(text),
      text.length,
      DONTWAIT,
      ptr(this.#address),
      length,
    );
    return Number(sent) === text.length;
  }

  /** Idempotent. */
  close(): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}
