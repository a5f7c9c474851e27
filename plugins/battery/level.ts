import type { BatteryReading } from "myna";

/** Voltages of the pack. */
export interface BatteryLimits {
  fullV: number;
  emptyV: number;
  lowV: number;
  criticalV: number;
}

/** A level is left upward only this much above its limit: a load that ends raises the voltage. */
const HYSTERESIS_V = 0.15;

/** The level at a voltage, coming from `before`. */
export function levelOf(
  voltage: number,
  limits: BatteryLimits,
  before: BatteryReading["level"],
): BatteryReading["level"] {
  const critical = limits.criticalV + (before === "critical" ? HYSTERESIS_V : 0);
  const low = limits.lowV + (before === "ok" ? 0 : HYSTERESIS_V);
  if (voltage <= critical) return "critical";
  return voltage <= low ? "low" : "ok";
}

/** 0 to 100, in a straight line between empty and full. */
export function percentOf(voltage: number, { emptyV, fullV }: BatteryLimits): number {
  const share = (voltage - emptyV) / (fullV - emptyV);
  return Math.round(100 * Math.min(1, Math.max(0, share)));
}
