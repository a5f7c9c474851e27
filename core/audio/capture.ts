import { FeedQueue } from "./feed.ts";
import { FrameFan } from "./frame-fan.ts";
import { ListeningChain } from "./listening-chain.ts";
import type { AudioFault, Capture, FrameHandler } from "./port.ts";
import { FRAME_SAMPLES, RATE_HZ } from "./port.ts";
import type { ReferenceReader } from "./reference.ts";
import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";
import type { ElasticBuffer } from "./elastic-buffer.ts";

const SAMPLES_PER_MS = RATE_HZ / 1000;
const SILENCE = new Int16Array(FRAME_SAMPLES);

/**
 * The main thread's end of the microphone. A frame passes the listening chain, is silenced in half duplex, gets what is fed
 * mixed in, and goes to the handlers.
 */
export class CaptureEnd implements Capture {
  readonly chain: ListeningChain;
  readonly #frames: FrameFan;
  readonly #ring: Ring;
  readonly #shared: SharedState;
  readonly #reference: ReferenceReader;
  readonly #feed = new FeedQueue();
  readonly #wake: () => void;
  #gatedFrames = 0;
  #unknownFrames = 0;
  /** So long the echo of what nobody knew may still be in the room, and is missing in what a stage remembers. */
  #unknownUntilMs = -Infinity;
  /** The microphone is off, whatever the loudspeaker does; what is fed is heard all the same. */
  muted = false;
  /** Who is heard in place of the device. */
  taken: ElasticBuffer | null = null;
  /** Whoever listens hears silence, also of what is fed; time goes on in it, so that a turn ends. */
  deaf = false;

  /** `wake` is called when there is work for `poll`. */
  constructor(
    ring: Ring,
    shared: SharedState,
    reference: ReferenceReader,
    wake: () => void,
    onFault: AudioFault,
  ) {
    this.chain = new ListeningChain(onFault);
    this.#ring = ring;
    this.#shared = shared;
    this.#reference = reference;
    this.#wake = wake;
    this.#frames = new FrameFan(
      ring,
      (position) => {
        shared.readCaptured();
        const takenAtMs = shared.capturedAtMs - shared.captureDelayMs;
        return takenAtMs + distance(shared.captured, position) / SAMPLES_PER_MS;
      },
      onFault,
      (frame, atMs, end) => this.#prepare(frame, atMs, end),
    );
  }

  onFrame(handler: FrameHandler): () => void {
    return this.#frames.add(handler);
  }

  feed(pcm: Int16Array, signal?: AbortSignal): Promise<void> {
    if (pcm.length === 0 || signal?.aborted) return Promise.resolve();
    const fed = this.#feed.add(pcm, signal);
    this.#wake();
    return fed;
  }

  /** Moves frames and feeds on. */
  poll(): void {
    this.#frames.deliver();
    this.#feed.settle();
  }

  /** There is no microphone and none is expected: what is fed would wait for ever. */
  abandon(): void {
    this.#feed.abandon();
  }

  get feeding(): boolean {
    return this.#feed.waiting;
  }

  counters(): Record<string, unknown> {
    return {
      captured_frames: this.#frames.frames,
      capture_overrun_samples: this.#ring.overrunSamples,
      capture_handler_faults: this.#frames.faults,
      capture_stage_faults: this.chain.faults,
      feed_queued_ms: Math.round(this.#feed.queuedSamples / SAMPLES_PER_MS),
      half_duplex_frames: this.#gatedFrames,
      reference_unknown_frames: this.#unknownFrames,
    };
  }

  #prepare(frame: Int16Array, atMs: number, end: number): void {
    this.#shared.counters.observe("capture_wait_ms", performance.now() - atMs);
    if (this.chain.busy) this.#passChain(frame, atMs, end);
    if (this.taken) {
      frame.set(SILENCE);
      this.taken.mixInto(frame);
    } else if (this.muted || this.#shared.gated((end - FRAME_SAMPLES) >>> 0, end)) {
      this.#gatedFrames++;
      frame.set(SILENCE);
    }
    this.#feed.mixInto(frame);
    if (this.deaf) frame.set(SILENCE);
  }

  /** Where it is not known what the loudspeaker let out, no stage can take its echo away. */
  #passChain(frame: Int16Array, atMs: number, end: number): void {
    this.chain.process(frame, this.#reference.read(end), atMs);
    if (!this.chain.cancels) return;
    const { audibleUntilMs, tailMs } = this.#shared;
    // Not after a flush: who interrupts the robot is to be heard.
    if (!this.#reference.known && performance.now() < audibleUntilMs) this.#unknownUntilMs = atMs + tailMs;
    if (atMs > this.#unknownUntilMs) return;
    this.#unknownFrames++;
    frame.set(SILENCE);
  }
}
