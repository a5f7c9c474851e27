import { MynaError } from "../../core/errors.ts";
import { ListeningChain } from "../../core/audio/listening-chain.ts";
import { FRAME_MS, FRAME_SAMPLES } from "../../core/audio/port.ts";
import type { FrameHandler } from "../../core/audio/port.ts";
import type { PluginContext, PluginDefinition } from "../../core/plugin.ts";

/** A beginning or an end of speech, as the plugin published it. */
export interface Change {
  kind: "started" | "stopped";
  /** When it was published, and when it happened; milliseconds from the start. */
  atMs: number;
  speechAtMs: number;
}

/** Plugins of the listening chain with their settings: `{ use: "aec-speex", tail_ms: 200 }`. */
export type EarPlugin = { use: string } & Record<string, unknown>;

/**
 * The listening chain and voice detectors, outside a robot and as fast as they can: the plugins' own `setup`, the core's own
 * chain, frames from memory.
 */
export class Ears {
  readonly #changes = new Map<string, Change[]>();
  readonly #chain = new ListeningChain((error) => {
    throw error;
  });
  readonly #handlers: FrameHandler[] = [];
  readonly #undo: (() => void | Promise<void>)[] = [];
  readonly #reports = new Map<string, () => Record<string, unknown>>();
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  readonly #silence = new Int16Array(FRAME_SAMPLES);
  #atMs = 0;

  /** Sets the plugins up, in their order. */
  static async open(plugins: readonly EarPlugin[]): Promise<Ears> {
    const ears = new Ears();
    for (const { use, ...settings } of plugins) {
      const loaded = (await import(`../../plugins/${use}/index.ts`)) as { default: PluginDefinition };
      const plugin = loaded.default;
      const config: unknown = plugin.config.parse(settings);
      await plugin.setup(ears.#context(use, config, plugin.state?.()) as PluginContext<never>);
    }
    return ears;
  }

  /** The next 20 ms of the microphone and what the loudspeaker let out meanwhile; the frame is not changed. */
  hear(frame: Int16Array, reference: Int16Array = this.#silence): void {
    this.#atMs += FRAME_MS;
    this.#frame.set(frame);
    this.#chain.process(this.#frame, reference, this.#atMs);
    for (const handler of this.#handlers) handler(this.#frame, this.#atMs);
  }

  /** All of it; the remainder of a frame is left out. */
  hearAll(pcm: Int16Array, reference?: Int16Array): void {
    for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES)
      this.hear(
        pcm.subarray(at, at + FRAME_SAMPLES),
        reference?.subarray(at, at + FRAME_SAMPLES) ?? this.#silence,
      );
  }

  /** The frame as it left the chain; borrowed. */
  get heard(): Int16Array {
    return this.#frame;
  }

  /** What a detector among the plugins has announced so far. */
  changes(use: string): Change[] {
    const known = this.#changes.get(use) ?? [];
    this.#changes.set(use, known);
    return known;
  }

  /** What the plugin shows of itself. */
  report(use: string): Record<string, unknown> {
    return this.#reports.get(use)?.() ?? {};
  }

  async close(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo();
  }

  /** What plugins of the listening chain use of their context. */
  #context(use: string, config: unknown, state: unknown): Partial<PluginContext> {
    const refuse = () => {
      throw new MynaError("DEVICE_NOT_FOUND", "there is no robot around these ears");
    };
    return {
      ...{ id: use, config, state, signal: new AbortController().signal },
      audio: {
        addStage: (stage) => this.#chain.addStage(stage),
        onRawFrame: (handler) => this.#chain.onRawFrame(handler),
        onFrame: (handler) => {
          this.#handlers.push(handler);
          return () => void this.#handlers.splice(this.#handlers.indexOf(handler), 1);
        },
        ...{ openCapture: refuse, openPlayback: refuse, feed: refuse, playSound: refuse, playEarcon: refuse },
        ...{ takeMicrophone: refuse, onPlayed: refuse, onSounding: refuse, speaking: () => false },
      },
      publish: (topic, event) => {
        if (topic !== "user.speech_started" && topic !== "user.speech_stopped") return;
        const { speech_at_ms } = event as { speech_at_ms: number };
        const kind = topic === "user.speech_started" ? "started" : "stopped";
        this.changes(use).push({ kind, atMs: this.#atMs, speechAtMs: speech_at_ms });
      },
      every: () => () => {},
      defer: (undo) => void this.#undo.push(undo),
      inspect: (report) => void this.#reports.set(use, report),
    };
  }
}
