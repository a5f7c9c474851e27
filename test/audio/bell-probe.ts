/**
 * Run as a program of its own, its argument an ALSA device: a thread that waits for room in that loudspeaker, as a playback thread
 * does. Prints "playing" when the device takes sound and "waiting" when it stands still; rings then, and prints how long the thread
 * took to notice, ms.
 */
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { openPlayback } from "../../core/audio/alsa-device.ts";
import { Bell } from "../../core/audio/bell.ts";

interface Setup {
  device: string;
  bell: SharedArrayBuffer;
  periods: SharedArrayBuffer;
}
/** A device that has taken nothing for so long stands still; it is given up after 2 s. */
const STILL_MS = 300;

if (isMainThread) {
  const bell = new Bell();
  const periods = new Int32Array(new SharedArrayBuffer(8));
  const setup: Setup = { device: process.argv[2]!, bell: bell.memory, periods: periods.buffer };
  const worker = new Worker(import.meta.path, { workerData: setup });
  worker.once("error", (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  while (periods[0] === 0) await Bun.sleep(10);
  process.stdout.write("playing\n");
  for (let before = -1, stillMs = 0; stillMs < STILL_MS; before = periods[0]!) {
    await Bun.sleep(10);
    stillMs = periods[0] === before ? stillMs + 10 : 0;
  }
  process.stdout.write("waiting\n");
  const rangMs = performance.now();
  worker.once("message", () => {
    process.stdout.write(`${performance.now() - rangMs}\n`);
    process.exit();
  });
  Atomics.store(periods, 1, 1);
  bell.ring();
} else {
  const { device, bell, periods } = workerData as Setup;
  const words = new Int32Array(periods);
  const speaker = openPlayback({ device }, new Bell(bell));
  const period = new Int16Array((speaker.rateHz / 50) * speaker.channels);
  for (; ; Atomics.add(words, 0, 1)) {
    speaker.awaitRoom?.();
    if (Atomics.load(words, 1) !== 0) break;
    speaker.format === "f32" ? speaker.write(new Float32Array(period.length)) : speaker.write(period);
  }
  parentPort?.postMessage("rung");
}
