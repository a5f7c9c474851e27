/** Periods a device may have queued; 2.5 s of 20 ms. Beyond it the oldest counts as heard. */
const KEPT_PERIODS = 128;
const TRACKS = 3;

/** A source of samples: its index in a {@link Timeline}. */
export const SPEECH = 0;
export const SOUND = 1;
export const REFERENCE = 2;

/**
 * Which samples of each source have been heard. Of every period given to the device it is kept where in each source its
 * samples began and how many there were (at the start of the period; silence is the rest), until the device has let it out.
 * Speech that was stretched counts as heard evenly over the part of the period that it fills.
 */
export class Timeline {
  /** Position up to which each source has been heard. */
  readonly heard: Uint32Array = new Uint32Array(TRACKS);
  readonly #starts = new Uint32Array(KEPT_PERIODS * TRACKS);
  readonly #counts = new Int32Array(KEPT_PERIODS * TRACKS);
  /** Over how many samples of the period the speech is spread; where that is not their number, evenly. */
  readonly #spans = new Int32Array(KEPT_PERIODS);
  readonly #lengths = new Int32Array(KEPT_PERIODS);
  #first = 0;
  #periods = 0;
  /** Samples of the first kept period that were heard already. */
  #within = 0;
  /** Samples of all kept periods, less `#within`. */
  #queued = 0;

  constructor(speech: number, sound: number, reference: number) {
    this.reset(speech, sound, reference);
  }

  /** Forgets what is queued. */
  reset(speech: number, sound: number, reference: number): void {
    this.heard[SPEECH] = speech;
    this.heard[SOUND] = sound;
    this.heard[REFERENCE] = reference;
    this.#periods = 0;
    this.#within = 0;
    this.#queued = 0;
  }

  /** A period of `length` samples goes to the device. */
  push(
    length: number,
    speech: number,
    speechCount: number,
    speechSpan: number,
    sound: number,
    soundCount: number,
    reference: number,
    referenceCount: number,
  ): void {
    if (this.#periods === KEPT_PERIODS) this.#pass();
    const slot = (this.#first + this.#periods++) % KEPT_PERIODS;
    this.#lengths[slot] = length;
    this.#spans[slot] = speechSpan;
    this.#queued += length;
    const at = slot * TRACKS;
    this.#starts[at] = speech;
    this.#counts[at] = speechCount;
    this.#starts[at + 1] = sound;
    this.#counts[at + 1] = soundCount;
    this.#starts[at + 2] = reference;
    this.#counts[at + 2] = referenceCount;
  }

  /** All but the last `delay` samples have been heard. What was heard once stays heard. */
  advance(delay: number): void {
    let passed = this.#queued - delay;
    if (passed <= 0) return;
    while (this.#periods > 0) {
      const left = this.#lengths[this.#first]! - this.#within;
      if (passed < left) {
        this.#within += passed;
        this.#queued -= passed;
        this.#hear(this.#within);
        return;
      }
      passed -= left;
      this.#pass();
    }
  }

  #pass(): void {
    const length = this.#lengths[this.#first]!;
    this.#hear(length);
    this.#queued -= length - this.#within;
    this.#within = 0;
    this.#first = (this.#first + 1) % KEPT_PERIODS;
    this.#periods--;
  }

  #hear(samples: number): void {
    const at = this.#first * TRACKS;
    const span = this.#spans[this.#first]!;
    const count = this.#counts[at]!;
    const spoken = samples >= span ? count : Math.floor((samples * count) / span);
    this.heard[SPEECH] = this.#starts[at]! + spoken;
    for (let track = SPEECH + 1; track < TRACKS; track++) {
      this.heard[track] = this.#starts[at + track]! + Math.min(samples, this.#counts[at + track]!);
    }
  }
}
