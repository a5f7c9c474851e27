/** Periods a device may have queued; 2.5 s of 20 ms. Beyond it the oldest counts as heard. */
const KEPT_PERIODS = 128;
const TRACKS = 3;

/** A source of samples: its index in a {@link Timeline}. */
export const SPEECH = 0;
export const SOUND = 1;
export const EARCON = 2;

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
  /** Over how many samples of the period they are spread; where that is not their number, evenly. */
  readonly #spans = new Int32Array(KEPT_PERIODS * TRACKS);
  readonly #lengths = new Int32Array(KEPT_PERIODS);
  #first = 0;
  #periods = 0;
  /** Samples of the first kept period that were heard already. */
  #within = 0;
  /** Samples of all kept periods, less `#within`. */
  #queued = 0;

  /** The positions of speech, sounds and earcons. */
  constructor(...positions: readonly [number, number, number]) {
    this.reset(...positions);
  }

  /** Samples that were given to the device and not yet heard, as of the last {@link advance}. */
  get queued(): number {
    return this.#queued;
  }

  /** Forgets what is queued. */
  reset(speech: number, sound: number, earcon: number): void {
    this.heard[SPEECH] = speech;
    this.heard[SOUND] = sound;
    this.heard[EARCON] = earcon;
    this.#periods = 0;
    this.#within = 0;
    this.#queued = 0;
  }

  /** A period of `length` samples goes to the device; `track` tells what each source has in it. */
  push(length: number): void {
    if (this.#periods === KEPT_PERIODS) this.#pass();
    const slot = (this.#first + this.#periods++) % KEPT_PERIODS;
    this.#lengths[slot] = length;
    this.#queued += length;
  }

  /** The last period holds `count` samples of the source from `start` on, spread over its first `span` samples. */
  track(source: number, start: number, count: number, span: number): void {
    const at = ((this.#first + this.#periods - 1) % KEPT_PERIODS) * TRACKS + source;
    this.#starts[at] = start;
    this.#counts[at] = count;
    this.#spans[at] = span;
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
    for (let track = at; track < at + TRACKS; track++) {
      const span = this.#spans[track]!;
      const count = this.#counts[track]!;
      const heard = samples >= span ? count : Math.floor((samples * count) / span);
      this.heard[track - at] = this.#starts[track]! + heard;
    }
  }
}
