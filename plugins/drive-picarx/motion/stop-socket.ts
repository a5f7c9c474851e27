import { chmodSync } from "node:fs";
import type { Motion } from "./motion.ts";

/**
 * The motion process's ear for whoever is not its parent: a line "stop" or "release", answered with a line of JSON that says
 * what holds now. It needs neither the runtime nor its event loop.
 */
export class StopSocket {
  readonly #server: Bun.UnixSocketListener<undefined>;

  constructor(path: string, motion: Motion) {
    this.#server = Bun.listen({
      unix: path,
      socket: {
        data(socket, bytes) {
          const word = bytes.toString().trim();
          if (word === "stop") motion.latch("stop command", performance.now());
          else if (word === "release") motion.release();
          socket.end(`${JSON.stringify({ pid: process.pid, latched: motion.latched ?? null })}\n`);
        },
        error() {},
      },
    });
    // Whoever is on this machine may stop the robot; a release moves nothing.
    chmodSync(path, 0o666);
  }

  close(): void {
    this.#server.stop(true);
  }
}
