import { MynaError } from "../errors.ts";
import { FrameFan } from "./frame-fan.ts";
import type { Capture, FrameHandler } from "./port.ts";
import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";
import { Spool } from "./spool.ts";

interface Feed {
  /** Position in the feed ring after its last sample. */
  end: number;
  /** Position in the capture ring that its last sample lies before, once it was mixed in. */
  captured: number | undefined;
  resolve(): void;
  reject(error: Error): void;
}

/** The main thread's end of the microphone: frames out to the handlers, feeds in. */
export class CaptureEnd implements Capture {
  readonly #frames: FrameFan;
  readonly #ring: Ring;
  readonly #feed: Spool;
  readonly #wake: () => void;
  #feeds: Feed[] = [];

  /** `wake` is called when there is work for `poll`. */
  constructor(
    ring: Ring,
    feed: Ring,
    shared: SharedState,
    wake: () => void,
    onFault: (error: unknown) => void,
  ) {
    this.#ring = ring;
    this.#feed = new Spool(feed);
    this.#wake = wake;
    this.#frames = new FrameFan(
      ring,
      (position) => {
        shared.readCaptured();
        return shared.capturedAtMs + distance(shared.captured, position) / SAMPLES_PER_MS;
      },
      onFault,
    );
  }

  onFrame(handler: FrameHandler): () => void {
    return this.#frames.add(handler);
  }

  feed(pcm: Int16Array): Promise<void> {
    if (pcm.length === 0) return Promise.resolve();
    this.#feed.append(pcm);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#feeds.push({ end: this.#feed.end, captured: undefined, resolve, reject });
    this.#wake();
    return promise;
  }

  /** Moves frames and feeds on. */
  poll(): void {
    this.#feed.topUp();
    this.#frames.deliver();
    while (this.#feeds.length > 0) {
      const first = this.#feeds[0]!;
      if (first.captured === undefined && distance(first.end, this.#feed.ring.tail) >= 0) {
        first.captured = this.#ring.head;
      }
      if (first.captured === undefined || distance(first.captured, this.#frames.position) < 0) return;
      this.#feeds.shift();
      first.resolve();
    }
  }

  /** There is no microphone and none is expected: what is fed would wait for ever. */
  abandon(): void {
    this.#feed.dropWaiting();
    this.#feed.ring.release(this.#feed.ring.head);
    const feeds = this.#feeds;
    this.#feeds = [];
    for (const { reject } of feeds) {
      reject(new MynaError("DEVICE_NOT_FOUND", "there is no microphone to speak into"));
    }
  }

  get feeding(): boolean {
    return this.#feeds.length > 0;
  }

  counters(): Record<string, unknown> {
    return {
      captured_frames: this.#frames.frames,
      capture_overrun_samples: this.#ring.overrunSamples,
      capture_handler_faults: this.#frames.faults,
      feed_queued_ms: Math.round(this.#feed.queued / SAMPLES_PER_MS),
    };
  }
}

const SAMPLES_PER_MS = 24;
