import { BANDS, Bands, QUIET_POWER } from "./bands.ts";

/** How the suppressor decides. */
export interface SuppressorOptions {
  /** Somebody speaks where a band is louder than its expected echo by so much, dB, */
  marginDb: number;
  /** in so many frames of {@link SuppressorOptions.frameMs} one after the other. */
  startMs: number;
  /** What passes goes on passing for so long after the last such frame. */
  holdMs: number;
  /** How fast the room's echo dies away: so long for 60 dB. */
  reverbMs: number;
  /** Level of the echo against what is played that is assumed before it is known, dB. */
  couplingDb: number;
  frameMs: number;
}

/** Bands that must stand out together: one alone may be a resonance of the room. */
const BANDS_NEEDED = 2;
/** The loudspeaker's sound reaches the microphone within so long: three frames. */
const SPREAD_FRAMES = 3;
/** How fast the known coupling sinks and rises, per frame of the robot's speech, as shares of the way in dB, */
const SINK = 0.02;
const RISE = 0.4;
/** and by how much it rises where that may be a person, dB per frame: 5 dB a second. */
const DOUBTFUL_RISE_DB = 0.1;

/**
 * Tells the robot's echo from a person: compares the microphone, in bands of the voice, with the echo that what the
 * loudspeaker let out would make. While the robot speaks and nobody else does, the frame becomes silence; a person who is
 * louder than the echo passes, echo and all. The strength of the echo is learnt. Allocates nothing per frame.
 */
export class EchoSuppressor {
  readonly #options: SuppressorOptions;
  readonly #heard: Bands;
  readonly #played: Bands;
  readonly #recent = new Float64Array(BANDS * SPREAD_FRAMES);
  readonly #echo = new Float64Array(BANDS);
  /** 1 for a band in which the loudspeaker sounds, 0 where only its echo dies away. */
  readonly #rising = new Uint8Array(BANDS);
  readonly #couplingDb: Float64Array;
  readonly #floor = new Float64Array(BANDS).fill(Infinity);
  readonly #decay: number;
  #slot = 0;
  #overMs = 0;
  #holdMs = 0;
  /** Frames made silent, and those that passed while the robot spoke. */
  suppressedFrames = 0;
  passedFrames = 0;
  /** How often somebody began to speak over the robot. */
  doubleTalks = 0;

  constructor(options: SuppressorOptions, rateHz: number) {
    this.#options = options;
    this.#heard = new Bands(rateHz);
    this.#played = new Bands(rateHz);
    this.#couplingDb = new Float64Array(BANDS).fill(options.couplingDb);
    this.#decay = 10 ** (-6 * (options.frameMs / Math.max(options.frameMs, options.reverbMs)));
  }

  /** Level of the echo against what is played, dB, in the band where it is strongest. */
  get couplingDb(): number {
    return this.#couplingDb.reduce((most, db) => Math.max(most, db), -Infinity);
  }

  /** One frame, in place; `reference` is what the loudspeaker let out meanwhile. */
  process(frame: Int16Array, reference: Int16Array): void {
    const { frameMs, startMs, holdMs } = this.#options;
    this.#heard.push(frame);
    this.#played.push(reference);
    const audible = this.#follow();
    const standsOut = this.#compare(audible);
    if (!audible) {
      this.#overMs = 0;
      this.#holdMs = 0;
      return;
    }
    this.#overMs = standsOut ? this.#overMs + frameMs : 0;
    if (this.#overMs >= startMs) {
      if (this.#holdMs <= 0) this.doubleTalks++;
      this.#holdMs = holdMs;
    } else this.#holdMs -= frameMs;
    if (this.#holdMs > 0) {
      this.passedFrames++;
      return;
    }
    this.suppressedFrames++;
    frame.fill(0);
  }

  /** Moves the envelope of what was played on; answers whether an echo of it may still be heard. */
  #follow(): boolean {
    const slots = this.#recent;
    this.#slot = (this.#slot + 1) % SPREAD_FRAMES;
    let audible = false;
    for (let band = 0; band < BANDS; band++) {
      slots[this.#slot * BANDS + band] = this.#played.power[band]!;
      let power = this.#echo[band]! * this.#decay;
      this.#rising[band] = 0;
      for (let i = band; i < slots.length; i += BANDS) {
        if (slots[i]! < power) continue;
        power = slots[i]!;
        this.#rising[band] = 1;
      }
      this.#echo[band] = power;
      if (power > QUIET_POWER) audible = true;
    }
    return audible;
  }

  /** Whether somebody else is to be heard beside the echo; learns from frames where nobody is. */
  #compare(audible: boolean): boolean {
    const { marginDb } = this.#options;
    let over = 0;
    for (let band = 0; band < BANDS; band++) {
      const heard = this.#heard.power[band]!;
      const floor = this.#floor[band]!;
      // The least energy of the past, rising 1 dB a second: the room's own noise.
      this.#floor[band] = heard < floor ? heard : floor * 1.0046;
      if (!audible) continue;
      const echo = this.#echo[band]!;
      const expected = echo * 10 ** (this.#couplingDb[band]! / 10) + 2 * this.#floor[band]!;
      const overDb = 10 * Math.log10((heard + 1e-9) / (expected + QUIET_POWER));
      if (overDb > marginDb) over++;
      // Only while the loudspeaker sounds: what dies away after it says less of the echo than of the room.
      if (this.#rising[band] !== 0 && echo > 100 * QUIET_POWER) {
        const gapDb = 10 * Math.log10((heard + 1e-9) / echo) - this.#couplingDb[band]!;
        const known = overDb < marginDb && this.#holdMs <= 0;
        if (gapDb < 0) this.#couplingDb[band]! += gapDb * SINK;
        else this.#couplingDb[band]! += known ? gapDb * RISE : Math.min(DOUBTFUL_RISE_DB, gapDb);
      }
    }
    return over >= BANDS_NEEDED;
  }
}
