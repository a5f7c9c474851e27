import { bytesOf, noise } from "../fixtures/sound.ts";
import type { Measures, Part } from "../part.ts";
import { nsPerTurn } from "../stopwatch.ts";

const FRAMES = 64;
const frames = Array.from({ length: FRAMES }, (_, i) => noise(480, i + 1));
/** The microphone hands out one buffer again and again, with other samples in it. */
const kept = new Int16Array(480);
const keptBytes = bytesOf(kept);

/**
 * Reads one character of the text: that makes the engine write a concatenated string out in full, as sending it would.
 */
function measure(encode: () => string): Measures {
  return nsPerTurn((turns) => {
    let sum = 0;
    for (let i = 0; i < turns; i++) {
      kept.set(frames[i & (FRAMES - 1)]!);
      sum += encode().charCodeAt(60 + (i & 511));
    }
    return sum;
  });
}

const HEAD = '{"type":"input_audio_buffer.append","audio":"';

/** The limit is the concatenation of a constant, the frame in base64 and a constant. */
export const part: Part = {
  rounds: 3,
  rows: [
    {
      name: "outbound_frame",
      title: "a 20 ms microphone frame to the text of its event",
      unit: "ns",
      metric: "ns",
      limit: "concatenation",
      peers: ["JSON.stringify"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "times_limit", most: 1.2 }],
    },
  ],
  cases: {
    concatenation: () => measure(() => `${HEAD}${keptBytes.toBase64()}"}`),
    "JSON.stringify": () =>
      measure(() =>
        JSON.stringify({ type: "input_audio_buffer.append", audio: keptBytes.toString("base64") }),
      ),
    myna: async () => {
      const { GaDialect } = await import("../../core/realtime/dialect-ga.ts");
      const dialect = new GaDialect();
      return measure(() => dialect.append(kept));
    },
  },
};
