import { tone } from "./realtime-kit.ts";

/** A frame that no well-behaved server sends. */
export interface HostileFrame {
  name: string;
  frame: string | Uint8Array;
}

const json = (event: unknown): string => JSON.stringify(event);
const place = { response_id: "resp_f", item_id: "item_f", output_index: 0, content_index: 0 };
const audio = (delta: unknown): string =>
  json({ type: "response.output_audio.delta", event_id: "e", ...place, delta });
const nested = (depth: number): string => `{"type":"x","a":${"[".repeat(depth)}${"]".repeat(depth)}}`;

/** Values that stand where another type belongs. */
const WRONG: readonly unknown[] = [null, true, 0, -1, 1e308, "", "text", [], [[]], {}, { type: "x" }, [null]];

/** Server events with the fields that a client looks at. */
const SHAPES: Record<string, readonly string[]> = {
  "session.created": ["session"],
  "session.updated": ["session"],
  "input_audio_buffer.speech_started": ["item_id", "audio_start_ms"],
  "input_audio_buffer.committed": ["item_id", "previous_item_id"],
  "conversation.item.added": ["item", "previous_item_id"],
  "conversation.item.input_audio_transcription.delta": ["item_id", "delta"],
  "conversation.item.input_audio_transcription.completed": ["item_id", "transcript", "usage"],
  "response.created": ["response"],
  "response.done": ["response"],
  "response.output_item.added": ["item", "response_id"],
  "response.output_item.done": ["item", "response_id"],
  "response.output_audio.delta": ["response_id", "item_id", "delta"],
  "response.output_audio_transcript.delta": ["response_id", "item_id", "delta"],
  "response.output_audio_transcript.done": ["response_id", "item_id", "transcript"],
  "response.function_call_arguments.done": ["call_id", "name", "arguments"],
  "rate_limits.updated": ["rate_limits"],
};

