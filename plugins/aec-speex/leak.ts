import { FRAME_MS, FRAME_SAMPLES, Fft, RATE_HZ } from "myna";

/** Edges of the bands that are looked at, Hz: narrow enough that a sound the filter has never met stands alone. */
const EDGES_HZ = [150, 300, 450, 650, 900, 1250, 1700, 2300, 3100, 4200, 5700, 7600, 10_500] as const;
const BANDS = EDGES_HZ.length - 1;
const SIZE = 512;
const EDGE_BINS = EDGES_HZ.map((hz) => Math.round((hz * SIZE) / RATE_HZ));
/** The canceller is a frame late, and the reference some milliseconds early. */
const SPREAD_FRAMES = 3;
/** What is left dies away like the room, and the noise of a filter as long as its tail: 60 dB in 800 ms. */
const DECAY = 10 ** ((-6 * FRAME_MS) / 800);
/** What a filter that has learnt nothing of a band may leave there, against the reference: an echo 20 dB louder than it. */
const UNKNOWN_DB = 20;
/** The known leak sinks and rises by these shares of the way, in dB per frame in which the band sounds, */
const SINK = 0.03;
const RISE = 0.5;
/** and by this much where that may be a person: 5 dB a second. */
const DOUBTFUL_RISE_DB = 0.1;
/** Somebody speaks where so many bands are by so much louder than what the filter leaves of the echo. */
const BANDS_NEEDED = 2;
/** and these hold such a part of what the filter left: a person is no whisper beside the rest of an echo. */
const PART_NEEDED = 0.3;
const MARGIN_DB = 6;
/** Noise of the room is up to this many times its quietest frame, which rises 1 dB a second until a quieter one comes. */
const NOISE = 4;
const NOISE_RISE = 1.0046;
/** The first frames are those of an empty delay line. */
const FIRST_FRAMES = 15;
/** Band power of nothing: -80 dB of full scale. */
const QUIET = (32768 * 1e-4) ** 2;

/**
 * Learns how much of the echo the canceller leaves, band by band, and tells what is louder than that: a person. A band in which
 * the loudspeaker has not sounded yet is one that the filter does not know. Allocates nothing per frame.
 */
export class Leak {
  readonly #fft = new Fft(SIZE);
  readonly #window = Float64Array.from(
    { length: FRAME_SAMPLES },
    (_, i) => Math.sqrt(8 / 3) * Math.sin((Math.PI * (i + 0.5)) / FRAME_SAMPLES) ** 2,
  );
  readonly #re = new Float64Array(SIZE);
  readonly #im = new Float64Array(SIZE);
  readonly #left = new Float64Array(BANDS);
  readonly #recent = new Float64Array(BANDS * SPREAD_FRAMES);
  readonly #played = new Float64Array(BANDS);
  readonly #leakDb = new Float64Array(BANDS).fill(UNKNOWN_DB);
  readonly #floor = new Float64Array(BANDS).fill(Infinity);
  #slot = 0;
  #frames = 0;

  /** Takes a frame behind the canceller and the reference of it; answers whether there is more in it than the rest of an echo. */
  exceeds(left: Int16Array, reference: Int16Array): boolean {
    this.#transform(left, reference);
    this.#slot = (this.#slot + 1) % SPREAD_FRAMES;
    this.#frames++;
    let over = 0;
    let overPower = 0;
    let power = 0;
    for (let band = 0; band < BANDS; band++) {
      this.#measure(band);
      power += this.#left[band]!;
      if (this.#overDb(band) <= MARGIN_DB) continue;
      over++;
      overPower += this.#left[band]!;
    }
    return over >= BANDS_NEEDED && overPower > PART_NEEDED * power;
  }

  /** Learns from the frame that `exceeds` was asked of; `echo` says that it was certainly nothing else. */
  learn(echo: boolean): void {
    for (let band = 0; band < BANDS; band++) {
      const played = this.#played[band]!;
      if (played < 100 * QUIET) continue;
      const gapDb = 10 * Math.log10((this.#left[band]! + QUIET) / played) - this.#leakDb[band]!;
      if (gapDb < 0) this.#leakDb[band]! += gapDb * SINK;
      else this.#leakDb[band]! += echo ? gapDb * RISE : Math.min(gapDb, DOUBTFUL_RISE_DB);
    }
  }

  /** Another delay, or another room. */
  reset(): void {
    this.#leakDb.fill(UNKNOWN_DB);
  }

  #overDb(band: number): number {
    const noise = this.#frames > FIRST_FRAMES ? NOISE * this.#floor[band]! : 0;
    const expected = this.#played[band]! * 10 ** (this.#leakDb[band]! / 10) + noise + QUIET;
    return 10 * Math.log10((this.#left[band]! + 1e-9) / expected);
  }

  #measure(band: number): void {
    const [re, im] = [this.#re, this.#im];
    let left = 0;
    let played = 0;
    for (let bin = EDGE_BINS[band]!; bin < EDGE_BINS[band + 1]!; bin++) {
      const mirror = SIZE - bin;
      left += (re[bin]! + re[mirror]!) ** 2 + (im[bin]! - im[mirror]!) ** 2;
      played += (im[bin]! + im[mirror]!) ** 2 + (re[mirror]! - re[bin]!) ** 2;
    }
    const scale = 2 / (4 * FRAME_SAMPLES * SIZE);
    this.#left[band] = left * scale;
    if (this.#frames >= FIRST_FRAMES && left > 0)
      this.#floor[band] = Math.min(left * scale, this.#floor[band]! * NOISE_RISE);
    this.#recent[this.#slot * BANDS + band] = played * scale;
    let most = this.#played[band]! * DECAY;
    for (let at = band; at < this.#recent.length; at += BANDS) most = Math.max(most, this.#recent[at]!);
    this.#played[band] = most;
  }

  /** One transform serves two real signals. */
  #transform(left: Int16Array, reference: Int16Array): void {
    const [re, im, window] = [this.#re, this.#im, this.#window];
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      re[i] = left[i]! * window[i]!;
      im[i] = reference[i]! * window[i]!;
    }
    re.fill(0, FRAME_SAMPLES);
    im.fill(0, FRAME_SAMPLES);
    this.#fft.transform(re, im);
  }
}
