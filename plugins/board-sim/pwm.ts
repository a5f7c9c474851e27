import type { HatMemory } from "./hat-memory.ts";

const PULSE = 0x20;
/** Of timers 0 to 3; those of 4 to 6 (V5) are 12 registers on in both tables (robot-hat, pwm.py). */
const PRESCALER = 0x40;
const PERIOD = 0x44;
const LATER_TIMERS = 12;
const CLOCK_MHZ = 72;

/** Share of the time that an output is high, 0 to 1; 0 where its timer was not set up. */
export function dutyOf(hat: HatMemory, channel: number): number {
  const period = hat.registers[PERIOD + timerAt(channel)]!;
  return period === 0 ? 0 : Math.min(1, hat.registers[PULSE + channel]! / period);
}

/** Degrees -90 to 90 that a servo makes of its pulses of 0.5 to 2.5 ms; undefined without pulses: then it stays. */
export function servoAngleDeg(hat: HatMemory, channel: number): number | undefined {
  const ticks = hat.registers[PULSE + channel]!;
  const timer = timerAt(channel);
  if (ticks === 0 || hat.registers[PERIOD + timer] === 0) return undefined;
  const us = (ticks * (hat.registers[PRESCALER + timer]! + 1)) / CLOCK_MHZ;
  return Math.min(90, Math.max(-90, ((us - 500) * 180) / 2000 - 90));
}

/** Offset of a channel's timer in its table: four channels a timer up to 15, then 16 and 17, 18, 19. */
function timerAt(channel: number): number {
  if (channel < 16) return channel >> 2;
  return LATER_TIMERS + (channel < 18 ? 4 : channel - 13);
}
