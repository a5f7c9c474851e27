import { FRAME_SAMPLES } from "../audio/port.ts";
import { ServerVad } from "../audio/server-vad.ts";

/** The defaults of the Realtime API. */
const SETTINGS = { threshold: 0.5, silenceMs: 500 };

/** The frames, by their number, at which a server that detects voices by their energy takes `pcm` (24 kHz mono) for speech. */
export function serverStarts(pcm: Int16Array): number[] {
  const vad = new ServerVad(SETTINGS);
  const starts: number[] = [];
  for (let i = 0; (i + 1) * FRAME_SAMPLES <= pcm.length; i++) {
    if (vad.process(pcm.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES)) === "started") starts.push(i);
  }
  return starts;
}
