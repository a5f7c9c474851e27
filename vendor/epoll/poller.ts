import { dlopen } from "bun:ffi";
import type { PollerRequest } from "./index.ts";

/** How long poll(2) blocks before the thread looks for requests. */
const SLICE_MS = 20;
/** struct pollfd: fd i32, events i16, revents i16 (poll.h). */
const POLLFD_BYTES = 8;
const POLLNVAL = 0x20;

declare const self: Worker;

const { symbols: libc } = dlopen("libc.so.6", { poll: { args: ["ptr", "u64", "i32"], returns: "i32" } });
const armed = new Map<number, number>();
let running = false;

self.onmessage = ({ data: { fd, events } }: MessageEvent<PollerRequest>) => {
  if (events === 0) armed.delete(fd);
  else armed.set(fd, events);
  if (!running) void run();
};

async function run(): Promise<void> {
  running = true;
  while (armed.size > 0) {
    const table = new DataView(new ArrayBuffer(armed.size * POLLFD_BYTES));
    let at = 0;
    for (const [fd, events] of armed) {
      table.setInt32(at, fd, true);
      table.setInt16(at + 4, events, true);
      at += POLLFD_BYTES;
    }
    if (libc.poll(new Uint8Array(table.buffer), BigInt(armed.size), SLICE_MS) > 0) report(table);
    await new Promise((resolve) => setImmediate(resolve));
  }
  running = false;
}

function report(table: DataView): void {
  for (let at = 0; at < table.byteLength; at += POLLFD_BYTES) {
    const events = table.getInt16(at + 6, true);
    if (events === 0) continue;
    const fd = table.getInt32(at, true);
    armed.delete(fd);
    if (!(events & POLLNVAL)) postMessage({ fd, events } satisfies PollerRequest);
  }
}
