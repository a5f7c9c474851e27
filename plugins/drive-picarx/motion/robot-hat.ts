import type { I2cBus } from "myna";

/** Address of the HAT's controller (robot-hat, pwm.py). */
export const HAT_ADDRESS = 0x14;

const PULSE = 0x20;
const PRESCALER = 0x40;
const PERIOD = 0x44;
const CHANNELS_PER_TIMER = 4;
/** One less than the steps of a period: a duty of 1 is this many ticks (picarx.py). */
const PERIOD_TICKS = 4095;
/** 72 MHz / 352 / 4096: a servo frame of 20 ms (robot-hat, servo.py). */
const SERVO_PRESCALER = 352;
/** 72 MHz / 10 / 4096: 1.76 kHz (picarx.py). */
const MOTOR_PRESCALER = 10;
/** Commands 0x10 to 0x17 convert input 7 to 0 (robot-hat, adc.py). */
const CONVERT_LAST = 0x17;
const MOTOR_CHANNELS = [12, 13] as const;
const MOTOR_CHANNELS_V5 = [12, 13, 14, 15, 16, 17, 18, 19] as const;

/** Ticks of a servo's pulse at an angle, degrees -90 to 90: 0.5 to 2.5 ms of 20 ms (robot-hat, servo.py). */
export function servoTicks(angleDeg: number): number {
  const us = 500 + ((angleDeg + 90) * 2000) / 180;
  return Math.trunc((us / 20_000) * PERIOD_TICKS);
}

/** Ticks of a duty, 0 to 1. */
export function dutyTicks(duty: number): number {
  return Math.trunc(duty * PERIOD_TICKS);
}

/** The controller of the Robot HAT, byte by byte. Every method throws when the bus fails; then only a reset is sure. */
export class RobotHat {
  readonly #bus: I2cBus;
  readonly #v5: boolean;
  readonly #frame = new Uint8Array(3);
  readonly #byte = new Uint8Array(1);

  constructor(bus: I2cBus, { v5 }: { v5: boolean }) {
    this.#bus = bus;
    this.#v5 = v5;
  }

  /** Programs the timers of servos and motors, motors at zero first: needed after every reset. */
  begin(): void {
    this.stopMotors();
    const motorChannels = this.#v5 ? MOTOR_CHANNELS_V5 : MOTOR_CHANNELS;
    const timers = new Set(motorChannels.map((channel) => timerOf(channel)));
    this.#timer(0, SERVO_PRESCALER);
    for (const timer of timers) this.#timer(timer, MOTOR_PRESCALER);
  }

  /** `channel` 0 to 11. */
  servo(channel: number, angleDeg: number): void {
    this.write(PULSE + channel, servoTicks(angleDeg));
  }

  /** Pulse width of any channel, ticks of {@link dutyTicks}. */
  pulse(channel: number, ticks: number): void {
    this.write(PULSE + channel, ticks);
  }

  /** All motor channels to zero. */
  stopMotors(): void {
    for (const channel of this.#v5 ? MOTOR_CHANNELS_V5 : MOTOR_CHANNELS) this.write(PULSE + channel, 0);
  }

  /** Input 0 to 7; 0 to 4095 of 3.3 V. Three transactions. */
  analog(input: number): number {
    this.write(CONVERT_LAST - input, 0);
    return (this.#read() << 8) | this.#read();
  }

  /** One frame: register, high byte, low byte. */
  write(register: number, value: number): void {
    this.#frame[0] = register;
    this.#frame[1] = value >> 8;
    this.#frame[2] = value & 0xff;
    this.#bus.write(HAT_ADDRESS, this.#frame);
  }

  #read(): number {
    this.#bus.read(HAT_ADDRESS, this.#byte);
    return this.#byte[0]!;
  }

  #timer(timer: number, prescaler: number): void {
    const [prescalerAt, periodAt] = timer < 4 ? [PRESCALER, PERIOD] : [PRESCALER + 12, PERIOD + 12];
    this.write(periodAt + timer, PERIOD_TICKS);
    this.write(prescalerAt + timer, prescaler - 1);
  }
}

/** Channels 0 to 15 share timers in fours; 16 and 17 have timer 4, 18 has 5, 19 has 6 (robot-hat, pwm.py). */
function timerOf(channel: number): number {
  if (channel < 16) return Math.floor(channel / CHANNELS_PER_TIMER);
  return channel < 18 ? 4 : channel - 13;
}
