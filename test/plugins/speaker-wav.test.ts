import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeWav } from "myna";
import { startTestRobot } from "../kit/index.ts";
import type { TestRobot } from "../kit/index.ts";

const folder = mkdtempSync(join(tmpdir(), "myna-speaker-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ramp = (length: number, from = 1): Int16Array<ArrayBuffer> =>
  Int16Array.from({ length }, (_, i) => from + i);
const played = (robot: TestRobot): number[] => [...robot.played()].filter((sample) => sample !== 0);
const recorded = (file: string): number[] =>
  [...decodeWav(readFileSync(file)).pcm].filter((sample) => sample !== 0);

describe("speaker-wav", () => {
  test("the file holds what was played, and a reload goes on in the next file", async () => {
    const file = join(folder, "robot.wav");
    {
      await using robot = await startTestRobot({ plugins: { speaker: { use: "speaker-wav", file } } });
      await robot.robot.audio.port.playSound(ramp(2000));
      // What was heard is handed out in frames: the last one a moment later than the last sample.
      const handedOut = async (samples: number): Promise<void> => {
        while (played(robot).length < samples) await Bun.sleep(2);
      };
      await handedOut(2000);
      await robot.reload("speaker");
      await robot.robot.audio.port.playSound(ramp(1500, 9000));
      await handedOut(3500);
    }
    expect(recorded(file)).toEqual([...ramp(2000)]);
    expect(recorded(join(folder, "robot-2.wav"))).toEqual([...ramp(1500, 9000)]);
  });

  test("a reload in the middle of an answer loses nothing of it", async () => {
    await using robot = await startTestRobot({ audio: true });
    const { playback } = robot.robot.audio;
    playback.write("a", ramp(12_000));
    playback.end("a");
    for (const endMs = performance.now() + 5000; playback.playedMs("a") < 100 && performance.now() < endMs;) {
      await Bun.sleep(5);
    }
    await robot.reload("speaker");
    for (const endMs = performance.now() + 5000; played(robot).length < 12_000 && performance.now() < endMs;)
      await Bun.sleep(5);
    expect(playback.playedMs("a")).toBe(500);
    expect(played(robot)).toEqual([...ramp(12_000)]);
  });

  test("a file that cannot be written fails for good and names the key", async () => {
    const file = join(folder, "no-such-folder", "x.wav");
    const error = await startTestRobot({ plugins: { speaker: { use: "speaker-wav", file } } }).then(
      () => undefined,
      (thrown: unknown) => thrown as { code: string; message: string },
    );
    expect(error).toMatchObject({ code: "CONFIG_INVALID" });
    expect(error!.message).toContain("file:");
    expect(error!.message).toContain("no-such-folder");
  });
});
