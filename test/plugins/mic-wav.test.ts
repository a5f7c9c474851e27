import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav } from "myna";
import { startTestRobot } from "../kit/index.ts";
import type { TestRobot } from "../kit/index.ts";

const folder = mkdtempSync(join(tmpdir(), "myna-mic-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ramp = (length: number): Int16Array<ArrayBuffer> =>
  Int16Array.from({ length }, (_, i) => 1 + (i % 30_000));

function save(name: string, bytes: Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

function listen(robot: TestRobot): number[] {
  const heard: number[] = [];
  robot.robot.audio.port.onFrame((frame) => heard.push(...frame.filter((sample) => sample !== 0)));
  return heard;
}

async function until(condition: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 8000; !condition() && performance.now() < endMs;) await Bun.sleep(5);
  expect(condition()).toBe(true);
}

describe("mic-wav", () => {
  test("a file is spoken into the microphone bit for bit, once, also after a reload", async () => {
    const file = save("short.wav", encodeWav(ramp(4800), 24_000));
    await using robot = await startTestRobot({
      plugins: { mic: { use: "mic-wav", file, start_after_s: 0.1 } },
    });
    const heard = listen(robot);
    await until(() => heard.length >= 4800);
    await robot.reload("mic");
    await robot.feed(ramp(300));
    expect(heard).toEqual([...ramp(4800), ...ramp(300)]);
  });

  test("with loop the file is spoken over and over", async () => {
    const file = save("loop.wav", encodeWav(ramp(1000), 24_000));
    await using robot = await startTestRobot({ plugins: { mic: { use: "mic-wav", file, loop: true } } });
    const heard = listen(robot);
    await until(() => heard.length >= 4000);
    const at = heard.indexOf(1);
    expect(heard.slice(at, at + 2000)).toEqual([...ramp(1000), ...ramp(1000)]);
  });

  for (const [what, file, code, words] of [
    ["is missing", join(folder, "nowhere.wav"), "CONFIG_INVALID", ["file:", "nowhere.wav"]],
    ["is empty", save("empty.wav", new Uint8Array(0)), "AUDIO_FORMAT", ["file:", "empty.wav", "empty"]],
    [
      "is no WAV",
      save("text.wav", Buffer.from("this is a text file")),
      "AUDIO_FORMAT",
      ["file:", "not a WAV file"],
    ],
  ] as const) {
    test(`a file that ${what} fails for good and names the key`, async () => {
      const starting = startTestRobot({ plugins: { mic: { use: "mic-wav", file } } });
      const error = await starting.then(
        () => undefined,
        (thrown: unknown) => thrown as { code: string; message: string; retryable: boolean },
      );
      expect(error).toMatchObject({ code, retryable: false });
      for (const word of words) expect(error!.message).toContain(word);
    });
  }
});
