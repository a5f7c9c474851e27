import { dlopen, read } from "bun:ffi";
import { constants } from "node:os";

/** ioctl(2) twice: with a pointer and with a number as its third argument; both are variadic calls of libc. */
const { symbols: pointers } = dlopen("libc.so.6", {
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
});
const { symbols: numbers } = dlopen("libc.so.6", {
  ioctl: { args: ["i32", "u64", "u64"], returns: "i32" },
});

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** A system call failed; `errno` is its name, as "EBUSY". */
export class SystemError extends Error {
  readonly errno: string;

  constructor(call: string, number: number) {
    const errno = NAMES.get(number) ?? `errno ${number}`;
    super(`${call}: ${errno}`);
    this.errno = errno;
  }
}

/** An ioctl whose argument is memory, read or written. Throws a {@link SystemError}. */
export function ioctl(fd: number, request: number, argument: Uint8Array, name: string): void {
  if (pointers.ioctl(fd, BigInt(request), argument) < 0) throw new SystemError(name, errno());
}

/** An ioctl whose argument is a number. Throws a {@link SystemError}. */
export function ioctlNumber(fd: number, request: number, argument: number, name: string): void {
  if (numbers.ioctl(fd, BigInt(request), BigInt(argument)) < 0) throw new SystemError(name, errno());
}

/** True where a read of `fd` would not block. */
export function isReadable(fd: number): boolean {
  // struct pollfd: fd i32, events i16, revents i16 (poll.h); POLLIN is 1.
  POLLFD.setInt32(0, fd, true);
  POLLFD.setInt32(4, 1, true);
  return pointers.poll(POLLFD_BYTES, 1n, 0) > 0;
}

const POLLFD_BYTES = new Uint8Array(8);
const POLLFD = new DataView(POLLFD_BYTES.buffer);

function errno(): number {
  const at = pointers.__errno_location();
  return at === null ? 0 : read.i32(at);
}

/** An error with a code of ERRORS, as a module of wires throws it. */
export function coded(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { code });
}

/** `error`'s errno, of this file or of node:fs. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof SystemError) return error.errno;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
