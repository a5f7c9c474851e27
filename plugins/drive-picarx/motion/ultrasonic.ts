import type { DistanceReading, InputLine, LineChip, LineEdge, OutputLine } from "myna";

/** The echo line may stay high for 38 ms when nothing is there (HC-SR04 data sheet). */
const PING_PERIOD_MS = 60;
/** Often enough that a motion which begins finds a fresh reading. */
const PING_PERIOD_AT_REST_MS = 150;
const NO_ECHO_MS = 30;
/** Distance of an echo: 343.3 m/s, there and back (picar-x, ultrasonic.py). */
const M_PER_NS = 343.3 / 2 / 1e9;
const MOST_M = 3.3;
const LEAST_M = 0.015;
/** The trigger needs 10 µs; a longer pulse does no harm. */
const TRIGGER_US = 12;

/** An HC-SR04: trigger and echo lines, measured by the kernel's times of the two edges. */
export class Ultrasonic {
  readonly #trigger: OutputLine;
  readonly #echo: InputLine;
  readonly #onReading: (reading: DistanceReading) => void;
  #pingedAtMs = -Infinity;
  #riseNs: bigint | undefined;
  /** Waits for the echo of the last ping. */
  #waiting = false;

  constructor(
    chip: LineChip,
    lines: { trigger: number; echo: number },
    consumer: string,
    onReading: (reading: DistanceReading) => void,
  ) {
    this.#onReading = onReading;
    this.#trigger = chip.output(lines.trigger, { consumer, high: false });
    this.#echo = chip.input(lines.echo, { consumer, pull: "down" }, (edge) => this.#edge(edge));
  }

  /** Pings when it is time to. Lines that fail are a reading that failed. */
  tick(nowMs: number, moving: boolean): void {
    const sinceMs = nowMs - this.#pingedAtMs;
    if (this.#waiting && sinceMs >= NO_ECHO_MS) this.#answer({ kind: "no_echo" });
    if (sinceMs < (moving ? PING_PERIOD_MS : PING_PERIOD_AT_REST_MS)) return;
    this.#pingedAtMs = nowMs;
    this.#riseNs = undefined;
    try {
      this.#ping();
    } catch (error) {
      this.#answer({ kind: "failed", message: Error.isError(error) ? error.message : String(error) });
    }
  }

  close(): void {
    this.#trigger.close();
    this.#echo.close();
  }

  #ping(): void {
    if (this.#echo.get()) {
      this.#answer({ kind: "failed", message: "the echo line is stuck high" });
      return;
    }
    this.#waiting = true;
    this.#trigger.set(true);
    const until = Bun.nanoseconds() + TRIGGER_US * 1000;
    while (Bun.nanoseconds() < until);
    this.#trigger.set(false);
  }

  #edge({ active, timestampNs }: LineEdge): void {
    if (!this.#waiting) return;
    if (active) {
      this.#riseNs = timestampNs;
      return;
    }
    if (this.#riseNs === undefined) return;
    const distanceM = Number(timestampNs - this.#riseNs) * M_PER_NS;
    if (distanceM > MOST_M) this.#answer({ kind: "no_echo" });
    else if (distanceM < LEAST_M)
      this.#answer({ kind: "failed", message: "the echo is shorter than the sensor can measure" });
    else this.#answer({ kind: "distance", distanceM });
  }

  #answer(reading: DistanceReading): void {
    this.#waiting = false;
    this.#riseNs = undefined;
    this.#onReading(reading);
  }
}
