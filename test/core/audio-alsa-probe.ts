/**
 * Run as a program of its own: libasound reads its configuration from the environment of the process.
 * `play IN` plays PCM16 from a file, `record OUT N` records N samples, `library NAME` loads a library; prints JSON.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { openCapture, openPlayback } from "../../core/audio/alsa-device.ts";
import { loadAlsa } from "../../core/audio/alsa.ts";

const [what, device = "", file = "", count = "0"] = process.argv.slice(2);

function run(): Record<string, unknown> {
  if (what === "library") {
    loadAlsa(device);
    return {};
  }
  const startedMs = performance.now();
  if (what === "play") {
    const bytes = readFileSync(file);
    const pcm = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    const speaker = openPlayback({ device });
    const openMs = performance.now() - startedMs;
    for (let at = 0; at < pcm.length; at += 480) speaker.write(pcm.subarray(at, at + 480));
    const delay = speaker.delay();
    speaker.drop();
    speaker.write(new Int16Array(480));
    speaker.close();
    return { rateHz: speaker.rateHz, channels: speaker.channels, delay, openMs };
  }
  const microphone = openCapture({ device });
  const { rateHz, channels } = microphone;
  const pcm = new Int16Array(Number(count));
  for (let at = 0; at < pcm.length;) {
    at += microphone.read(pcm.subarray(at, Math.min(pcm.length, at + 480))) * channels;
  }
  microphone.close();
  writeFileSync(file, pcm);
  return { rateHz, channels };
}

try {
  process.stdout.write(JSON.stringify(run()));
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  process.stdout.write(JSON.stringify({ code, message }));
}
