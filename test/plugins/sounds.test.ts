import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RATE_HZ } from "myna";
import { startTestRobot } from "myna/testing";
import { encodeWav } from "../../core/audio/wav.ts";
import { BUILT_IN } from "../../plugins/sounds/built-in.ts";
import { synthesize } from "../../plugins/sounds/synthesis.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderOf(files: Record<string, Uint8Array>): string {
  const folder = mkdtempSync(join(tmpdir(), "myna-sounds-"));
  folders.push(folder);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}

/** Hz of the strongest of `candidates`, by correlation with a sine and a cosine. */
function strongest(pcm: Int16Array, candidates: number[]): number | undefined {
  const power = (hz: number): number => {
    let real = 0;
    let imaginary = 0;
    pcm.forEach((sample, i) => {
      real += sample * Math.cos((2 * Math.PI * hz * i) / RATE_HZ);
      imaginary += sample * Math.sin((2 * Math.PI * hz * i) / RATE_HZ);
    });
    return real * real + imaginary * imaginary;
  };
  return candidates.toSorted((a, b) => power(b) - power(a))[0];
}

const loudest = (pcm: Int16Array): number =>
  pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);

describe("a computed sound", () => {
  test("has the pitch and the length of its tones", () => {
    const pcm = synthesize([{ startMs: 100, durationMs: 200, hz: 1000, shape: "sine", level: 1 }]);
    expect(pcm.length).toBe(0.3 * RATE_HZ);
    expect(loudest(pcm.subarray(0, 0.1 * RATE_HZ))).toBe(0);
    expect(strongest(pcm, [500, 900, 1000, 1100, 2000])).toBe(1000);
  });

  for (const [name, tones] of Object.entries(BUILT_IN)) {
    test(`${name} is loud enough, does not clip, and begins and ends without a click`, () => {
      const pcm = synthesize(tones);
      expect(loudest(pcm)).toBeGreaterThan(8000);
      expect(loudest(pcm)).toBeLessThan(32_700);
      expect(pcm.length).toBeLessThan(3 * RATE_HZ);
      expect(Math.abs(pcm[0] ?? 0)).toBeLessThan(500);
      expect(Math.abs(pcm.at(-1) ?? 0)).toBeLessThan(500);
    });
  }
});

describe("the sounds of a robot", () => {
  test("leave its loudspeaker and are announced when they were heard", async () => {
    await using robot = await startTestRobot({ audio: true, plugins: { sounds: { use: "sounds" } } });
    const { durationMs } = await robot.service("sounds").play("beep");
    expect(durationMs).toBe(200);
    expect(robot.events("sound.played")).toEqual([{ name: "beep" }]);
    const heard = robot.played();
    const audible = heard.filter((sample) => Math.abs(sample) > 200).length;
    expect(audible).toBeGreaterThan(0.12 * RATE_HZ);
    expect(strongest(heard, [500, 800, 1000, 1250, 2000])).toBe(1000);
  });

  test("include the WAV files of a folder under their own names, whatever their rate", async () => {
    const tone = synthesize([{ startMs: 0, durationMs: 100, hz: 440, shape: "sine", level: 1 }]);
    const dir = folderOf({ "Door_Bell.wav": encodeWav(tone, 12_000), "notes.txt": new Uint8Array(3) });
    await using robot = await startTestRobot({ audio: true, plugins: { sounds: { use: "sounds", dir } } });
    const sounds = robot.service("sounds");
    expect(sounds.names()).toContain("door bell");
    expect(sounds.names()).not.toContain("notes");
    expect(await sounds.play("door bell")).toEqual({ durationMs: 200 });
  });

  test("go on without a file that is no WAV, and say so", async () => {
    const dir = folderOf({ "broken.wav": new Uint8Array([1, 2, 3]), "empty.wav": new Uint8Array(0) });
    await using robot = await startTestRobot({ plugins: { sounds: { use: "sounds", dir } } });
    const health = robot.health().plugins.find((plugin) => plugin.id === "sounds");
    expect(health?.state).toBe("degraded");
    expect(health?.message).toMatch(/broken\.wav: .*empty\.wav: /s);
    expect(robot.service("sounds").names()).toEqual(Object.keys(BUILT_IN));
  });

  test("of a folder that does not exist are refused with its path", async () => {
    const starting = startTestRobot({ plugins: { sounds: { use: "sounds", dir: "/no/such/folder" } } });
    await expect(starting).rejects.toMatchObject({
      code: "CONFIG_NOT_FOUND",
      message: "[plugins.sounds] dir: there is no folder /no/such/folder",
    });
  });

  test("of an unknown name are refused with the names that there are", async () => {
    await using robot = await startTestRobot({ plugins: { sounds: { use: "sounds" } } });
    for (const name of ["moo", "constructor"]) {
      await expect(robot.service("sounds").play(name)).rejects.toMatchObject({
        code: "SOUND_UNKNOWN",
        message: expect.stringContaining("chime, bell"),
      });
    }
  });
});
