import type { AudioFault, CaptureStage, RawFrameHandler } from "./port.ts";

const SLOTS: readonly CaptureStage["slot"][] = ["echo", "noise", "gain"];

/** What is done to a frame between the microphone and those who listen. Allocates nothing per frame. */
export class ListeningChain {
  readonly #onFault: AudioFault;
  /** Replaced, never changed in place: a stage may go while a frame is in the chain. */
  #stages: CaptureStage[] = [];
  #raw: RawFrameHandler[] = [];
  #cancels = false;
  /** How often a stage, or a handler of raw frames, threw. */
  faults = 0;

  constructor(onFault: AudioFault) {
    this.#onFault = onFault;
  }

  /** Whether anybody wants the reference. */
  get busy(): boolean {
    return this.#stages.length > 0 || this.#raw.length > 0;
  }

  /** Whether a stage deals with the echo. */
  get cancels(): boolean {
    return this.#cancels;
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
      onFault: stage.onFault ?? this.#onFault,
    };
    this.#set(SLOTS.flatMap((slot) => [...this.#stages, own].filter((one) => one.slot === slot)));
    return () => this.#set(this.#stages.filter((other) => other !== own));
  }

  #set(stages: CaptureStage[]): void {
    this.#stages = stages;
    this.#cancels = stages.some(({ slot }) => slot === "echo");
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
        this.faults++;
        this.#onFault(error);
      }
    }
    const stages = this.#stages;
    for (let i = 0; i < stages.length; i++) {
      const stage = stages[i]!;
      try {
        stage.process(frame, reference, atMs);
      } catch (error) {
        this.faults++;
        // It may be the robot's own voice.
        if (stage.slot === "echo") frame.fill(0);
        stage.onFault?.(error);
      }
    }
  }
}
