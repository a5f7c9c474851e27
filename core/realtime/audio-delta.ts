import type { AudioDelta } from "./events.ts";

const GA_TYPE = "response.output_audio.delta";
const ID = /^[\w.:-]{1,128}$/;
const QUOTE = 34;
const COMMA = 44;
const OPENING = 123;
const BRACE = 125;
const BACKSLASH = 92;

/** Why samples were not taken from a base64 text. */
export type AudioFault = "base64" | "odd";

/**
 * Takes the samples out of audio deltas without parsing their JSON and without garbage: ids that repeat and the view of
 * the samples are kept from call to call.
 */
export class AudioDeltaReader {
  readonly #type: string;
  readonly #event: AudioDelta = { type: "audio", responseId: "", itemId: "", pcm: new Int16Array(0) };
  #bytes: Buffer<ArrayBuffer> = Buffer.from(new ArrayBuffer(65_536));
  /** The frame before: its text up to the id of the event, from there to the samples, and after them. */
  #head = "";
  #middle = "";
  #tail = "";

  /** `type` is the name of the event in the server's dialect. */
  constructor(type = GA_TYPE) {
    this.#type = type;
  }

  /**
   * A flat object of known keys in any order, without blanks and escapes: what Realtime servers send. Null for any
   * other shape, valid or not, and for all other events: `JSON.parse` decides then. More lenient than that in two
   * places only: what stands in the event's id, and zeros before an index.
   */
  read(frame: string): AudioDelta | null {
    return this.#readAlike(frame) ?? this.#readFlat(frame);
  }

  /** A frame that differs from the one before in the id of the event and in the samples only. */
  #readAlike(frame: string): AudioDelta | null {
    const head = this.#head;
    if (head === "" || !frame.startsWith(head)) return null;
    const end = frame.indexOf('"', head.length);
    if (end < 0 || frame.charCodeAt(end - 1) === BACKSLASH) return null;
    const middle = this.#middle;
    const tail = this.#tail;
    if (!frame.startsWith(middle, end) || !frame.endsWith(tail)) return null;
    const from = end + middle.length;
    const to = frame.length - tail.length;
    if (from > to) return null;
    const pcm = this.samples(frame.slice(from, to));
    if (typeof pcm === "string") return null;
    this.#event.pcm = pcm;
    return this.#event;
  }

  #readFlat(frame: string): AudioDelta | null {
    let at = 1;
    let typed = false;
    let response = "";
    let item = "";
    let idFrom = -1;
    let idTo = -1;
    let audioFrom = -1;
    let audioTo = -1;
    const type = this.#type;
    for (;;) {
      if (frame.charCodeAt(at) !== QUOTE) return null;
      const key = at + 1;
      const keyEnd = frame.indexOf('":', key);
      if (keyEnd < 0) return null;
      let end = keyEnd + 2;
      if (frame.charCodeAt(end) === QUOTE) {
        const from = end + 1;
        end = frame.indexOf('"', from);
        if (end < 0 || frame.charCodeAt(end - 1) === BACKSLASH) return null;
        switch (keyEnd - key) {
          case 4:
            if (!frame.startsWith("type", key)) return null;
            if (end - from !== type.length || !frame.startsWith(type, from)) return null;
            typed = true;
            break;
          case 5:
            if (!typed || !frame.startsWith("delta", key)) return null;
            audioFrom = from;
            audioTo = end;
            break;
          case 7:
            if (!frame.startsWith("item_id", key)) return null;
            item = keptId(frame, from, end, this.#event.itemId);
            if (item === "") return null;
            break;
          case 8:
            if (!frame.startsWith("event_id", key)) return null;
            idFrom = from;
            idTo = end;
            break;
          case 11:
            if (!frame.startsWith("response_id", key)) return null;
            response = keptId(frame, from, end, this.#event.responseId);
            if (response === "") return null;
            break;
          default:
            return null;
        }
        end++;
      } else {
        if (!frame.startsWith('output_index":', key) && !frame.startsWith('content_index":', key))
          return null;
        const from = end;
        while (isDigit(frame.charCodeAt(end))) end++;
        if (end === from) return null;
      }
      if (frame.charCodeAt(end) === COMMA) at = end + 1;
      else if (frame.charCodeAt(end) === BRACE && end + 1 === frame.length) break;
      else return null;
    }
    if (audioFrom < 0 || item === "" || response === "" || frame.charCodeAt(0) !== OPENING) return null;
    const pcm = this.samples(frame.slice(audioFrom, audioTo));
    if (typeof pcm === "string") return null;
    const event = this.event(response, item, pcm);
    this.#head = idFrom < 0 || idFrom > audioFrom ? "" : copy(frame.slice(0, idFrom));
    this.#middle = copy(frame.slice(idTo, audioFrom));
    this.#tail = copy(frame.slice(audioTo));
    return event;
  }

  /** The event that is handed out each time, filled in. */
  event(responseId: string, itemId: string, pcm: Int16Array): AudioDelta {
    this.#head = "";
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

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** The id between two positions: the kept string where it is the same; "" where it is not a plain id. */
function keptId(frame: string, from: number, to: number, kept: string): string {
  if (kept !== "" && kept.length === to - from && frame.startsWith(kept, from)) return kept;
  const id = frame.slice(from, to);
  return ID.test(id) ? copy(id) : "";
}

/** A slice would keep the whole frame alive. */
function copy(slice: string): string {
  return Buffer.from(slice).toString();
}
