import type { AudioFault, CaptureStage, RawFrameHandler } from "./port.ts";

const SLOTS: readonly CaptureStage["slot"][] = ["echo", "noise", "gain"];

/** What is done to a frame between the microphone and those who listen. Allocates nothing per frame. */
export class ListeningChain {
  readonly #onFault: AudioFault;
  /** Replaced, never changed in place: a stage may go while a frame is in the chain. */
  #stages: CaptureStage[] = [];
  #raw: RawFrameHandler[] = [];
  /** Frames that a stage threw at, as they were then. */
  faults = 0;

  constructor(onFault: AudioFault) {
    this.#onFault = onFault;
  }

  /** Whether anybody wants the reference. */
  get busy(): boolean {
    return this.#stages.length > 0 || this.#raw.length > 0;
  }

  /** The names of the stages that deal with the echo, in their order; "" where there is none, or one of them has no name. */
  get echoStages(): string {
    const stages = this.#stages.filter(({ slot }) => slot === "echo");
    return stages.some(({ name }) => !name) ? "" : stages.map(({ name }) => name).join(" + ");
  }

  addStage(stage: CaptureStage): () => void {
    const own: CaptureStage = {
      slot: stage.slot,
      name: stage.name ?? "",
      process: (frame, reference, atMs) => stage.process(frame, reference, atMs),
    };
    this.#stages = SLOTS.flatMap((slot) => [...this.#stages, own].filter((one) => one.slot === slot));
    return () => void (this.#stages = this.#stages.filter((other) => other !== own));
  }

  onRawFrame(handler: RawFrameHandler): () => void {
    const own: RawFrameHandler = (frame, reference, atMs) => handler(frame, reference, atMs);
    this.#raw = [...this.#raw, own];
    return () => void (this.#raw = this.#raw.filter((other) => other !== own));
  }

  process(frame: Int16Array, reference: Int16Array, atMs: number): void {
    const raw = this.#raw;
    for (let i = 0; i < raw.length; i++) {
      try {
        raw[i]!(frame, reference, atMs);
      } catch (error) {
        this.#fault(error);
      }
    }
    const stages = this.#stages;
    for (let i = 0; i < stages.length; i++) {
      try {
        stages[i]!.process(frame, reference, atMs);
      } catch (error) {
        this.#fault(error);
      }
    }
  }

  #fault(error: unknown): void {
    this.faults++;
    this.#onFault(error);
  }
}
