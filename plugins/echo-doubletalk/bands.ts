/** Bands of the voice, Hz: the robot's voice seldom fills all of them at once. */
const EDGES_HZ = [150, 400, 800, 1500, 2600, 4200] as const;

/** How many bands there are. */
export const BANDS: number = EDGES_HZ.length - 1;

/** Power below which there is nothing to hear: -80 dB of full scale. */
export const QUIET_POWER = (32768 * 1e-4) ** 2;

/** Energies of a signal in bands of the voice, frame by frame. Allocates nothing per frame. */
export class Bands {
  /** Mean square of the last frame in each band. */
  readonly power = new Float64Array(BANDS);
  /** Each band is a second-order band-pass, twice: b (x - x2) - a1 y1 - a2 y2. */
  readonly #b = new Float64Array(BANDS);
  readonly #a1 = new Float64Array(BANDS);
  readonly #a2 = new Float64Array(BANDS);
  readonly #state = new Float64Array(BANDS * 8);

  constructor(rateHz: number) {
    for (let band = 0; band < BANDS; band++) {
      const [low, high] = [EDGES_HZ[band]!, EDGES_HZ[band + 1]!];
      const w = (2 * Math.PI * Math.sqrt(low * high)) / rateHz;
      const alpha = (Math.sin(w) * (high - low)) / (2 * Math.sqrt(low * high));
      this.#b[band] = alpha / (1 + alpha);
      this.#a1[band] = (-2 * Math.cos(w)) / (1 + alpha);
      this.#a2[band] = (1 - alpha) / (1 + alpha);
    }
  }

  push(frame: Int16Array): void {
    for (let band = 0; band < BANDS; band++) this.power[band] = this.#filter(band, frame) / frame.length;
  }

  #filter(band: number, frame: Int16Array): number {
    const b = this.#b[band]!;
    const a1 = this.#a1[band]!;
    const a2 = this.#a2[band]!;
    const s = this.#state;
    const o = band * 8;
    let x1 = s[o]!;
    let x2 = s[o + 1]!;
    let y1 = s[o + 2]!;
    let y2 = s[o + 3]!;
    let u1 = s[o + 4]!;
    let u2 = s[o + 5]!;
    let v1 = s[o + 6]!;
    let v2 = s[o + 7]!;
    let sum = 0;
    for (let i = 0; i < frame.length; i++) {
      const x = frame[i]!;
      const y = b * (x - x2) - a1 * y1 - a2 * y2;
      x2 = x1;
      x1 = x;
      const v = b * (y - u2) - a1 * v1 - a2 * v2;
      u2 = u1;
      u1 = y;
      y2 = y1;
      y1 = y;
      v2 = v1;
      v1 = v;
      sum += v * v;
    }
    s[o] = x1;
    s[o + 1] = x2;
    s[o + 2] = tiny(y1);
    s[o + 3] = tiny(y2);
    s[o + 4] = u1;
    s[o + 5] = u2;
    s[o + 6] = tiny(v1);
    s[o + 7] = tiny(v2);
    return sum;
  }
}

/** A tail that has died away is cut off: denormal numbers are slow. */
function tiny(value: number): number {
  return Math.abs(value) < 1e-9 ? 0 : value;
}
