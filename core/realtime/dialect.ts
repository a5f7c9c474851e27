import type { ClientEvent, ServerEvent } from "./events.ts";

/** An event as it is on the wire: an object of JSON with a type, otherwise unchecked. */
export type WireEvent = Record<string, unknown> & { type: string };

/** One server's way of writing events: JSON text on one side, the internal model on the other. One per connection. */
export interface Dialect {
  readonly name: string;
  /** The event that the last `decode` parsed, in this dialect's names; null for audio that needed no parsing, and for garbage. */
  readonly wire: WireEvent | null;
  /** URL and headers of the WebSocket. The key is in the headers only. */
  request(
    url: string,
    model: string,
    apiKey: string | undefined,
  ): { url: string; headers: Record<string, string> };
  /**
   * Null for what does not concern us or is not understood; never throws. An audio event is the same object each
   * time: use it before the next call.
   */
  decode(frame: string): ServerEvent | null;
  encode(event: ClientEvent): string;
  /**
   * The text of the event that appends PCM16 mono 24 kHz to the input buffer. A caller that hands in the same array
   * each time, with new samples in it, makes no garbage but the text.
   */
  append(pcm: Int16Array): string;
  counters(): Record<string, number>;
}
