import type { OutputLine } from "myna";

/** Low for at least 10 ms (robot-hat, utils.reset_mcu). */
const LOW_MS = 12;
/** Then the controller starts; picar-x waits as long before it talks to it. */
const START_MS = 200;
/** After a start that failed the next one waits longer. */
const MOST_WAIT_MS = 5000;

/**
 * The reset line of the HAT's controller and where it is in its start. Low stops every motor and servo at once, whatever
 * the bus does.
 */
export class Controller {
  readonly #reset: OutputLine;
  #pulled = true;
  #riseAtMs = Infinity;
  #upAtMs = Infinity;
  #failures = 0;

  constructor(reset: OutputLine) {
    this.#reset = reset;
  }

  /** Pulls it low now; `tick` does the rest. Never throws: a line that does not obey is pulled again at each tick. */
  restart(nowMs: number): void {
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#pull(nowMs);
  }

  /** True once, when it has just come up: its timers are to be programmed. */
  tick(nowMs: number): boolean {
    if (!this.#pulled) this.#pull(nowMs);
    if (!this.#pulled) return false;
    if (nowMs >= this.#riseAtMs) {
      this.#reset.set(true);
      this.#riseAtMs = Infinity;
    }
    if (nowMs < this.#upAtMs) return false;
    this.#upAtMs = Infinity;
    return true;
  }

  /** It answers as it should: the next restart need not wait longer. */
  works(): void {
    this.#failures = 0;
  }

  get restarting(): boolean {
    return this.#upAtMs !== Infinity;
  }

  /** False where the last reset did not reach the line: then only the bus can stop the motors. */
  get pulled(): boolean {
    return this.#pulled;
  }

  #pull(nowMs: number): void {
    this.#riseAtMs = nowMs + LOW_MS;
    this.#upAtMs = this.#riseAtMs + Math.min(MOST_WAIT_MS, START_MS * 2 ** (this.#failures - 1));
    try {
      this.#reset.set(false);
      this.#pulled = true;
    } catch {
      this.#pulled = false;
    }
  }
}
