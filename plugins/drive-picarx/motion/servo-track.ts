/** A servo of SunFounder turns 60 degrees in 0.14 s at 4.8 V. */
export const SLEW_DEG_PER_S = 428;

/** Where a servo is asked to be, and where it is told to be by now; angles before the calibration's offset. */
export class ServoTrack {
  readonly #minDeg: number;
  readonly #maxDeg: number;
  #baseDeg = 0;
  #addDeg = 0;
  #nowDeg = 0;

  constructor(minDeg: number, maxDeg: number) {
    this.#minDeg = minDeg;
    this.#maxDeg = maxDeg;
  }

  /** Where both layers together want it, within its limits. */
  get targetDeg(): number {
    return Math.min(this.#maxDeg, Math.max(this.#minDeg, this.#baseDeg + this.#addDeg));
  }

  /** Where it is by now, at its own speed. */
  get nowDeg(): number {
    return this.#nowDeg;
  }

  get settled(): boolean {
    return this.#nowDeg === this.targetDeg;
  }

  set(angleDeg: number, layer: "base" | "add"): void {
    if (layer === "base") this.#baseDeg = angleDeg;
    else this.#addDeg = angleDeg;
  }

  /** Stays where it is: what was asked for is forgotten. */
  hold(): void {
    this.#baseDeg = this.#nowDeg;
    this.#addDeg = 0;
  }

  step(dtMs: number): void {
    const most = (SLEW_DEG_PER_S * dtMs) / 1000;
    const wayDeg = this.targetDeg - this.#nowDeg;
    this.#nowDeg = Math.abs(wayDeg) <= most ? this.targetDeg : this.#nowDeg + Math.sign(wayDeg) * most;
  }
}
