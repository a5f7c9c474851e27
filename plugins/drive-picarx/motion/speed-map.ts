/** Duty of a motor (0 to 1) and the speed it gives on a level floor with a full battery, m/s; both rising. */
export type SpeedPoint = readonly [duty: number, mps: number];

/**
 * Between duty and speed, by straight lines between measured points. Below the first point the gears stand still, so a
 * slower speed than that is driven at the first point's.
 */
export class SpeedMap {
  readonly #points: readonly SpeedPoint[];

  /** At least one point, each above the one before. */
  constructor(points: readonly SpeedPoint[]) {
    this.#points = points;
  }

  get slowestMps(): number {
    return this.#points[0]![1];
  }

  get fastestMps(): number {
    return this.#points.at(-1)![1];
  }

  /** Duty for a speed, sign kept; 0 only for 0. */
  duty(speedMps: number): number {
    if (speedMps === 0) return 0;
    return Math.sign(speedMps) * this.#interpolate(Math.abs(speedMps), 1, 0);
  }

  /** Speed of a duty, sign kept. */
  speedMps(duty: number): number {
    if (Math.abs(duty) < this.#points[0]![0] - 1e-3) return 0;
    return Math.sign(duty) * this.#interpolate(Math.abs(duty), 0, 1);
  }

  #interpolate(value: number, from: 0 | 1, to: 0 | 1): number {
    const points = this.#points;
    if (value <= points[0]![from]) return points[0]![to];
    for (let i = 1; i < points.length; i++) {
      const [low, high] = [points[i - 1]!, points[i]!];
      if (value > high[from]) continue;
      const share = (value - low[from]) / (high[from] - low[from]);
      return low[to] + share * (high[to] - low[to]);
    }
    return points.at(-1)![to];
  }
}
