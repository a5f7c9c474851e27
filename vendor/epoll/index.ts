/** Called when `fd` has one of `events`; `error` is always null, as the native package has it. */
export type EpollCallback = (error: null, fd: number, events: number) => void;

/** What the thread of poller.ts is told; `events` 0 means: no more. */
export interface PollerRequest {
  fd: number;
  events: number;
}

const owners = new Map<number, Epoll>();
let poller: Worker | undefined;

/**
 * The part of the npm package epoll (4.0.2, native, not loadable by Bun) that onoff needs. poll(2) blocks in a thread of its own;
 * an event disarms its descriptor until the callback has run, so that a level-triggered event comes once for each read.
 */
export class Epoll {
  static readonly EPOLLIN = 0x001;
  static readonly EPOLLPRI = 0x002;
  static readonly EPOLLOUT = 0x004;
  static readonly EPOLLERR = 0x008;
  static readonly EPOLLHUP = 0x010;

  readonly #callback: EpollCallback;
  readonly #watched = new Map<number, number>();
  #closed = false;

  constructor(callback: EpollCallback) {
    this.#callback = callback;
  }

  get closed(): boolean {
    return this.#closed;
  }

  add(fd: number, events: number): this {
    if (this.#closed) throw new Error("add can't be called after calling close");
    if (owners.has(fd)) throw new Error("EEXIST, file already exists");
    owners.set(fd, this);
    return this.modify(fd, events);
  }

  modify(fd: number, events: number): this {
    if (owners.get(fd) !== this) throw new Error("ENOENT, no such file or directory");
    this.#watched.set(fd, events);
    tell({ fd, events });
    return this;
  }

  remove(fd: number): this {
    if (!this.#watched.delete(fd)) throw new Error("ENOENT, no such file or directory");
    owners.delete(fd);
    tell({ fd, events: 0 });
    if (owners.size === 0) {
      poller?.terminate();
      poller = undefined;
    }
    return this;
  }

  close(): void {
    for (const fd of [...this.#watched.keys()]) this.remove(fd);
    this.#closed = true;
  }

  /** For the poller only. */
  happened(fd: number, events: number): void {
    try {
      this.#callback(null, fd, events);
    } finally {
      const wanted = this.#watched.get(fd);
      if (wanted !== undefined) tell({ fd, events: wanted });
    }
  }
}

function tell(request: PollerRequest): void {
  if (!poller) {
    poller = new Worker(new URL("./poller.ts", import.meta.url));
    poller.onmessage = ({ data }: MessageEvent<PollerRequest>) =>
      owners.get(data.fd)?.happened(data.fd, data.events);
    poller.unref();
  }
  poller.postMessage(request);
}