/** One by one: none is a reason to throw, to close, or to believe anything. */
export const HOSTILE_FRAMES: readonly HostileFrame[] = [
  { name: "nothing", frame: "" },
  { name: "a blank", frame: " " },
  { name: "truncated JSON", frame: '{"type":"response.done","response":{"id":"r' },
  { name: "a truncated audio delta", frame: audio(tone(20)).slice(0, -3) },
  { name: "two events in one frame", frame: json({ type: "a.b" }) + json({ type: "c.d" }) },
  { name: "a comment", frame: `/* */${json({ type: "response.done" })}` },
  { name: "a bare null", frame: "null" },
  { name: "a bare list", frame: "[]" },
  { name: "a bare number", frame: "1e999" },
  { name: "a bare text", frame: '"response.done"' },
  { name: "an object without a type", frame: "{}" },
  { name: "a type that is a number", frame: json({ type: 7 }) },
  { name: "a type that is an object", frame: json({ type: { toString: "x" } }) },
  { name: "an empty type", frame: json({ type: "" }) },
  { name: "a type of a megabyte", frame: json({ type: `a.${"b".repeat(1_000_000)}` }) },
  { name: "the name of one of our own events", frame: json({ type: "connect", url: "ws://evil/" }) },
  { name: "the name of another of our own events", frame: json({ type: "audio", pcm: null }) },
  { name: "a prototype as type", frame: json({ type: "__proto__" }) },
  { name: "a constructor as type", frame: json({ type: "constructor" }) },
  {
    name: "prototype keys",
    frame: '{"type":"response.done","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  },
  {
    name: "prototype keys within",
    frame:
      '{"type":"response.done","response":{"__proto__":{"polluted":1},"id":"__proto__","output":[{"__proto__":{"polluted":1}}]}}',
  },
  {
    name: "ids that are prototype keys",
    frame: json({
      type: "conversation.item.input_audio_transcription.delta",
      item_id: "__proto__",
      delta: "",
    }),
  },
  { name: "the same key twice", frame: '{"type":"response.done","type":"response.created","response":{}}' },
  { name: "invalid base64", frame: audio("!!!!") },
  { name: "base64 of the wrong length", frame: audio("AAAAA") },
  { name: "base64 with blanks", frame: audio("AA AA AA") },
  { name: "an odd number of bytes", frame: audio(Buffer.from([1, 2, 3]).toString("base64")) },
  { name: "no audio", frame: audio("") },
  { name: "audio that is a list", frame: audio([1, 2]) },
  { name: "audio of nobody", frame: json({ type: "response.output_audio.delta", delta: "!!" }) },
  { name: "an escaped audio delta", frame: audio("AAA").replace("AAA", "AA\\u0041") },
  {
    name: "huge numbers",
    frame: '{"type":"input_audio_buffer.speech_stopped","audio_end_ms":1e400,"item_id":""}',
  },
  {
    name: "a number of a thousand digits",
    frame: `{"type":"rate_limits.updated","rate_limits":[{"remaining":${"9".repeat(1000)}}]}`,
  },
  { name: "lone surrogates", frame: '{"type":"response.output_text.delta","delta":"\\ud800"}' },
  { name: "zero bytes", frame: '{"type":"a\\u0000.b"}' },
  { name: "deep nesting", frame: nested(5_000) },
  { name: "very deep nesting", frame: nested(200_000) },
  { name: "nesting that never closes", frame: '{"type":"x","a":' + "[".repeat(100_000) },
  {
    name: "a list of a hundred thousand",
    frame: json({
      type: "response.done",
      response: { id: 1, output: Array(100_000).fill({ type: "function_call" }) },
    }),
  },
  {
    name: "a done without a created",
    frame: json({ type: "response.done", response: { id: "resp_unknown", status: "completed", output: [] } }),
  },
  {
    name: "a status nobody knows",
    frame: json({
      type: "response.done",
      response: { id: "resp_unknown2", status: "great", status_details: "because" },
    }),
  },
  {
    name: "an item that nobody opened",
    frame: json({ type: "response.output_item.done", ...place, item: { id: "item_x", type: "message" } }),
  },
  {
    name: "a deletion of nothing",
    frame: json({ type: "conversation.item.deleted", item_id: "item_nobody" }),
  },
  {
    name: "a call without a name",
    frame: json({
      type: "response.output_item.done",
      ...place,
      item: { type: "function_call", call_id: "c", arguments: "{", status: "completed" },
    }),
  },
  { name: "an error without anything", frame: json({ type: "error" }) },
  { name: "an error that is a text", frame: json({ type: "error", error: "oops" }) },
  {
    name: "an error of wrong types",
    frame: json({ type: "error", error: { code: {}, message: [], type: 1, event_id: {} } }),
  },
  { name: "a binary frame", frame: new Uint8Array([0, 1, 2, 255]) },
  {
    name: "an event as a binary frame",
    frame: new TextEncoder().encode(json({ type: "response.created", response: { id: "binary" } })),
  },
  { name: "an empty binary frame", frame: new Uint8Array(0) },
  ...Object.entries(SHAPES).flatMap(([type, fields]) => [
    { name: `${type} without fields`, frame: json({ type }) },
    ...fields.flatMap((field) =>
      WRONG.map((value) => ({
        name: `${type} with ${field} = ${json(value)}`,
        frame: json({ type, event_id: "e", [field]: value }),
      })),
    ),
  ]),
];

/** Deterministic numbers from 0 to 1 (mulberry32): the same seed, the same run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A frame of real traffic with one thing wrong: cut, doubled, spliced with another, a value or a key of another kind. */
export function mutated(frame: string, other: string, random: () => number): string {
  const at = Math.floor(random() * frame.length);
  const span = 1 + Math.floor(random() * 12);
  switch (Math.floor(random() * 7)) {
    case 0:
      return frame.slice(0, at);
    case 1:
      return frame.slice(0, at) + frame.slice(at + span);
    case 2:
      return frame.slice(0, at + span) + frame.slice(at);
    case 3:
      return frame.slice(0, at) + other.slice(Math.floor(random() * other.length));
    case 4:
      return frame.slice(0, at) + String.fromCharCode(Math.floor(random() * 0x3000)) + frame.slice(at + 1);
    case 5:
      return replaceValue(frame, WRONG[Math.floor(random() * WRONG.length)], random);
    default:
      return frame.replace(
        /"(id|item_id|response_id|call_id|type)"/,
        random() < 0.5 ? '"__proto__"' : '"gone"',
      );
  }
}

/** Puts `value` in the place of one that is somewhere in the event. */
function replaceValue(frame: string, value: unknown, random: () => number): string {
  const event = JSON.parse(frame) as unknown;
  let holder = event as Record<string, unknown>;
  for (let depth = 0; depth < 5; depth++) {
    const keys = Object.keys(holder);
    const key = keys[Math.floor(random() * keys.length)];
    if (key === undefined) break;
    const child = holder[key];
    if (typeof child === "object" && child !== null && random() < 0.6) {
      holder = child as Record<string, unknown>;
      continue;
    }
    holder[key] = value;
    break;
  }
  return JSON.stringify(event);
}
