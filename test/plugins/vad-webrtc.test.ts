import { describe, expect, test } from "bun:test";
import { Ears } from "../../bench/corpus/ears.ts";
import { startTestRobot } from "../kit/index.ts";
import { flite } from "../kit/voices.ts";

/** White noise, the same at every run. */
function noise(seconds: number, size: number): Int16Array {
  let state = 9;
  return Int16Array.from({ length: seconds * 24_000 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return size * (state / 2 ** 31 - 1);
  });
}

describe("vad-webrtc", () => {
  test("finds a sentence once, from its beginning to its end", async () => {
    const speech = await flite("turn left and drive to the door", "rms");
    const ears = await Ears.open([{ use: "vad-webrtc" }]);
    ears.hearAll(noise(1, 40));
    ears.hearAll(speech);
    ears.hearAll(noise(1, 40));
    const changes = ears.changes("vad-webrtc");
    expect(changes.map(({ kind }) => kind)).toEqual(["started", "stopped"]);
    const [started, stopped] = changes;
    expect(started!.speechAtMs).toBeWithin(980, 1400);
    expect(started!.atMs - started!.speechAtMs).toBeWithin(60, 200);
    expect(stopped!.speechAtMs).toBeWithin(1000 + speech.length / 48, 1400 + speech.length / 24);
    expect(ears.report("vad-webrtc")).toMatchObject({ speaking: false, starts: 1 });
  });

  test("steady noise is taken for speech for the first half second at most", async () => {
    const ears = await Ears.open([{ use: "vad-webrtc" }]);
    ears.hearAll(noise(10, 3000));
    for (const { atMs } of ears.changes("vad-webrtc")) expect(atMs).toBeLessThan(500);
    expect(ears.report("vad-webrtc")["speaking"]).toBe(false);
  });

  test("the more aggressive it is, the less it takes for speech", async () => {
    const speech = await flite("what do you see in front of you", "slt");
    const heardMs = await Promise.all(
      [0, 1, 2, 3].map(async (aggressiveness) => {
        const ears = await Ears.open([{ use: "vad-webrtc", aggressiveness }]);
        ears.hearAll(noise(2, 300));
        ears.hearAll(speech);
        return Number(ears.report("vad-webrtc")["speech_ms"]);
      }),
    );
    expect(heardMs).toEqual(heardMs.toSorted((a, b) => b - a));
    expect(heardMs[0]).toBeGreaterThan(heardMs[3]!);
  });

  test("an aggressiveness that the library does not have is refused with its key", () => {
    const wrong = { use: "vad-webrtc", aggressiveness: 4 };
    expect(startTestRobot({ plugins: { vad: wrong } })).rejects.toThrow("aggressiveness");
  });

  test("a robot with it tells of speech on its own microphone", async () => {
    await using robot = await startTestRobot({ audio: true, plugins: { vad: { use: "vad-webrtc" } } });
    await robot.feed(await flite("stop at the table", "slt"));
    await robot.waitFor("user.speech_started", ({ source }) => source === "local");
    await robot.feed(new Int16Array(24_000));
    await robot.waitFor("user.speech_stopped", ({ source }) => source === "local");
  });
});
