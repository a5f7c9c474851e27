/** Errno values of WASI preview 1 (wasi_snapshot_preview1 witx, `errno`). */
const OK = 0;
const BAD_FD = 8;
const INVALID = 28;
const NO_ENTRY = 44;
/** The one directory a command sees, and the one file it may write. */
const DIRECTORY_FD = 3;
const FILE_FD = 4;
const DIRECTORY = "/out";

/** Thrown through the command's stack by `proc_exit`. */
class Exit {
  constructor(readonly code: number) {}
}

/** What a command left behind. */
export interface CommandResult {
  exitCode: number;
  /** Bytes of the file that it wrote in `/out`; a view that is valid until the memory of the command is dropped. */
  file: Uint8Array;
  /** What it wrote to stdout and stderr. */
  text: string;
}

/**
 * Runs a WASI (preview 1) command with nothing of the machine in reach: no files, no environment, no clock but zero. It
 * may write one file in `/out`, which is kept in memory. Blocks the thread until the command ends.
 */
export async function runCommand(
  module: WebAssembly.Module,
  args: readonly string[],
): Promise<CommandResult> {
  const host = new Host(args);
  const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: host.imports() });
  const { memory, _start } = instance.exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof _start !== "function") {
    throw new TypeError("The module is not a WASI command.");
  }
  host.memory = memory;
  try {
    _start();
  } catch (thrown) {
    if (!(thrown instanceof Exit)) throw thrown;
    return host.result(thrown.code);
  }
  return host.result(0);
}

class Host {
  memory!: WebAssembly.Memory;
  #args: Uint8Array[];
  #file = new Uint8Array(1 << 18);
  #fileSize = 0;
  #fileAt = 0;
  #text = "";

  constructor(args: readonly string[]) {
    this.#args = args.map((arg) => new TextEncoder().encode(`${arg}\0`));
  }

  result(exitCode: number): CommandResult {
    return { exitCode, file: this.#file.subarray(0, this.#fileSize), text: this.#text };
  }

  imports(): Record<string, (...args: never[]) => number> {
    return {
      args_sizes_get: (count: number, bytes: number) => {
        const view = this.#view();
        view.setUint32(count, this.#args.length, true);
        view.setUint32(
          bytes,
          this.#args.reduce((sum, arg) => sum + arg.length, 0),
          true,
        );
        return OK;
      },
      args_get: (pointers: number, bytes: number) => {
        let at = bytes;
        for (const [index, arg] of this.#args.entries()) {
          this.#view().setUint32(pointers + 4 * index, at, true);
          new Uint8Array(this.memory.buffer, at, arg.length).set(arg);
          at += arg.length;
        }
        return OK;
      },
      clock_time_get: (_id: number, _precision: bigint, at: number) => {
        this.#view().setBigUint64(at, 0n, true);
        return OK;
      },
      fd_close: () => OK,
      fd_fdstat_get: (fd: number, at: number) => {
        if (fd > FILE_FD) return BAD_FD;
        const bytes = new Uint8Array(this.memory.buffer, at, 24).fill(0);
        // filetype: 2 character device, 3 directory, 4 regular file; then all rights.
        bytes[0] = fd === DIRECTORY_FD ? 3 : fd === FILE_FD ? 4 : 2;
        bytes.fill(0xff, 8, 24);
        return OK;
      },
      fd_fdstat_set_flags: () => OK,
      fd_prestat_get: (fd: number, at: number) => {
        if (fd !== DIRECTORY_FD) return BAD_FD;
        this.#view().setUint32(at, 0, true);
        this.#view().setUint32(at + 4, DIRECTORY.length, true);
        return OK;
      },
      fd_prestat_dir_name: (fd: number, at: number, length: number) => {
        if (fd !== DIRECTORY_FD) return BAD_FD;
        new TextEncoder().encodeInto(DIRECTORY, new Uint8Array(this.memory.buffer, at, length));
        return OK;
      },
      fd_read: (_fd: number, _vectors: number, _count: number, read: number) => {
        this.#view().setUint32(read, 0, true);
        return OK;
      },
      fd_seek: (fd: number, offset: bigint, whence: number, at: number) => {
        if (fd !== FILE_FD) return INVALID;
        const from = whence === 0 ? 0 : whence === 1 ? this.#fileAt : this.#fileSize;
        this.#fileAt = from + Number(offset);
        this.#view().setBigUint64(at, BigInt(this.#fileAt), true);
        return OK;
      },
      fd_write: (fd: number, vectors: number, count: number, written: number) => {
        const view = this.#view();
        let sum = 0;
        for (let index = 0; index < count; index++) {
          const at = view.getUint32(vectors + 8 * index, true);
          const length = view.getUint32(vectors + 8 * index + 4, true);
          this.#write(fd, new Uint8Array(this.memory.buffer, at, length));
          sum += length;
        }
        view.setUint32(written, sum, true);
        return OK;
      },
      path_open: (
        fd: number,
        _lookup: number,
        _path: number,
        _length: number,
        create: number,
        _rights: bigint,
        _inheriting: bigint,
        _flags: number,
        at: number,
      ) => {
        // oflags bit 0 is "create": the command opens nothing else that exists.
        if (fd !== DIRECTORY_FD || (create & 1) === 0) return NO_ENTRY;
        this.#fileSize = 0;
        this.#fileAt = 0;
        this.#view().setUint32(at, FILE_FD, true);
        return OK;
      },
      proc_exit: (code: number) => {
        throw new Exit(code);
      },
    };
  }

  #write(fd: number, bytes: Uint8Array): void {
    if (fd !== FILE_FD) {
      this.#text += new TextDecoder().decode(bytes);
      return;
    }
    const end = this.#fileAt + bytes.length;
    if (end > this.#file.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#file.length));
      larger.set(this.#file.subarray(0, this.#fileSize));
      this.#file = larger;
    }
    this.#file.set(bytes, this.#fileAt);
    this.#fileAt = end;
    this.#fileSize = Math.max(this.#fileSize, end);
  }

  /** Made anew at each use: growing memory detaches the old buffer. */
  #view(): DataView {
    return new DataView(this.memory.buffer);
  }
}
