import { onUpdate, pageNow } from "./live.ts";
import type { Columns } from "./plot.tsx";

/** The last values of some quantities, on the page's clock. */
export class History {
  readonly #spanMs: number;
  readonly #times: number[] = [];
  readonly #values: number[][];

  constructor(quantities: number, spanMs: number) {
    this.#spanMs = spanMs;
    this.#values = Array.from({ length: quantities }, () => []);
  }

  add(...values: number[]): void {
    const now = performance.now();
    this.#times.push(now);
    values.forEach((value, index) => this.#values[index]?.push(value));
    while (this.#times.length > 0 && now - this.#times[0]! > this.#spanMs) {
      this.#times.shift();
      for (const column of this.#values) column.shift();
    }
  }

  /** Seconds before now, negative, and the values; the last one holds until now. */
  columns(): Columns {
    const now = Math.max(performance.now(), pageNow.value);
    const times = this.#times.map((time) => (time - now) / 1000);
    return [[-this.#spanMs / 1000, ...times], ...this.#values.map((column) => [null, ...column])];
  }
}

const HALF_MINUTE_MS = 30_000;
const TWO_MINUTES_MS = 120_000;

/** Microphone and loudspeaker, dB below full scale. */
export const levelHistory = new History(2, HALF_MINUTE_MS);
/** Jitter buffer: target and what waits, ms. */
export const bufferHistory = new History(2, TWO_MINUTES_MS);

let levels = { microphone_db: -90, loudspeaker_db: -90 };
onUpdate(({ set }) => {
  if (set?.levels) levels = set.levels;
  levelHistory.add(levels.microphone_db, levels.loudspeaker_db);
  if (set?.audio) bufferHistory.add(set.audio.target_ms, set.audio.queued_ms);
});
