/** How the detector decides; decibels. */
export interface EnergyDetectorOptions {
  thresholdDb: number;
  minLevelDb: number;
}

/** The floor is the quietest frame of the last eight quarters of a second. */
const SLOTS = 8;
const SLOT_MS = 250;
/** Corner of the high-pass filter: rumble of motors and wind lies below the voice. */
const HIGH_PASS_HZ = 120;
/** Speech goes on down to this far below the level that starts it. */
const HYSTERESIS_DB = 3;
const SILENCE_DB = -96;

/**
 * Finds speech by its energy above an adaptive noise floor. Speech has gaps, noise has none: the floor is the least energy of
 * two seconds. Allocates nothing per frame.
 */
export class EnergyDetector {
  readonly #options: EnergyDetectorOptions;
  /** Second-order Butterworth high-pass: y = g (x - 2 x1 + x2) - a1 y1 - a2 y2. */
  readonly #gain: number;
  readonly #a1: number;
  readonly #a2: number;
  readonly #slots = new Float64Array(SLOTS).fill(Infinity);
  #slot = 0;
  #slotMs = 0;
  readonly #filter = new Float64Array(4);
  /** Level of the last frame and the noise floor, dB below full scale. */
  levelDb = SILENCE_DB;
  floorDb = SILENCE_DB;

  constructor(options: EnergyDetectorOptions, rateHz: number) {
    this.#options = options;
    const k = Math.tan((Math.PI * HIGH_PASS_HZ) / rateHz);
    this.#gain = 1 / (1 + Math.SQRT2 * k + k * k);
    this.#a1 = 2 * (k * k - 1) * this.#gain;
    this.#a2 = (1 - Math.SQRT2 * k + k * k) * this.#gain;
  }

  /** Takes a frame of `frameMs`; says whether it is loud enough for speech to begin, or to go on. */
  judge(frame: Int16Array, frameMs: number, speaking: boolean): boolean {
    const levelDb = this.#level(frame);
    this.#follow(levelDb, frameMs);
    const { thresholdDb, minLevelDb } = this.#options;
    const startDb = Math.max(minLevelDb, this.floorDb + thresholdDb);
    return levelDb > (speaking ? startDb - HYSTERESIS_DB : startDb);
  }

  /** Energy of the frame above the high-pass corner, dB below full scale. */
  #level(frame: Int16Array): number {
    const gain = this.#gain;
    const a1 = this.#a1;
    const a2 = this.#a2;
    const filter = this.#filter;
    let x1 = filter[0]!;
    let x2 = filter[1]!;
    let y1 = filter[2]!;
    let y2 = filter[3]!;
    let sum = 0;
    for (let i = 0; i < frame.length; i++) {
      const x = frame[i]!;
      const y = gain * (x - 2 * x1 + x2) - a1 * y1 - a2 * y2;
      x2 = x1;
      x1 = x;
      y2 = y1;
      y1 = y;
      sum += y * y;
    }
    filter[0] = x1;
    filter[1] = x2;
    // A tail that has died away is cut off: denormal numbers are slow.
    filter[2] = Math.abs(y1) < 1e-9 ? 0 : y1;
    filter[3] = Math.abs(y2) < 1e-9 ? 0 : y2;
    const mean = sum / frame.length / (32768 * 32768);
    this.levelDb = mean > 0 ? Math.max(SILENCE_DB, 10 * Math.log10(mean)) : SILENCE_DB;
    return this.levelDb;
  }

  #follow(levelDb: number, frameMs: number): void {
    const slots = this.#slots;
    if (levelDb < slots[this.#slot]!) slots[this.#slot] = levelDb;
    this.#slotMs += frameMs;
    let floorDb = Infinity;
    for (let i = 0; i < SLOTS; i++) if (slots[i]! < floorDb) floorDb = slots[i]!;
    this.floorDb = floorDb;
    if (this.#slotMs < SLOT_MS) return;
    this.#slotMs = 0;
    this.#slot = (this.#slot + 1) % SLOTS;
    slots[this.#slot] = Infinity;
  }
}
