import { describe, expect, test } from "bun:test";
import { resample } from "../../core/audio/resample.ts";
import { keywords } from "../../plugins/keyword-pocketsphinx/phrases.ts";
import type { Sensitivity } from "../../plugins/keyword-pocketsphinx/phrases.ts";
import { SoundHistory } from "../../plugins/keyword-pocketsphinx/sound-history.ts";
import { DICTIONARY } from "../../plugins/keyword-pocketsphinx/sphinx.ts";
import { WordEar } from "../../plugins/keyword-pocketsphinx/word-ear.ts";
import { espeak, flite } from "../kit/voices.ts";

const BLOCK = 320;

function phrases(sensitivity: Sensitivity = "normal") {
  const settings = { stop_words: ["stop"], wake_words: ["hello robot"], sounds: {} };
  return keywords({ ...settings, stop_sensitivity: sensitivity, wake_sensitivity: sensitivity }, DICTIONARY);
}

/** What a new ear hears of speech with a second of near-silence around it. */
function heard(pcm: Int16Array, sensitivity: Sensitivity = "normal"): string[] {
  const list = phrases(sensitivity);
  const ear = new WordEar(list);
  const speech = resample(pcm, 24_000, 16_000);
  const all = new Int16Array(speech.length + 32_000).map((_, at) => ((at * 7919) % 13) - 6);
  for (let at = 0; at < speech.length; at++) all[16_000 + at]! += speech[at]!;
  const names: string[] = [];
  for (let at = 0; at + BLOCK <= all.length; at += BLOCK)
    for (const { index } of ear.push(all.subarray(at, at + BLOCK))) names.push(list[index]!.name);
  return names;
}

describe("stop", () => {
  test.each(["slt", "rms", "kal16", "awb"])("said alone by flite's %s is heard once", async (voice) => {
    expect(heard(await flite("stop", voice))).toEqual(["stop"]);
  });

  test.each(["en-us", "en-gb", "en-us+f3", "en-gb-x-rp+f2"])(
    "said alone by espeak-ng's %s is heard once",
    async (voice) => {
      expect(heard(await espeak("stop", voice, 165))).toEqual(["stop"]);
    },
  );

  test.each([
    "please call my mother after lunch",
    "what time is it",
    "she looks just like her father",
    "start",
    "thank you",
    "no",
    "yes",
  ])("is not heard in %j", async (text) => {
    expect(heard(await flite(text, "slt"))).toEqual([]);
  });

  test("in the middle of a sentence takes a higher sensitivity with most voices", async () => {
    const said = await Promise.all(
      ["slt", "rms", "kal16", "awb"].map((voice) => flite("please stop now", voice)),
    );
    const counts = (["low", "high"] as const).map(
      (sensitivity) => said.filter((pcm) => heard(pcm, sensitivity).includes("stop")).length,
    );
    expect(counts[0]).toBeLessThan(counts[1]!);
  });
});

test("a robot's name of two words is heard, and neither of them alone wakes it", async () => {
  expect(heard(await flite("hello robot", "rms"))).toEqual(["hello robot"]);
  for (const word of ["hello", "robot", "no"]) expect(heard(await flite(word, "rms"))).toEqual([]);
});

describe("the sound of the last seconds", () => {
  const tone = (frames: number, value: number) => new Int16Array(frames * 160).fill(value);

  test("tells where a pause begins, how quiet the quietest part is, and gives the sound back", () => {
    const history = new SoundHistory();
    history.push(tone(50, 1000));
    history.push(tone(30, 10));
    history.push(tone(20, 1000));
    expect(history.frames).toBe(100);
    expect(history.level(0, 50)).toBe(1_000_001);
    expect(history.quietFrom(0, 100, 20, 1000)).toBe(50);
    expect(history.quietFrom(0, 100, 31, 1000)).toBe(-1);
    expect(history.quietFrom(0, 60, 20, 1000)).toBe(-1);
    expect(history.floor()).toBe(101);
    expect([...history.sound(79, 81)].filter((sample) => sample === 10).length).toBe(160);
  });

  test("is four seconds long; what is older, or was never heard, counts as silence", () => {
    const history = new SoundHistory();
    history.push(tone(500, 1000));
    expect(history.level(0, 100)).toBe(1);
    expect(history.level(100, 500)).toBe(1_000_001);
    expect(history.quietFrom(80, 500, 20, 1000)).toBe(80);
    expect(history.sound(0, 500).length).toBe(400 * 160);
  });
});
