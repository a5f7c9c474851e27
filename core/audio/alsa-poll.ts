import { FFIType, dlopen, ptr } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import type { Alsa } from "./alsa.ts";
import type { Bell } from "./bell.ts";

/** struct pollfd of poll(2): a descriptor, then what is asked and what is answered, 16 bits each. */
const POLLFD_BYTES = 8;
const POLLIN = 1;
/** Of eventfd(2), linux/eventfd.h. */
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** Waits for a PCM and for a bell at once. Allocates nothing per wait. */
export class AlsaPoll {
  readonly #alsa: Alsa;
  readonly #pcm: Pointer;
  readonly #libc: ReturnType<typeof loadLibc>;
  readonly #count: number;
  /** Those of the PCM, then the bell's. */
  readonly #descriptors: DataView;
  readonly #descriptorsPtr: Pointer;
  readonly #bellFd: number;
  readonly #drained = new Uint8Array(8);
  readonly #drainedPtr = ptr(this.#drained);

  constructor(alsa: Alsa, pcm: Pointer, bell: Bell) {
    this.#alsa = alsa;
    this.#pcm = pcm;
    this.#libc = loadLibc();
    this.#count = alsa.snd_pcm_poll_descriptors_count(pcm);
    const memory = new Uint8Array((this.#count + 1) * POLLFD_BYTES);
    this.#descriptors = new DataView(memory.buffer);
    this.#descriptorsPtr = ptr(memory);
    this.#bellFd = this.#libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const at = this.#count * POLLFD_BYTES;
    this.#descriptors.setInt32(at, this.#bellFd, true);
    this.#descriptors.setInt16(at + 4, POLLIN, true);
    bell.useDescriptor(this.#bellFd);
  }

  /** Returns when the PCM has something to say, the bell rings, or `ms` have passed. */
  wait(ms: number): void {
    const at = this.#count * POLLFD_BYTES;
    this.#alsa.snd_pcm_poll_descriptors(this.#pcm, this.#descriptorsPtr, this.#count);
    this.#libc.poll(this.#descriptorsPtr, this.#count + 1, ms);
    if (this.#descriptors.getInt16(at + 6, true) !== 0) this.#libc.read(this.#bellFd, this.#drainedPtr, 8);
  }
}

function loadLibc() {
  return dlopen("libc.so.6", {
    eventfd: { args: ["u32", "i32"], returns: "i32" },
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
    read: { args: ["i32", "ptr", "u64"], returns: FFIType.i64_fast },
  }).symbols;
}
