export function toDeg(rad: number): number {
  return (rad * 180) / Math.PI;
}

/** The same direction, -180 to 180. */
export function wrapDeg(degrees: number): number {
  return degrees - 360 * Math.round(degrees / 360);
}
