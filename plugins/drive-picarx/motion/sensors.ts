import type { BodyState, DistanceReading } from "myna";
import type { RobotHat } from "./robot-hat.ts";
import type { MotionSettings } from "./settings.ts";

const GRAYSCALE_PERIOD_MS = 20;
const GRAYSCALE_PERIOD_AT_REST_MS = 200;
const BATTERY_PERIOD_MS = 2000;
/** A pack of two cells cannot be below this: the reading is out of step with the controller. */
const IMPOSSIBLE_V = 5;
const IMPOSSIBLE_HIGH_V = 9;
const IMPOSSIBLE_READINGS = 3;
/** Motors sag the pack: critical is what lasts. */
const CRITICAL_READINGS = 3;
/** Share of a new reading in what is told. */
const SMOOTHING = 0.3;

/** The analog inputs, read when they are due, and what was last seen. */
export class Sensors {
  readonly #hat: RobotHat;
  readonly #settings: Pick<MotionSettings, "grayscale" | "battery">;
  distance: DistanceReading = { kind: "no_echo" };
  #grayscale: readonly [number, number, number] | undefined;
  #batteryV: number | undefined;
  #grayscaleAtMs = -Infinity;
  #batteryAtMs = -Infinity;
  #impossible = 0;
  #critical = 0;

  constructor(hat: RobotHat, settings: Pick<MotionSettings, "grayscale" | "battery">) {
    this.#hat = hat;
    this.#settings = settings;
  }

  /** Reads what is due; answers a fresh grayscale. Throws when the bus fails or the controller is out of step. */
  read(nowMs: number, moving: boolean): readonly [number, number, number] | undefined {
    const { grayscale, battery } = this.#settings;
    if (battery && nowMs - this.#batteryAtMs >= BATTERY_PERIOD_MS) {
      this.#batteryAtMs = nowMs;
      this.#sawBattery(this.#hat.analog(battery.input) * battery.voltsPerCount, battery.criticalV);
    }
    const periodMs = moving ? GRAYSCALE_PERIOD_MS : GRAYSCALE_PERIOD_AT_REST_MS;
    if (!grayscale || nowMs - this.#grayscaleAtMs < periodMs) return undefined;
    this.#grayscaleAtMs = nowMs;
    const [left, middle, right] = grayscale.inputs;
    this.#grayscale = [this.#hat.analog(left), this.#hat.analog(middle), this.#hat.analog(right)];
    return this.#grayscale;
  }

  /** Why the battery lets nothing move any more. */
  criticalBattery(): string | undefined {
    if (this.#critical < CRITICAL_READINGS) return undefined;
    return `the battery is at ${this.#batteryV!.toFixed(1)} V`;
  }

  state(): Pick<BodyState, "grayscale" | "batteryV" | "distance"> {
    return { distance: this.distance, grayscale: this.#grayscale, batteryV: this.#batteryV };
  }

  #sawBattery(volts: number, criticalV: number): void {
    if (volts < IMPOSSIBLE_V || volts > IMPOSSIBLE_HIGH_V) {
      if (++this.#impossible < IMPOSSIBLE_READINGS) return;
      this.#impossible = 0;
      throw new Error(`the controller reads a battery of ${volts.toFixed(1)} V: it is out of step`);
    }
    this.#impossible = 0;
    this.#critical = volts <= criticalV ? this.#critical + 1 : 0;
    this.#batteryV =
      this.#batteryV === undefined ? volts : this.#batteryV + SMOOTHING * (volts - this.#batteryV);
  }
}
