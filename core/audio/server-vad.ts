import { FRAME_MS } from "./port.ts";

/** What {@link ServerVad} is told by `turn_detection`. */
export interface ServerVadSettings {
  /** 0 to 1 as in the Realtime API; 0.5 wants speech 9 dB above the noise. */
  threshold: number;
  /** Silence after which an utterance is over. */
  silenceMs: number;
}

/** Never quieter than this is speech, dBFS after the high-pass. */
const SPEECH_MIN_DB = -52;
/** The floor may not be taken to be louder than this before a second was heard, dBFS: an utterance may come first. */
const EARLY_FLOOR_MAX_DB = -46;
/** The noise floor is the quietest frame of the last 15 x 200 ms: speech pauses more often than that. */
const FLOOR_BLOCKS = 15;
const BLOCK_FRAMES = 10;
/** Voiced frames that make an onset: a click is shorter. */
const ONSET_FRAMES = 3;
/** Below the onset level by this much, a frame still counts as speech once speaking, dB. */
const HYSTERESIS_DB = 3;
/** Pole of the high-pass at about 115 Hz: hum and motors carry no speech. */
const HIGH_PASS = 0.97;

/**
 * The voice detection of a Realtime server, by energy over an adaptive noise floor, as our own server does it and the doctor
 * assumes it of others. Counts samples, never the clock: the same audio gives the same events however fast it comes. One frame
 * of 20 ms at 24 kHz per call; allocates nothing.
 */
export class ServerVad {
  #settings: ServerVadSettings;
  #speaking = false;
  #voicedFrames = 0;
  #silentFrames = 0;
  #frames = 0;
  #lastIn = 0;
  #lastOut = 0;
  #blocks = new Float64Array(FLOOR_BLOCKS).fill(Infinity);

  constructor(settings: ServerVadSettings) {
    this.#settings = settings;
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** Voiced frames before and with the one that made the onset. */
  get onsetFrames(): number {
    return ONSET_FRAMES;
  }

  /** Keeps what it knows of the noise. */
  configure(settings: ServerVadSettings): void {
    this.#settings = settings;
  }

  /** Forgets an utterance under way; keeps what it knows of the noise. */
  reset(): void {
    this.#speaking = false;
    this.#voicedFrames = 0;
    this.#silentFrames = 0;
  }

  /** "started" at the last frame of an onset, "stopped" at the last frame of a long enough silence. */
  process(frame: Int16Array): "started" | "stopped" | null {
    const levelDb = this.#levelDb(frame);
    const floorDb = this.#floorDb(levelDb);
    const onsetDb = Math.max(SPEECH_MIN_DB, floorDb + 3 + this.#settings.threshold * 12);
    if (!this.#speaking) {
      this.#voicedFrames = levelDb > onsetDb ? this.#voicedFrames + 1 : 0;
      if (this.#voicedFrames < ONSET_FRAMES) return null;
      this.#speaking = true;
      this.#silentFrames = 0;
      return "started";
    }
    this.#silentFrames = levelDb > onsetDb - HYSTERESIS_DB ? 0 : this.#silentFrames + 1;
    if (this.#silentFrames * FRAME_MS < this.#settings.silenceMs) return null;
    this.reset();
    return "stopped";
  }

  #levelDb(frame: Int16Array): number {
    let sum = 0;
    let lastIn = this.#lastIn;
    let lastOut = this.#lastOut;
    for (let i = 0; i < frame.length; i++) {
      const sample = frame[i] as number;
      lastOut = sample - lastIn + HIGH_PASS * lastOut;
      lastIn = sample;
      sum += lastOut * lastOut;
    }
    this.#lastIn = lastIn;
    this.#lastOut = lastOut;
    return 10 * Math.log10(sum / frame.length / 2 ** 30 + 1e-10);
  }

  #floorDb(levelDb: number): number {
    const block = Math.floor(this.#frames / BLOCK_FRAMES) % FLOOR_BLOCKS;
    if (this.#frames % BLOCK_FRAMES === 0) this.#blocks[block] = Infinity;
    this.#frames += 1;
    this.#blocks[block] = Math.min(this.#blocks[block] as number, levelDb);
    let floor = Infinity;
    for (let i = 0; i < FLOOR_BLOCKS; i++) floor = Math.min(floor, this.#blocks[i] as number);
    return this.#frames < 50 ? Math.min(floor, EARLY_FLOOR_MAX_DB) : floor;
  }
}
