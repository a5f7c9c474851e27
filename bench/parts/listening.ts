import { FRAME_MS, FRAME_SAMPLES } from "../../core/audio/port.ts";
import { noise } from "../fixtures/sound.ts";
import type { Measures, Part, Row } from "../part.ts";
import { nsPerTurn } from "../stopwatch.ts";

const FRAMES = 64;

/** CPU time of a plugin's own code for a frame of the microphone, as a share of the frame. */
async function measure(use: string): Promise<Measures> {
  const { Ears } = await import("../corpus/ears.ts");
  const ears = await Ears.open([{ use }]);
  const frames = Array.from({ length: FRAMES }, (_, i) => noise(FRAME_SAMPLES, i + 1));
  const { ns } = nsPerTurn((turns) => {
    for (let i = 0; i < turns; i++) ears.hear(frames[i & (FRAMES - 1)]!, frames[(i + 3) & (FRAMES - 1)]!);
    return ears.heard[turns % FRAME_SAMPLES]!;
  });
  return { core_percent: (100 * (ns as number)) / (FRAME_MS * 1e6) };
}

/** On a Raspberry Pi 4, which is four to six times slower, all that a profile has of these must stay below 15 %. */
const MOST: Readonly<Record<string, number>> = {
  "vad-energy": 0.1,
  "vad-webrtc": 0.3,
  "vad-silero": 1,
  "noise-rnnoise": 3,
  "gain-agc": 0.1,
  "aec-speex": 2,
};

const row = (use: string): Row => ({
  ...{
    name: use.replace("-", "_"),
    title: `${use}: CPU time of what the microphone hears`,
    unit: "% of a core",
  },
  ...{ metric: "core_percent", peers: [], ours: use, across: "best" },
  goals: [{ kind: "at_most", most: MOST[use]! }],
});

/** Voice detectors and stages of the listening chain, each alone with noise in both directions: none of them rests then. */
export const part: Part = {
  rounds: 3,
  rows: Object.keys(MOST).map(row),
  cases: Object.fromEntries(Object.keys(MOST).map((use) => [use, () => measure(use)])),
};
