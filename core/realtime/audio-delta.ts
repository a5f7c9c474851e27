import type { AudioDelta } from "./events.ts";

const PREFIX = '{"type":"response.output_audio.delta",';
const ID = /^[\w.:-]{1,128}$/;
const QUOTE = 34;
const COMMA = 44;
const BRACE = 125;
const BACKSLASH = 92;

/** Why samples were not taken from a base64 text. */
export type AudioFault = "base64" | "odd";

/**
 * Takes the samples out of audio deltas without parsing their JSON and without garbage: ids that repeat and the view of
 * the samples are kept from call to call.
 */
export class AudioDeltaReader {
  readonly #event: AudioDelta = { type: "audio", responseId: "", itemId: "", pcm: new Int16Array(0) };
  #bytes: Buffer<ArrayBuffer> = Buffer.from(new ArrayBuffer(65_536));

  /**
   * A flat object of known keys, without blanks and escapes, that begins with the type: what Realtime servers send.
   * Null for any other shape, valid or not: `JSON.parse` decides then.
   */
  read(frame: string): AudioDelta | null {
    if (!frame.startsWith(PREFIX)) return null;
    let at = PREFIX.length;
    let response = "";
    let item = "";
    let audioFrom = -1;
    let audioTo = -1;
    for (;;) {
      if (frame.charCodeAt(at) !== QUOTE) return null;
      const keyEnd = frame.indexOf('":', at + 1);
      if (keyEnd < 0) return null;
      const from = keyEnd + 2;
      let end: number;
      if (frame.charCodeAt(from) === QUOTE) {
        end = frame.indexOf('"', from + 1);
        if (end < 0 || frame.charCodeAt(end - 1) === BACKSLASH) return null;
        const keyLength = keyEnd - at - 1;
        if (keyLength === 5 && frame.startsWith("delta", at + 1)) {
          audioFrom = from + 1;
          audioTo = end;
        } else if (keyLength === 7 && frame.startsWith("item_id", at + 1)) {
          item = keptId(frame, from + 1, end, this.#event.itemId);
          if (item === "") return null;
        } else if (keyLength === 11 && frame.startsWith("response_id", at + 1)) {
          response = keptId(frame, from + 1, end, this.#event.responseId);
          if (response === "") return null;
        } else if (keyLength !== 8 || !frame.startsWith("event_id", at + 1)) return null;
        end++;
      } else {
        if (!frame.startsWith('output_index"', at + 1) && !frame.startsWith('content_index"', at + 1))
          return null;
        end = from;
        for (let digit = frame.charCodeAt(end); digit >= 48 && digit <= 57;) digit = frame.charCodeAt(++end);
        if (end === from) return null;
      }
      const next = frame.charCodeAt(end);
      if (next === COMMA) {
        at = end + 1;
        continue;
      }
      if (next !== BRACE || end + 1 !== frame.length) return null;
      break;
    }
    if (audioFrom < 0 || item === "" || response === "") return null;
    const pcm = this.samples(frame.slice(audioFrom, audioTo));
    if (typeof pcm === "string") return null;
    return this.event(response, item, pcm);
  }

  /** The event that is handed out each time, filled in. */
  event(responseId: string, itemId: string, pcm: Int16Array): AudioDelta {
    this.#event.responseId = responseId;
    this.#event.itemId = itemId;
    this.#event.pcm = pcm;
    return this.#event;
  }

  /** PCM16 little-endian out of base64, in a buffer that the next call overwrites. */
  samples(base64: string): Int16Array | AudioFault {
    const length = base64.length;
    if (length % 4 !== 0) return "base64";
    const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
    const bytes = (length / 4) * 3 - padding;
    if (bytes > this.#bytes.length) this.#bytes = Buffer.from(new ArrayBuffer(bytes * 2));
    if (this.#bytes.write(base64, 0, "base64") !== bytes) return "base64";
    if (bytes % 2 !== 0) return "odd";
    const kept = this.#event.pcm;
    if (kept.length * 2 === bytes && kept.buffer === this.#bytes.buffer) return kept;
    return new Int16Array(this.#bytes.buffer, 0, bytes / 2);
  }
}

/** The id between two positions: the kept string where it is the same; "" where it is not a plain id. */
function keptId(frame: string, from: number, to: number, kept: string): string {
  if (kept !== "" && kept.length === to - from && frame.startsWith(kept, from)) return kept;
  const id = frame.slice(from, to);
  // A copy: a slice would keep the whole frame alive.
  return ID.test(id) ? Buffer.from(id).toString("latin1") : "";
}
