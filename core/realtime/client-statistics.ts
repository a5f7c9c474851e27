const AUDIO_DELTA = "response.output_audio.delta";
const APPEND = "input_audio_buffer.append";
/** A server that makes up types must not fill the memory: what comes after so many counts under {@link OTHER}. */
const MAX_TYPES = 128;
const MAX_TYPE_CHARACTERS = 100;
const OTHER = "(other)";

/** Events by type. */
export interface EventStats {
  sent: Record<string, number>;
  received: Record<string, number>;
}

/** Counts events by type, audio without a look-up. */
export class ClientStatistics {
  readonly #sent = new Map<string, number>();
  readonly #received = new Map<string, number>();
  #appended = 0;
  #audio = 0;

  /** An audio delta that was not parsed. */
  audio(): void {
    this.#audio++;
  }

  appended(): void {
    this.#appended++;
  }

  sent(type: string): void {
    count(this.#sent, type);
  }

  received(type: string): void {
    count(this.#received, type);
  }

  read(): EventStats {
    return {
      sent: table(this.#sent, APPEND, this.#appended),
      received: table(this.#received, AUDIO_DELTA, this.#audio),
    };
  }
}

function count(counts: Map<string, number>, type: string): void {
  const key = type.length > MAX_TYPE_CHARACTERS ? OTHER : type;
  const known = counts.get(key);
  if (known !== undefined) counts.set(key, known + 1);
  else if (counts.size < MAX_TYPES) counts.set(key, 1);
  else counts.set(OTHER, (counts.get(OTHER) ?? 0) + 1);
}

function table(counts: Map<string, number>, type: string, more: number): Record<string, number> {
  const entries = new Map(counts);
  if (more > 0) entries.set(type, (entries.get(type) ?? 0) + more);
  return Object.fromEntries(entries);
}
