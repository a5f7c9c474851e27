import { describe, expect, test } from "bun:test";
import { Ears } from "../../bench/corpus/ears.ts";
import { activeLevel, levelled } from "../../bench/corpus/utterances.ts";
import { flite } from "../kit/voices.ts";

const FRAME = 480;
const dbOf = (level: number) => 20 * Math.log10(level / 32768);

/** What leaves the chain. */
async function amplified(pcm: Int16Array, settings: Record<string, unknown> = {}) {
  const ears = await Ears.open([{ use: "gain-agc", ...settings }]);
  const output = new Int16Array(pcm.length - (pcm.length % FRAME));
  for (let at = 0; at < output.length; at += FRAME) {
    ears.hear(pcm.subarray(at, at + FRAME));
    output.set(ears.heard, at);
  }
  return { output, report: ears.report("gain-agc") };
}

function tone(seconds: number, size: number): Int16Array {
  return Int16Array.from(
    { length: seconds * 24_000 },
    (_, i) => size * Math.sin((2 * Math.PI * 440 * i) / 24_000),
  );
}

async function speech(levelDb: number, times: number): Promise<Int16Array> {
  const once = levelled(await flite("go to the kitchen, and come back to me", "rms"), levelDb);
  const all = new Int16Array(once.length * times);
  for (let i = 0; i < times; i++) all.set(once, i * once.length);
  return all;
}

describe("gain-agc", () => {
  for (const levelDb of [-38, -30, -20]) {
    test(`speech at ${levelDb} dB comes out near the target of -20 dB`, async () => {
      const pcm = await speech(levelDb, 6);
      const { output } = await amplified(pcm);
      expect(dbOf(activeLevel(output.slice((output.length * 2) / 3)))).toBeWithin(-24, -16);
    });
  }

  test("no more is added than is allowed", async () => {
    const { output, report } = await amplified(await speech(-50, 5), { most_db: 10 });
    expect(report).toMatchObject({ gain_db: 10 });
    expect(dbOf(activeLevel(output.slice(output.length / 2)))).toBeWithin(-42, -38);
  });

  test("a fixed gain adds what is set, to a sample's rounding", async () => {
    const pcm = tone(1, 1000);
    const { output } = await amplified(pcm, { gain_db: 6, automatic: false });
    const factor = 10 ** (6 / 20);
    for (let i = 0; i < output.length; i += 97) expect(output[i]! - pcm[i]! * factor).toBeWithin(-1, 1);
  });

  test("the limiter holds a shout below full scale, without wrapping a sample round", async () => {
    const pcm = tone(1, 20_000);
    const { output, report } = await amplified(pcm, { gain_db: 20, automatic: false });
    expect(Math.max(...output)).toBeWithin(31_000, 32_001);
    for (let i = 0; i < output.length; i++) expect(Math.sign(output[i]! * pcm[i]!)).toBeGreaterThanOrEqual(0);
    expect(report["limited_frames"]).toBe(50);
  });

  test("the noise of a quiet room is not raised", async () => {
    let state = 5;
    const noise = Int16Array.from({ length: 10 * 24_000 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return 60 * (state / 2 ** 31 - 1);
    });
    const { report } = await amplified(noise);
    expect(report).toMatchObject({ gain_db: 0, speech_db: null });
  });

  test("the noise of a room that comes back after silenced frames is neither taken for speech nor made louder", async () => {
    const talk = await speech(-38, 6);
    const gateTo = talk.length + 24_000;
    const pcm = new Int16Array(gateTo + 48_000);
    for (let i = 0; i < pcm.length; i++)
      pcm[i] = i >= talk.length && i < gateTo ? 0 : (talk[i] ?? 0) + ((i * 7919) % 121) - 60;
    const { output } = await amplified(pcm);
    expect(dbOf(activeLevel(output.slice(talk.length / 2, talk.length)))).toBeGreaterThan(-26);
    expect(output.slice(gateTo)).toEqual(pcm.slice(gateTo));
  });

  test("a room that begins with silenced frames has its noise left as it is", async () => {
    const pcm = new Int16Array(10 * 24_000);
    for (let i = 48_000; i < pcm.length; i++) pcm[i] = ((i * 7919) % 121) - 60;
    expect((await amplified(pcm)).report).toMatchObject({ gain_db: 0, speech_db: null });
  });
});
