import { FRAME_MS } from "../audio/port.ts";
import { GatedCapture } from "./gated-capture.ts";

/** Less than this is refused by the server (input_audio_buffer_commit_empty). */
const LEAST_MS = 100;

/** The microphone as a session hears it that marks turns itself: only what belongs to a turn, and what was just before. */
export class ManualTurns extends GatedCapture {
  #open = false;
  /** Heard since the last commit. */
  #heardMs = 0;

  begin(): void {
    if (this.#open) return;
    this.#open = true;
    this.drain();
  }

  /** True where there is something to commit; what is too short for that goes with the next turn. */
  end(): boolean {
    if (!this.#open) return false;
    this.#open = false;
    if (this.#heardMs < LEAST_MS) return false;
    this.#heardMs = 0;
    return true;
  }

  protected passes(): boolean {
    return this.#open;
  }

  protected override deliver(frame: Int16Array): void {
    this.#heardMs += FRAME_MS;
    super.deliver(frame);
  }
}
