import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { AudioPort } from "./audio/port.ts";
import { RATE_HZ } from "./audio/port.ts";
import { WavWriter } from "./audio/wav.ts";
import { MynaError } from "./errors.ts";

/** Keeps what the loudspeaker played in `folder`, as one WAV file per run (24 kHz mono). Close it to finish the file. */
export function recordLoudspeaker(audio: AudioPort, folder: string): { file: string; close(): void } {
  const stamp = new Date().toISOString().replace(/[-:]/g, "").replace(/\..*$/, "");
  const file = join(folder, `speaker-${stamp}.wav`);
  let writer: WavWriter;
  try {
    mkdirSync(folder, { recursive: true });
    writer = new WavWriter(file, RATE_HZ);
  } catch (cause) {
    throw new MynaError(
      "CONFIG_INVALID",
      `--record ${folder}: cannot write there: ${(cause as Error).message}`,
      { cause },
    );
  }
  const undo = audio.onPlayed((frame) => writer.write(frame));
  return {
    file,
    close() {
      undo();
      writer.close();
    },
  };
}
