import { openPlayback } from "../../../core/audio/alsa-device.ts";

/** Run as a program of its own: takes every substream of the card that its argument names, and keeps them. */
const card = process.argv[2]!;
/** snd-aloop has eight. */
const MOST = 64;

let held = 0;
try {
  for (; held < MOST; held++) openPlayback({ device: card });
} catch (error) {
  process.stdout.write(`${JSON.stringify({ held, refused: (error as Error).message })}\n`);
}
await Bun.stdin.text();
process.exit();
