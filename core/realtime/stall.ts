/** A loudspeaker without sound for so long while the server still speaks is worth a word. */
const AUDIO_GAP_MS = 1500;

/** What {@link StallWatch} works with. */
export interface StallDeps {
  stallMs: number;
  /** True while the loudspeaker has something to play. */
  playing: () => boolean;
  /** No event at all while a response runs: the link is dead, whatever it says. */
  onStall: () => void;
  /** The robot falls silent in the middle of what it says; once for each gap. */
  onGap: () => void;
}

/** Watches a running response: for a link that has gone quiet, and for speech that does not go on. */
export class StallWatch {
  readonly #deps: StallDeps;
  #eventAtMs = 0;
  /** Last sound of the response; 0 before the first and after the last. */
  #audioAtMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #counters = { stalls: 0, audio_gaps: 0 };

  constructor(deps: StallDeps) {
    this.#deps = deps;
  }

  /** Any event of the server. */
  event(): void {
    if (this.#timer !== undefined) this.#eventAtMs = performance.now();
  }

  /** Sound of the response that runs. */
  audio(): void {
    if (this.#timer !== undefined) this.#audioAtMs = performance.now();
  }

  audioDone(): void {
    this.#audioAtMs = 0;
  }

  began(): void {
    this.#eventAtMs = performance.now();
    this.#audioAtMs = 0;
    this.#timer ??= setInterval(() => this.#look(), Math.min(500, Math.ceil(this.#deps.stallMs / 4)));
  }

  /** Nothing runs any more. */
  ended(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  #look(): void {
    const nowMs = performance.now();
    if (nowMs - this.#eventAtMs >= this.#deps.stallMs) {
      this.#counters.stalls++;
      this.ended();
      this.#deps.onStall();
      return;
    }
    if (this.#audioAtMs === 0 || nowMs - this.#audioAtMs < AUDIO_GAP_MS || this.#deps.playing()) return;
    this.#audioAtMs = 0;
    this.#counters.audio_gaps++;
    this.#deps.onGap();
  }
}
