import { describe, expect, test } from "bun:test";
import { letterSounds } from "../../plugins/brain-local/speech/letter-sounds.ts";
import { accents } from "../../plugins/brain-local/speech/accents.ts";
import { speakable } from "../../plugins/brain-local/speech/speakable.ts";
import { FliteVoice } from "../../plugins/brain-local/speech/voice-flite.ts";

const flite = new FliteVoice();

describe("text is made pronounceable", () => {
  test.each([
    ["I moved 38 cm.", "I moved thirty eight centimeters."],
    ["It is 1 m away.", "It is one meter away."],
    ["I turned -90°.", "I turned minus ninety degrees."],
    ["2.5 m/s at 80 %", "two point five meters per second at eighty percent"],
    ["tilt 30 deg, pan 5°", "tilt thirty degrees, pan five degrees"],
    ["It is 21 °C", "It is twenty one degrees celsius"],
    ["wait 10s", "wait ten seconds"],
    ["<speak>a & b</speak>", "speak a and b speak"],
    ["café “naïve” — déjà vu", "cafe naive, deja vu"],
    ["low_battery", "low battery"],
    ["see https://example.com/x?y=1 now", "see a link now"],
    ["R2D2 has 3 legs", "R two D two has three legs"],
    ["12345", "twelve thousand three hundred forty five"],
    ["你好 🙂", ""],
    ["...", ""],
    ["", ""],
    ["one metre, two centimetres", "one meter, two centimeters"],
  ])("%s", (text, spoken) => expect(speakable(text)).toBe(spoken));
});

test("every voice speaks at 24 kHz, and begins and ends at once", async () => {
  for (const name of flite.names()) {
    const pcm = await flite.synthesize("I moved fifty centimeters.", name);
    const durationMs = pcm.length / 24;
    expect(durationMs).toBeGreaterThan(1000);
    expect(durationMs).toBeLessThan(4000);
    const loud = (sample: number) => Math.abs(sample) > 300;
    expect(pcm.findIndex(loud) / 24).toBeLessThan(100);
    expect((pcm.length - pcm.findLastIndex(loud)) / 24).toBeLessThan(250);
    expect(pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)).toBeGreaterThan(3000);
  }
});

test("voices differ, and an unknown one is the default", async () => {
  const [rms, slt, nobody] = await Promise.all(
    ["rms", "slt", "nobody"].map((name) => flite.synthesize("hello there", name)),
  );
  expect(nobody).toEqual(rms!);
  expect(slt).not.toEqual(rms!);
});

test("nothing to say is silence, and a text full of markup is only words", async () => {
  expect(await flite.synthesize("")).toHaveLength(0);
  expect(await flite.synthesize("🙂")).toHaveLength(0);
  const plain = await flite.synthesize("hello");
  expect(await flite.synthesize("-v hello")).not.toHaveLength(0);
  expect(await flite.synthesize("<<hello>>")).toEqual(plain);
});

test("a long text is spoken whole", async () => {
  const pcm = await flite.synthesize("I am a small robot and I like to talk a lot. ".repeat(20));
  expect(pcm.length / 24_000).toBeGreaterThan(30);
});

test("words without an entry in the dictionary are said by their letters", () => {
  expect(letterSounds("bake")).toBe("B EY K");
  expect(letterSounds("fish")).toBe("F IH SH");
  expect(letterSounds("robo")).toBe("R AA B OW");
  expect(letterSounds("tts")).toBe("T IY T IY EH S");
  expect(letterSounds("42")).toBe("SIL");
});

test("other accents of a word are known", () => {
  expect(accents("M IY T ER")).toContain("M IY T AH");
  expect(accents("N AY N T IY")).toContain("N AY N D IY");
  expect(accents("F AO R W ER D")).toContain("F AO W AH D");
  expect(accents("T UW")).toEqual([]);
});
