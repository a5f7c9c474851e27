/** How the gain is found; decibels. */
export interface GainOptions {
  /** Before anything else. */
  gainDb: number;
  /** Whether more is added, up to `mostDb`, until speech has `targetDb`. */
  automatic: boolean;
  targetDb: number;
  mostDb: number;
}

const FULL_SCALE = 32768;
/** Nothing may be louder. */
const LIMIT = 32_000;
/** Speech is this far above the noise floor at least. */
const ABOVE_FLOOR_DB = 9;
const FLOOR_RISE_DB = 0.02;
/** Parts of the way to the level of a frame, upwards and downwards: words count, pauses do not. */
const RISE = 0.2;
const FALL = 0.02;
/** The gain moves by so much per frame: 6 dB in a second up, 20 dB down. */
const UP_DB = 0.12;
const DOWN_DB = 0.4;
/** What is below this no room gives: a stage before has silenced the frame, and it says nothing of the noise. */
const GATED_DB = -80;
/** A gate, and no pause between words: frames. */
const GATE_FRAMES = 10;
/** Behind a gate speech is believed, and has the gain again, when so many frames of it have come. */
const BELIEVED_FRAMES = 15;
/** The gain comes back by so much per frame. */
const BACK_DB = 1;

/** A fixed gain, and one that brings speech near to and far from the microphone to the same level. Allocates nothing per frame. */
export class Gain {
  readonly #options: GainOptions;
  #floorDb = 0;
  /** Automatic gain that speech has asked for; the present one is less behind a gate. */
  #learnedDb: number;
  #gatedFrames = 0;
  /** Frames of speech that behind a gate are still to come. */
  #unbelieved = 0;
  #factor: number;
  /** Level of speech before the gain, dB below full scale; null before the first. */
  speechDb: number | null = null;
  /** The present gain. */
  gainDb: number;
  /** Frames in which the limiter held samples back. */
  limitedFrames = 0;

  constructor(options: GainOptions) {
    this.#options = options;
    this.gainDb = options.gainDb;
    this.#learnedDb = options.gainDb;
    this.#factor = 10 ** (options.gainDb / 20);
  }

  /** Takes a frame, in place. */
  process(frame: Int16Array): void {
    let sum = 0;
    let peak = 1;
    for (let i = 0; i < frame.length; i++) {
      const sample = frame[i]!;
      sum += sample * sample;
      const size = sample < 0 ? -sample : sample;
      if (size > peak) peak = size;
    }
    if (this.#options.automatic) this.#follow(10 * Math.log10(sum / frame.length / FULL_SCALE ** 2 + 1e-12));
    const most = LIMIT / peak;
    let to = 10 ** (this.gainDb / 20);
    if (to > most || this.#factor > most) this.limitedFrames++;
    if (to > most) to = most;
    let factor = Math.min(this.#factor, most);
    const step = (to - factor) / frame.length;
    for (let i = 0; i < frame.length; i++) {
      factor += step;
      frame[i] = Math.round(frame[i]! * factor);
    }
    this.#factor = to;
  }

  #follow(levelDb: number): void {
    const { gainDb, targetDb, mostDb } = this.#options;
    if (levelDb < GATED_DB) {
      if (++this.#gatedFrames < GATE_FRAMES) return;
      this.#unbelieved = BELIEVED_FRAMES;
      this.gainDb = Math.min(this.#learnedDb, gainDb);
      return;
    }
    this.#gatedFrames = 0;
    this.#floorDb = Math.min(levelDb, this.#floorDb + FLOOR_RISE_DB);
    const speech = levelDb >= this.#floorDb + ABOVE_FLOOR_DB;
    if (this.#unbelieved > 0) {
      if (speech) this.#unbelieved--;
      return;
    }
    if (speech) {
      const known = this.speechDb ?? levelDb;
      this.speechDb = known + (levelDb - known) * (levelDb > known ? RISE : FALL);
      const wanted = Math.max(gainDb, Math.min(gainDb + mostDb, targetDb - this.speechDb));
      this.#learnedDb += Math.max(-DOWN_DB, Math.min(UP_DB, wanted - this.#learnedDb));
    }
    this.gainDb = Math.min(this.#learnedDb, this.gainDb + BACK_DB);
  }
}
