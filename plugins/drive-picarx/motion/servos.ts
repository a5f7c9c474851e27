import type { RobotHat } from "./robot-hat.ts";
import { servoTicks } from "./robot-hat.ts";
import { ServoTrack } from "./servo-track.ts";
import type { MotionSettings } from "./settings.ts";

interface Servo {
  channel: number;
  sign: 1 | -1;
  offsetDeg: number;
  track: ServoTrack;
  /** Ticks last written; -1 before the first write. */
  written: number;
}

/** Starting all at once draws more than the board gives (picar-x starts them 100 ms apart). */
const START_GAP_MS = 100;

/** The servos of the HAT. Follows each one's way and writes what changes. */
export class Servos {
  readonly #hat: RobotHat;
  readonly #servos: Servo[];
  #beganAtMs = 0;

  constructor(hat: RobotHat, servos: MotionSettings["servos"]) {
    this.#hat = hat;
    this.#servos = servos.map(({ channel, sign, offsetDeg, minDeg, maxDeg }) => ({
      channel,
      sign,
      offsetDeg,
      track: new ServoTrack(minDeg, maxDeg),
      written: -1,
    }));
  }

  /** The controller has been reset at `nowMs`: everything is written again, one after the other. */
  begin(nowMs: number): void {
    this.#beganAtMs = nowMs;
    for (const servo of this.#servos) servo.written = -1;
  }

  track(channel: number): ServoTrack | undefined {
    return this.#servos.find((servo) => servo.channel === channel)?.track;
  }

  /** All stay where they are by now. */
  hold(): void {
    for (const { track } of this.#servos) track.hold();
  }

  /** True when none has a way to go. */
  get settled(): boolean {
    return this.#servos.every(({ written, track }) => written >= 0 && track.settled);
  }

  /** Writes where each is to be after `dtMs` at its own speed: it is never told to jump. */
  step(nowMs: number, dtMs: number): void {
    for (let i = 0; i < this.#servos.length; i++) {
      const servo = this.#servos[i]!;
      if (servo.written < 0 && nowMs < this.#beganAtMs + i * START_GAP_MS) continue;
      servo.track.step(dtMs);
      const angleDeg = servo.sign * servo.track.nowDeg + servo.offsetDeg;
      const bounded = Math.min(90, Math.max(-90, angleDeg));
      const ticks = servoTicks(bounded);
      if (ticks === servo.written) continue;
      this.#hat.servo(servo.channel, bounded);
      servo.written = ticks;
    }
  }
}
