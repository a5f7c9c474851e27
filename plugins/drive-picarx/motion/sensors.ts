import type { BodyState, DistanceReading } from "myna";
import type { RobotHat } from "./robot-hat.ts";
import type { MotionSettings } from "./settings.ts";

const GRAYSCALE_PERIOD_MS = 20;
const GRAYSCALE_PERIOD_AT_REST_MS = 200;
const BATTERY_PERIOD_MS = 2000;
/** While the wheels turn: how often it is checked that the controller is in step. */
const STEP_CHECK_MS = 100;
/** A pack of two cells is between these, volts: another reading is out of step with the controller. */
const LEAST_V = 5;
const MOST_V = 9;
/** Motors sag the pack: critical is what lasts. */
const CRITICAL_READINGS = 3;
/** Share of a new reading in what is told. */
const SMOOTHING = 0.3;
/** An input has 12 bits. */
const MOST_COUNT = 4095;

/** The analog inputs, read when they are due, and what was last seen. */
export class Sensors {
  readonly #hat: RobotHat;
  readonly #settings: Pick<MotionSettings, "grayscale" | "battery">;
  distance: DistanceReading = { kind: "failed", message: "nothing was measured yet" };
  #grayscale: readonly [number, number, number] | undefined;
  #batteryV: number | undefined;
  #grayscaleAtMs = -Infinity;
  #batteryAtMs = -Infinity;
  #checkedAtMs = -Infinity;
  #critical = 0;
  #unreadable: string | undefined;

  constructor(hat: RobotHat, settings: Pick<MotionSettings, "grayscale" | "battery">) {
    this.#hat = hat;
    this.#settings = settings;
  }

  /** Reads what is due; answers a fresh grayscale. Throws when the bus fails or the controller is out of step. */
  read(nowMs: number, moving: boolean): readonly [number, number, number] | undefined {
    const { grayscale, battery } = this.#settings;
    if (moving && nowMs - this.#checkedAtMs >= STEP_CHECK_MS) {
      this.#checkedAtMs = nowMs;
      this.checkStep();
    }
    if (battery && nowMs - this.#batteryAtMs >= BATTERY_PERIOD_MS) {
      this.#batteryAtMs = nowMs;
      this.#sawBattery(this.#plausibleV(), battery.criticalV);
    }
    const periodMs = moving ? GRAYSCALE_PERIOD_MS : GRAYSCALE_PERIOD_AT_REST_MS;
    if (!grayscale || nowMs - this.#grayscaleAtMs < periodMs) return undefined;
    this.#grayscaleAtMs = nowMs;
    const [left, middle, right] = grayscale.inputs;
    this.#grayscale = [this.#count(left), this.#count(middle), this.#count(right)];
    return this.#grayscale;
  }

  /**
   * Throws when the controller is out of step: it puts frames of three bytes together across transactions, and one byte too
   * many or too few makes it take every later frame for another. Then it reads a battery that cannot be.
   */
  checkStep(): void {
    if (this.#unreadable === undefined) this.#plausibleV();
  }

  /**
   * After a reset no reading is out of step: the battery cannot be read, and nothing is to move while that is so. Told at
   * the second start in vain.
   */
  batteryIsUnreadable(): void {
    this.#unreadable = "the battery's voltage cannot be read";
  }

  /** Why nothing may move any more. */
  verdict(): string | undefined {
    if (this.#unreadable !== undefined) return this.#unreadable;
    if (this.#critical < CRITICAL_READINGS) return undefined;
    return `the battery is at ${this.#batteryV!.toFixed(1)} V`;
  }

  state(): Pick<BodyState, "grayscale" | "batteryV" | "distance"> {
    return { distance: this.distance, grayscale: this.#grayscale, batteryV: this.#batteryV };
  }

  /** Undefined where there is no battery to be read, or where it cannot be. */
  #plausibleV(): number | undefined {
    const { battery } = this.#settings;
    if (!battery) return undefined;
    let volts = 0;
    // A single reading may be a glitch.
    for (let i = 0; i < 2; i++) {
      volts = this.#count(battery.input) * battery.voltsPerCount;
      if (volts >= LEAST_V && volts <= MOST_V) {
        this.#unreadable = undefined;
        return volts;
      }
    }
    if (this.#unreadable !== undefined) return undefined;
    throw new Error(`the controller reads a battery of ${volts.toFixed(1)} V: it is out of step`);
  }

  #count(input: number): number {
    const count = this.#hat.analog(input);
    if (count > MOST_COUNT) throw new Error(`the controller reads ${count} of 4095: it is out of step`);
    return count;
  }

  #sawBattery(volts: number | undefined, criticalV: number): void {
    if (volts === undefined) return;
    this.#critical = volts <= criticalV ? this.#critical + 1 : 0;
    this.#batteryV =
      this.#batteryV === undefined ? volts : this.#batteryV + SMOOTHING * (volts - this.#batteryV);
  }
}
