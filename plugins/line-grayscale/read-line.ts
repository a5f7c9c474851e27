import type { LineReading } from "myna";

type Three = readonly [number, number, number];

/** Where each sensor is, left positive. */
const PLACES: Three = [1, 0, -1];

/** `lines` and `cliffs` are what each sensor shows at most over a line, and over no floor. */
export function readLine(raw: Three, lines: Three, cliffs: Three): LineReading {
  const cliff = raw.some((value, sensor) => value <= cliffs[sensor]!);
  const seen = PLACES.filter((_, sensor) => raw[sensor]! <= lines[sensor]! && raw[sensor]! > cliffs[sensor]!);
  const offset = seen.length === 0 ? undefined : seen.reduce((sum, place) => sum + place, 0) / seen.length;
  return { raw, offset, crossing: seen.length === PLACES.length, cliff };
}
