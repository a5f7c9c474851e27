import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Silero, WINDOW_SAMPLES } from "../../plugins/vad-silero/silero.ts";
import { loadWeights } from "../../plugins/vad-silero/weights.ts";
import { startTestRobot } from "../kit/index.ts";
import { flite } from "../kit/voices.ts";

/** What onnxruntime-node 1.30.0 says of `signal()` with silero_vad_v6.onnx of @ricky0123/vad-web 0.0.31. */
const VERDICTS = [
  0.079537, 0.057075, 0.045714, 0.035087, 0.020515, 0.015495, 0.010818, 0.079916, 0.754727, 0.589825,
  0.409375, 0.925938, 0.944434, 0.899739, 0.958932, 0.978991, 0.974442, 0.967361, 0.858766, 0.817698, 0.77435,
  0.447267, 0.586029, 0.535287, 0.525567, 0.739315, 0.478329, 0.382584, 0.263064, 0.117594, 0.061115,
  0.039937,
];

/** A second at 16 kHz: noise, and a voice of two formants in the middle of it. */
function signal(): Int16Array {
  let state = 7;
  return Int16Array.from({ length: VERDICTS.length * WINDOW_SAMPLES }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const noise = 300 * (state / 2 ** 31 - 1);
    const t = i / 16_000;
    if (t <= 0.25 || t >= 0.85) return Math.round(noise);
    const pitch = 120 + 30 * Math.sin(2 * Math.PI * 0.9 * t);
    let voice = 0;
    for (let h = 1; h <= 20; h++) {
      const hz = h * pitch;
      const formants = 1 / (1 + ((hz - 600) / 200) ** 2) + 0.5 / (1 + ((hz - 1400) / 250) ** 2) + 0.05;
      voice += formants * Math.sin(2 * Math.PI * hz * t);
    }
    return Math.round(noise + 2500 * voice * Math.abs(Math.sin(2 * Math.PI * 3 * t)));
  });
}

function verdicts(silero: Silero, pcm: Int16Array): number[] {
  return Array.from({ length: pcm.length / WINDOW_SAMPLES }, (_, i) =>
    silero.probability(pcm.subarray(i * WINDOW_SAMPLES, (i + 1) * WINDOW_SAMPLES)),
  );
}

describe("vad-silero", () => {
  test("the network says of every window what the published graph says", () => {
    const ours = verdicts(new Silero(loadWeights()), signal());
    for (const [i, verdict] of VERDICTS.entries()) expect(ours[i]).toBeCloseTo(verdict, 4);
  });

  test("a file of weights that is not whole is refused with its name and size", () => {
    const folder = mkdtempSync(join(tmpdir(), "myna-weights-"));
    try {
      const file = join(folder, "weights.bin");
      writeFileSync(file, new Uint8Array(1000));
      expect(() => loadWeights(file)).toThrow(`${file} has 1000 bytes instead of 974340`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a robot with it tells of speech on its own microphone, and not of a loud noise", async () => {
    await using robot = await startTestRobot({ audio: true, plugins: { vad: { use: "vad-silero" } } });
    let state = 3;
    const noise = Int16Array.from({ length: 24_000 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return 6000 * (state / 2 ** 31 - 1);
    });
    await robot.feed(noise);
    await robot.feed(new Int16Array(12_000));
    expect(robot.events("user.speech_started")).toEqual([]);
    const speech = await flite("drive forward two meters", "slt");
    await robot.feed(speech);
    const started = await robot.waitFor("user.speech_started", ({ source }) => source === "local");
    await robot.feed(new Int16Array(24_000));
    const stopped = await robot.waitFor("user.speech_stopped", ({ source }) => source === "local");
    const spokenMs = speech.length / 24;
    expect(stopped.speech_at_ms - started.speech_at_ms).toBeWithin(spokenMs / 2, spokenMs + 300);
    const vad = robot.health().plugins.find(({ id }) => id === "vad");
    expect(vad).toMatchObject({ state: "ready", inspect: { speaking: false, starts: 1 } });
    expect(vad!.inspect["speech_ms"]).toBeWithin(spokenMs / 2, spokenMs + 300);
  });
});
