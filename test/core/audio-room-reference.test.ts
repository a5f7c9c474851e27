import { expect, test } from "bun:test";
import { AudioEngine } from "../../core/audio/engine.ts";
import { RATE_HZ } from "../../core/audio/port.ts";
import { Room } from "../kit/room.ts";

const DELAY_MS = 8;
const WINDOW = 4000;
const HALF_S = RATE_HZ / 2;

/** By how many samples the echo follows the reference at a place, and how alike they are there: 1 is the same. */
function compare(echo: number[], reference: number[], at: number): { lag: number; likeness: number } {
  let best = { lag: 0, likeness: 0 };
  for (let lag = 0; lag <= 500; lag++) {
    let [product, echoPower, power] = [0, 1, 1];
    for (let i = at; i < at + WINDOW; i++) {
      product += echo[i]! * reference[i - lag]!;
      echoPower += echo[i]! ** 2;
      power += reference[i - lag]! ** 2;
    }
    const likeness = product / Math.sqrt(echoPower * power);
    if (likeness > best.likeness) best = { lag, likeness };
  }
  return best;
}

test.each([
  ["after a stall and a flush", 0],
  ["from a loudspeaker whose word on its delay wanders by 20 ms to either side", 20],
] as const)(
  "in a room the echo follows the reference by the way of the sound, also %s",
  async (_, wanderMs) => {
    const room = new Room({ delayMs: DELAY_MS, echoDb: -10, reverbMs: 0, noiseDb: -80, wanderMs });
    const engine = new AudioEngine();
    try {
      const echo: number[] = [];
      const reference: number[] = [];
      engine.port.onRawFrame((frame, heard) => {
        echo.push(...frame);
        reference.push(...heard);
      });
      await engine.port.openCapture(room.microphone);
      await engine.port.openPlayback(room.loudspeaker);
      await Bun.sleep(1200);
      let state = 1;
      const noise = Int16Array.from({ length: 5 * RATE_HZ }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        return state >> 20;
      });
      const played = engine.port.playSound(noise);
      await Bun.sleep(2000);
      const untilMs = performance.now() + 200;
      while (performance.now() < untilMs);
      await Bun.sleep(500);
      engine.playback.write("a", new Int16Array(4800));
      await Bun.sleep(100);
      engine.playback.flush();
      await played;
      const places = Array.from({ length: 16 }, (_, i) => RATE_HZ + i * HALF_S);
      const found = places
        .filter((at) => at + WINDOW < echo.length)
        .map((at) => compare(echo, reference, at))
        // A place where the device ran dry, as on a busy machine, or where nothing was played, tells nothing.
        .filter(({ likeness }) => likeness > 0.5);
      expect(found.length).toBeGreaterThan(3);
      const wayMs = found.map(({ lag }) => lag / (RATE_HZ / 1000));
      for (const ms of wayMs) expect(Math.abs(ms - DELAY_MS)).toBeLessThan(0.5);
    } finally {
      await engine.close();
    }
  },
  20_000,
);
