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
  #riseAtMs = Infinity;
  #upAtMs = Infinity;
  #failures = 0;

  constructor(reset: OutputLine) {
    this.#reset = reset;
  }

  /** Pulls it low now; `tick` does the rest. */
  restart(nowMs: number): void {
    this.#reset.set(false);
    this.#riseAtMs = nowMs + LOW_MS;
    this.#upAtMs = nowMs + LOW_MS + Math.min(MOST_WAIT_MS, START_MS * 2 ** this.#failures);
    this.#failures++;
  }

  /** True once, when it has just come up: its timers are to be programmed. */
  tick(nowMs: number): boolean {
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

  /** Left low, nothing turns until somebody raises it. */
  holdDown(): void {
    this.#reset.set(false);
  }
}
