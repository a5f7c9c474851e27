import { bytesOf, noise } from "../fixtures/sound.ts";
import type { Measures, Part } from "../part.ts";
import { nsPerTurn } from "../stopwatch.ts";

/** Distinct texts in rotation: with one text alone the engine does the search for the audio once and keeps the answer. */
const TEXTS = 64;
const SAMPLES_PER_MS = 24;
const DELTA_MS = { ns_20ms: 20, ns_100ms: 100 } as const;

function audioOf(durationMs: number): string[] {
  return Array.from({ length: TEXTS }, (_, i) =>
    bytesOf(noise(durationMs * SAMPLES_PER_MS, i + 1)).toString("base64"),
  );
}

/** One audio delta of an answer as the Realtime API (GA) sends it; a flat string, as a socket gives it. */
function frameOf(audio: string, i: number): string {
  const text = JSON.stringify({
    type: "response.output_audio.delta",
    event_id: `event_${String(i).padStart(21, "0")}`,
    response_id: "resp_CBwfP7n2YQk1xUu8aVtJd",
    item_id: "item_CBwfPd3sM0LrTqHc5eZ1b",
    output_index: 0,
    content_index: 0,
    delta: audio,
  });
  return Buffer.from(text).toString("latin1");
}

/** A method that Bun has and its types do not name; the fastest base64 decoder there is in Bun. */
interface Base64Buffer {
  base64Write(text: string, offset: number, length: number): number;
}

/** Runs `decode` on rotating texts of both sizes; it answers a sample of the decoded audio. */
function measure(texts: (durationMs: number) => string[], decode: (text: string) => number): Measures {
  const measures: Measures = {};
  for (const [metric, durationMs] of Object.entries(DELTA_MS)) {
    const rotation = texts(durationMs);
    measures[metric] = nsPerTurn((turns) => {
      let sum = 0;
      for (let i = 0; i < turns; i++) sum += decode(rotation[i & (TEXTS - 1)]!);
      return sum;
    })["ns"]!;
  }
  return measures;
}

const frames = (durationMs: number) => audioOf(durationMs).map(frameOf);

function base64Alone(): Measures {
  const kept = Buffer.alloc(16_384) as Buffer<ArrayBuffer> & Base64Buffer;
  const samples = new Int16Array(kept.buffer, kept.byteOffset, kept.byteLength >> 1);
  return measure(audioOf, (text) => {
    const bytes = kept.base64Write(text, 0, kept.byteLength);
    return samples[(bytes >> 1) - 1]!;
  });
}

function parseAndFrom(): Measures {
  return measure(frames, (text) => {
    const event = JSON.parse(text) as { delta: string };
    const bytes = Buffer.from(event.delta, "base64");
    const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
    return samples[samples.length - 1]!;
  });
}

async function myna(): Promise<Measures> {
  const { GaDialect } = await import("../../core/realtime/dialect-ga.ts");
  const dialect = new GaDialect();
  return measure(frames, (text) => {
    const event = dialect.decode(text);
    if (event?.type !== "audio") throw new Error("The dialect did not see the audio.");
    return event.pcm[event.pcm.length - 1]!;
  });
}

const row = { unit: "ns", limit: "base64 alone", peers: ["JSON.parse + Buffer.from"], ours: "myna" } as const;

/** The limit decodes the audio's base64 text into a kept buffer and looks at nothing else of the event. */
export const part: Part = {
  rounds: 3,
  rows: [
    {
      ...row,
      name: "inbound_delta",
      title: "text of an audio delta of 100 ms to samples",
      metric: "ns_100ms",
      across: "best",
      goals: [{ kind: "times_limit", most: 2 }],
    },
    {
      ...row,
      name: "inbound_delta_20ms",
      title: "text of an audio delta of 20 ms to samples",
      metric: "ns_20ms",
      across: "best",
      goals: [],
    },
  ],
  cases: {
    "base64 alone": base64Alone,
    "JSON.parse + Buffer.from": parseAndFrom,
    myna,
  },
};
