import type { BatteryReading, LineReading } from "myna";

/** What was read; undefined where there is no such sensor, null for no echo. */
export interface Sensed {
  distanceM: number | null | undefined;
  line: LineReading | undefined;
  battery: BatteryReading | undefined;
}

/** "My battery is at 50 percent, 7.2 volts." and what that means where it is low. */
export function sayBattery({ voltage, percent, level }: BatteryReading): string {
  const said = `My battery is at ${percent} percent, ${Number(voltage.toFixed(1))} volts`;
  if (level === "ok") return `${said}.`;
  return level === "low" ? `${said}: it is low.` : `${said}: I cannot move any more.`;
}

/** All readings as a few sentences to speak. */
export function saySensors({ distanceM, line, battery }: Sensed, failed: readonly string[]): string {
  const parts: string[] = [];
  if (distanceM === null) parts.push("I get no echo ahead.");
  else if (distanceM !== undefined) parts.push(`The nearest obstacle ahead is ${sayMeters(distanceM)} away.`);
  if (line?.cliff) parts.push("The floor ends under my nose.");
  else if (line)
    parts.push(line.offset === undefined ? "I see no line under me." : "There is a line under me.");
  if (battery) parts.push(sayBattery(battery));
  if (failed.length > 0) parts.push(`I cannot read: ${failed.join(", ")}.`);
  return parts.length > 0 ? parts.join(" ") : "I have no sensors.";
}

function sayMeters(lengthM: number): string {
  return lengthM < 0.995
    ? `${Math.round(lengthM * 100)} centimeters`
    : `${Number(lengthM.toFixed(1))} meters`;
}
