/** When speech counts as begun and as over. */
export interface SpeechTimes {
  /** Speech is announced after so much of it. */
  startMs: number;
  /** The end of speech is announced after so much silence. */
  stopMs: number;
}

/** A dip within a word, or a click within silence, shorter than this does not count. */
const DIP_MS = 40;

/** Turns what a voice detector says of each frame into beginnings and ends of speech. Allocates nothing per frame. */
export class SpeechTiming {
  readonly #times: SpeechTimes;
  #heardMs = 0;
  #quietMs = 0;
  #speaking = false;
  /** When the present speech began and when its last sound was heard, on the clock of `push`. */
  startedAtMs = 0;
  lastSpeechAtMs = 0;
  /** How often speech began, and how much of it there was. */
  starts = 0;
  speechMs = 0;

  constructor(times: SpeechTimes) {
    this.#times = times;
  }

  /** From the announced beginning to the announced end. */
  get speaking(): boolean {
    return this.#speaking;
  }

  /** Takes the verdict on a frame of `frameMs` whose last sample was taken at `atMs`; says whether speech began or ended with it. */
  push(speech: boolean, frameMs: number, atMs: number): "started" | "stopped" | undefined {
    const { startMs, stopMs } = this.#times;
    if (speech) {
      if (this.#heardMs === 0) this.startedAtMs = atMs - frameMs;
      this.#heardMs += frameMs;
      this.#quietMs = 0;
      this.lastSpeechAtMs = atMs;
      this.speechMs += frameMs;
    } else {
      this.#quietMs += frameMs;
      if (!this.#speaking && this.#quietMs > DIP_MS) this.#heardMs = 0;
    }
    if (!this.#speaking && this.#heardMs >= startMs) {
      this.#speaking = true;
      this.starts++;
      return "started";
    }
    if (this.#speaking && this.#quietMs >= stopMs) return this.stop();
    return undefined;
  }

  /** Nobody listens any more: speech that was going on is over with its last sound. */
  stop(): "stopped" | undefined {
    const was = this.#speaking;
    this.#speaking = false;
    this.#heardMs = 0;
    return was ? "stopped" : undefined;
  }
}
