import { FFIType, dlopen, ptr } from "bun:ffi";
import type { Pointer } from "bun:ffi";

/** C signatures as in glibc's and macOS' unistd.h, poll.h, spawn.h and sys/wait.h. */
const SYMBOLS = {
  pipe: { args: ["ptr"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: FFIType.i64_fast },
  write: { args: ["i32", "ptr", "u64"], returns: FFIType.i64_fast },
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  /** Variadic, as ioctl is: on Apple's ARM these two do nothing when they are called like this, and must not be needed. */
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
  posix_spawnp: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  posix_spawn_file_actions_init: { args: ["ptr"], returns: "i32" },
  posix_spawn_file_actions_adddup2: { args: ["ptr", "i32", "i32"], returns: "i32" },
  posix_spawn_file_actions_addopen: { args: ["ptr", "i32", "ptr", "i32", "u32"], returns: "i32" },
  posix_spawn_file_actions_destroy: { args: ["ptr"], returns: "i32" },
  posix_spawnattr_init: { args: ["ptr"], returns: "i32" },
  posix_spawnattr_setflags: { args: ["ptr", "i32"], returns: "i32" },
  posix_spawnattr_setsigmask: { args: ["ptr", "ptr"], returns: "i32" },
  posix_spawnattr_setpgroup: { args: ["ptr", "i32"], returns: "i32" },
  posix_spawnattr_destroy: { args: ["ptr"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  kill: { args: ["i32", "i32"], returns: "i32" },
} as const;

type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

const MAC = process.platform === "darwin";
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const O_WRONLY = 1;
/** Linux only: the size of a pipe. */
const F_SETPIPE_SZ = 1031;
const FIONREAD = MAC ? 0x4004_667f : 0x541b;
const POLLIN = 1;
const POLLOUT = 4;
const SIGKILL = 9;
const WNOHANG = 1;
const SPAWN_SETPGROUP = 2;
const SPAWN_SETSIGMASK = 8;
/** Apple's: the child inherits nothing but what it is given. */
const SPAWN_CLOEXEC_DEFAULT = 0x4000;
const SPAWN_FLAGS = SPAWN_SETPGROUP | SPAWN_SETSIGMASK | (MAC ? SPAWN_CLOEXEC_DEFAULT : 0);
/** Larger than posix_spawnattr_t (336 bytes in glibc), posix_spawn_file_actions_t (80) and sigset_t (128). */
const STRUCT_BYTES = 512;
const ACTIONS = new Uint8Array(STRUCT_BYTES);
const ATTRIBUTES = new Uint8Array(STRUCT_BYTES);
const NO_SIGNALS = new Uint8Array(STRUCT_BYTES);
const NOWHERE = cstring("/dev/null");
/** Two pages: the kernel calls a pipe writable while a whole page is free. At 48 kB a second they hold 170 ms. */
const PIPE_BYTES = 8192;
const MESSAGE_BYTES = 4096;

let loaded: Libc | undefined;

function libc(): Libc {
  loaded ??= dlopen(MAC ? "libSystem.B.dylib" : "libc.so.6", SYMBOLS).symbols;
  return loaded;
}

/** C string; the caller keeps it alive. */
function cstring(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** A null-terminated array of C strings, with what must be kept alive for it. */
function vector(texts: string[]): { pointers: BigUint64Array; keep: Uint8Array[] } {
  const keep = texts.map(cstring);
  return { pointers: new BigUint64Array([...keep.map((bytes) => BigInt(ptr(bytes))), 0n]), keep };
}

/**
 * A child process that a thread without an event loop speaks with: our end of its standard input or output is a small real
 * pipe, read and written with blocking calls. Its messages (stderr) are kept for the error.
 */
export class PipeChild {
  /** -1 once the child is gone. */
  pid: number;
  readonly #fd: number;
  readonly #errors: number;
  readonly #poll = new Int32Array(2);
  readonly #pollPtr = ptr(this.#poll);
  readonly #queued = new Int32Array(1);
  readonly #queuedPtr = ptr(this.#queued);
  readonly #message = new Uint8Array(MESSAGE_BYTES);
  readonly #messagePtr = ptr(this.#message);
  readonly #decoder = new TextDecoder();
  #messages = "";
  #closed = false;

  /** `stream` is the child's end: "stdin" for a player, "stdout" for a recorder. Throws where the program cannot be started. */
  constructor(argv: [string, ...string[]], stream: "stdin" | "stdout", env: Record<string, string> = {}) {
    const { posix_spawnp } = libc();
    const [readEnd, writeEnd] = openPipe();
    const [errorsRead, errorsWrite] = openPipe();
    const childEnd = stream === "stdin" ? readEnd : writeEnd;
    this.#fd = stream === "stdin" ? writeEnd : readEnd;
    this.#errors = errorsRead;
    if (!MAC) libc().fcntl(this.#fd, F_SETPIPE_SZ, PIPE_BYTES);
    // Looked for here: libc's PATH is that of the start of the process.
    const program = cstring(Bun.which(argv[0], { PATH: process.env["PATH"] ?? "" }) ?? argv[0]);
    const args = vector(argv);
    const variables = vector(
      Object.entries({ ...process.env, LC_ALL: "C", ...env }).map(([k, v]) => `${k}=${v}`),
    );
    const pid = new Int32Array(1);
    const failed = withSpawnPlan(
      { childEnd, childFd: stream === "stdin" ? 0 : 1, errors: errorsWrite },
      (actions, attributes) =>
        posix_spawnp(
          ptr(pid),
          ptr(program),
          actions,
          attributes,
          ptr(args.pointers),
          ptr(variables.pointers),
        ),
    );
    libc().close(childEnd);
    libc().close(errorsWrite);
    this.pid = failed === 0 ? pid[0]! : -1;
    if (failed !== 0) {
      this.kill();
      throw new Error(`${argv[0]} cannot be started (errno ${failed})`);
    }
  }

  /** Waits until the pipe can be read or written, or its other end is gone; false after `limitMs`. */
  wait(direction: "read" | "write", limitMs: number): boolean {
    return this.#ready(this.#fd, direction === "read" ? POLLIN : POLLOUT, limitMs);
  }

  #ready(fd: number, events: number, limitMs: number): boolean {
    this.#poll[0] = fd;
    this.#poll[1] = events;
    return libc().poll(this.#pollPtr, 1, limitMs) > 0;
  }

  /** Bytes into `into` from `from` on; 0 when the child has ended. Blocks. */
  read(into: Uint8Array, from: number): number {
    return Math.max(0, Number(libc().read(this.#fd, ptr(into, from), into.length - from)));
  }

  /** Bytes taken, 0 when the child has ended. Blocks while the pipe is full. */
  write(bytes: Uint8Array, from: number): number {
    return Math.max(0, Number(libc().write(this.#fd, ptr(bytes, from), bytes.length - from)));
  }

  /** Bytes in the pipe that its reader, the child or we, has not taken. */
  get queuedBytes(): number {
    return libc().ioctl(this.#fd, FIONREAD, this.#queuedPtr) < 0 ? 0 : this.#queued[0]!;
  }

  /** What the child has said on stderr since the last look, decoded; mostly "". */
  takeMessages(): string {
    if (!this.#ready(this.#errors, POLLIN, 0)) return "";
    const count = Number(libc().read(this.#errors, this.#messagePtr, MESSAGE_BYTES));
    if (count <= 0) return "";
    const text = this.#decoder.decode(this.#message.subarray(0, count), { stream: true });
    this.#messages = (this.#messages + text).slice(-MESSAGE_BYTES);
    return text;
  }

  /** What the child has said on stderr, the last 4 kB of it. */
  get messages(): string {
    while (this.takeMessages() !== "");
    return this.#messages;
  }

  /** True when the child has ended; it is reaped then. */
  ended(): boolean {
    if (this.pid !== -1 && libc().waitpid(this.pid, null, WNOHANG) === this.pid) this.pid = -1;
    return this.pid === -1;
  }

  /** Ends the child at once and frees everything; returns when it is gone. Idempotent. */
  kill(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.ended()) {
      libc().kill(this.pid, SIGKILL);
      libc().waitpid(this.pid, null, 0);
      this.pid = -1;
    }
    libc().close(this.#fd);
    libc().close(this.#errors);
  }
}

/** Read end and write end; neither is inherited by other children. */
function openPipe(): [number, number] {
  const ends = new Int32Array(2);
  if (libc().pipe(ptr(ends)) < 0) throw new Error("no more pipes: too many files are open");
  for (const end of ends) libc().fcntl(end, F_SETFD, FD_CLOEXEC);
  return [ends[0]!, ends[1]!];
}

/** The child in a process group of its own, so that Ctrl-C in a terminal does not end it before the robot does. */
function withSpawnPlan(
  { childEnd, childFd, errors }: { childEnd: number; childFd: number; errors: number },
  run: (actions: Pointer, attributes: Pointer) => number,
): number {
  const c = libc();
  const actions = ptr(ACTIONS);
  const attributes = ptr(ATTRIBUTES);
  c.posix_spawn_file_actions_init(actions);
  c.posix_spawnattr_init(attributes);
  try {
    if (childFd === 0) c.posix_spawn_file_actions_addopen(actions, 1, ptr(NOWHERE), O_WRONLY, 0);
    else c.posix_spawn_file_actions_addopen(actions, 0, ptr(NOWHERE), 0, 0);
    c.posix_spawn_file_actions_adddup2(actions, childEnd, childFd);
    c.posix_spawn_file_actions_adddup2(actions, errors, 2);
    c.posix_spawnattr_setflags(attributes, SPAWN_FLAGS);
    c.posix_spawnattr_setsigmask(attributes, ptr(NO_SIGNALS));
    c.posix_spawnattr_setpgroup(attributes, 0);
    return run(actions, attributes);
  } finally {
    c.posix_spawn_file_actions_destroy(actions);
    c.posix_spawnattr_destroy(attributes);
  }
}
