/**
 * Run as a program of its own: libasound reads its configuration from the environment of the process.
 * `play DEVICE IN` plays PCM16 from a file, `record DEVICE OUT N` records N samples (a rate may follow), `library NAME` loads a
 * library; prints JSON.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { openCapture, openPlayback } from "../../core/audio/alsa-device.ts";
import { loadAlsa } from "../../core/audio/alsa.ts";

const [what, device = "", file = "", count = "0", rate] = process.argv.slice(2);
const rate_hz = rate === undefined ? undefined : Number(rate);
const BLOCK = 480;

function run(): Record<string, unknown> {
  if (what === "library") {
    loadAlsa(device);
    return {};
  }
  return what === "play" ? play() : record();
}

function play(): Record<string, unknown> {
  const startedMs = performance.now();
  const bytes = readFileSync(file);
  const pcm = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const speaker = openPlayback({ device, rate_hz });
  const openMs = performance.now() - startedMs;
  const { rateHz, channels, format } = speaker;
  const write = (block: Int16Array): void =>
    speaker.format === "f32"
      ? speaker.write(Float32Array.from(block, (sample) => sample / 32_768))
      : speaker.write(block);
  for (let at = 0; at < pcm.length; at += BLOCK) write(pcm.subarray(at, at + BLOCK));
  const delay = speaker.delay();
  speaker.drop();
  write(new Int16Array(BLOCK * channels));
  speaker.close();
  return { rateHz, channels, format, delay, openMs };
}

function record(): Record<string, unknown> {
  const microphone = openCapture({ device, rate_hz });
  const { rateHz, channels, format } = microphone;
  const pcm = new Int16Array(Number(count));
  const floats = new Float32Array(BLOCK);
  for (let at = 0; at < pcm.length;) {
    if (microphone.format === "f32") {
      const read = microphone.read(floats) * channels;
      pcm.set(
        floats.subarray(0, read).map((value) => value * 32_768),
        at,
      );
      at += read;
    } else at += microphone.read(pcm.subarray(at, Math.min(pcm.length, at + BLOCK))) * channels;
  }
  microphone.close();
  writeFileSync(file, pcm);
  return { rateHz, channels, format };
}

try {
  process.stdout.write(JSON.stringify(run()));
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  process.stdout.write(JSON.stringify({ code, message }));
}
