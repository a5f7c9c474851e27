import type { Voice } from "./contracts.ts";

/** A voice that keeps what it said last: the robot repeats itself. Bounded in bytes, least recently used goes first. */
export class CachedVoice implements Voice {
  #voice: Voice;
  #maxBytes: number;
  #bytes = 0;
  #kept = new Map<string, Promise<Int16Array<ArrayBuffer>>>();
  #sizes = new Map<string, number>();

  constructor(voice: Voice, maxBytes = 8_000_000) {
    this.#voice = voice;
    this.#maxBytes = maxBytes;
  }

  names(): string[] {
    return this.#voice.names();
  }

  /** The array is shared with other callers: read only. */
  synthesize(text: string, voice?: string): Promise<Int16Array<ArrayBuffer>> {
    const key = `${voice ?? ""}\n${text}`;
    const known = this.#kept.get(key);
    if (known) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const made = this.#voice.synthesize(text, voice);
    this.#kept.set(key, made);
    made.then(
      (pcm) => this.#keep(key, made, pcm.byteLength),
      () => this.#forget(key, made),
    );
    return made;
  }

  #keep(key: string, made: Promise<unknown>, bytes: number): void {
    if (this.#kept.get(key) !== made) return;
    this.#sizes.set(key, bytes);
    this.#bytes += bytes;
    for (const [oldest, pending] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) break;
      if (this.#sizes.has(oldest)) this.#forget(oldest, pending);
    }
  }

  #forget(key: string, made: Promise<unknown>): void {
    if (this.#kept.get(key) !== made) return;
    this.#kept.delete(key);
    this.#bytes -= this.#sizes.get(key) ?? 0;
    this.#sizes.delete(key);
  }
}
