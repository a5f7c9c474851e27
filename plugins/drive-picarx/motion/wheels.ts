import type { OutputLine } from "myna";
import { dutyTicks } from "./robot-hat.ts";
import type { RobotHat } from "./robot-hat.ts";

/** How the two motors are wired. */
export type MotorWiring =
  /** A direction line and one PWM each (V4 and older); right is mounted the other way round. */
  | { kind: "direction"; left: { pwm: 13; line: OutputLine }; right: { pwm: 12; line: OutputLine } }
  /** Two PWMs each, one for each direction (V5). */
  | { kind: "two_pwm"; left: readonly [number, number]; right: readonly [number, number] };

/** The two driven wheels: duties, forward positive, to registers and lines. Writes only what changes. */
export class Wheels {
  readonly #hat: RobotHat;
  readonly #wiring: MotorWiring;
  readonly #signs: { left: 1 | -1; right: 1 | -1 };
  #left = 0;
  #right = 0;

  constructor(hat: RobotHat, wiring: MotorWiring, signs: { left: 1 | -1; right: 1 | -1 }) {
    this.#hat = hat;
    this.#wiring = wiring;
    this.#signs = signs;
  }

  get duty(): { left: number; right: number } {
    return { left: this.#left, right: this.#right };
  }

  /** `again` writes even what has not changed, in case a write was lost. */
  set(left: number, right: number, again = false): void {
    if (again || left !== this.#left) this.#motor("left", left);
    if (again || right !== this.#right) this.#motor("right", right);
    this.#left = left;
    this.#right = right;
  }

  /** Zero, whatever was written before. */
  stop(): void {
    this.#left = this.#right = 0;
    this.#hat.stopMotors();
  }

  /** The controller was reset: nothing of what was written holds. */
  forget(): void {
    this.#left = this.#right = 0;
  }

  #motor(side: "left" | "right", duty: number): void {
    const ticks = dutyTicks(Math.min(1, Math.abs(duty)));
    const ahead = duty * this.#signs[side] >= 0;
    if (this.#wiring.kind === "direction") {
      const { pwm, line } = this.#wiring[side];
      // Forward is low for the left motor and high for the right one (picarx.py).
      line.set(side === "left" ? !ahead : ahead);
      this.#hat.pulse(pwm, ticks);
    } else {
      const [forward, backward] = this.#wiring[side];
      this.#hat.pulse(ahead ? backward : forward, 0);
      this.#hat.pulse(ahead ? forward : backward, ticks);
    }
  }
}
