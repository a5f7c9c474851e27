import { describe, expect, test } from "bun:test";
import { Ears } from "../../bench/corpus/ears.ts";
import { Rnnoise } from "../../plugins/noise-rnnoise/rnnoise.ts";
import { startTestRobot } from "../kit/index.ts";
import { flite } from "../kit/voices.ts";

const FRAME = 480;

function noise(samples: number, size: number): Int16Array {
  let state = 11;
  return Int16Array.from({ length: samples }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return size * (state / 2 ** 31 - 1);
  });
}

function levelDb(pcm: Int16Array): number {
  return 10 * Math.log10(pcm.reduce((sum, sample) => sum + sample * sample, 1) / pcm.length / 32768 ** 2);
}

async function cleaned(pcm: Int16Array): Promise<Int16Array> {
  const rnnoise = await Rnnoise.create();
  const output = pcm.slice(0, pcm.length - (pcm.length % FRAME));
  for (let at = 0; at < output.length; at += FRAME) rnnoise.process(output.subarray(at, at + FRAME));
  return output;
}

describe("noise-rnnoise", () => {
  test("noise goes down by 15 dB within two seconds", async () => {
    const output = await cleaned(noise(4 * 24_000, 3000));
    const before = levelDb(noise(4 * 24_000, 3000));
    expect(levelDb(output.subarray(2 * 24_000)) - before).toBeLessThan(-15);
  });

  test("speech keeps its level, and comes 12 ms later", async () => {
    const speech = await flite("drive forward and turn to the left", "slt");
    const output = await cleaned(speech);
    expect(Math.abs(levelDb(output) - levelDb(speech))).toBeLessThan(2);
    const likeness = (lag: number) => {
      let sum = 0;
      for (let i = 0; i + lag < output.length; i++) sum += speech[i]! * output[i + lag]!;
      return sum;
    };
    const lags = Array.from({ length: 600 }, (_, lag) => likeness(lag));
    expect(lags.indexOf(Math.max(...lags)) / 24).toBeWithin(11, 13.1);
  });

  test("a robot with it hears what it left, and counts the frames", async () => {
    const ears = await Ears.open([{ use: "noise-rnnoise" }]);
    ears.hearAll(noise(24_000, 3000));
    expect(ears.report("noise-rnnoise")).toMatchObject({ frames: 50 });
    await using robot = await startTestRobot({ audio: true, plugins: { noise: { use: "noise-rnnoise" } } });
    expect(robot.health().plugins.find(({ id }) => id === "noise")).toMatchObject({ state: "ready" });
  });
});
