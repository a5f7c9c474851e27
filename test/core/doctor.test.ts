import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkAudio } from "../../core/doctor/audio-check.ts";
import type { AudioFigures } from "../../core/doctor/audio-check.ts";
import {
  clippedShare,
  delayUnsteady,
  echoDelay,
  echoLevels,
  echoTailMs,
  levelDb,
} from "../../core/doctor/echo-path.ts";
import { echoKeys, echoText } from "../../core/doctor/echo-report.ts";
import { echoVerdict } from "../../core/doctor/echo-verdict.ts";
import { serverStarts } from "../../core/doctor/server-ear.ts";
import { artificialVoice, sweep } from "../../core/doctor/test-signals.ts";
import { editToml } from "../../core/doctor/toml-edit.ts";
import { echoRung } from "../../core/audio/echo-rung.ts";
import { audioConfig } from "../../core/audio/config.ts";
import { Room } from "../kit/room.ts";
import type { RoomOptions } from "../kit/room.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import { espeak } from "../kit/voices.ts";

const ROOT = join(import.meta.dir, "../..");

/** What the doctor measures of a robot with these plugins in such a room. */
async function measured(room: RoomOptions, plugins: Record<string, { use: string }>): Promise<AudioFigures> {
  const devices = new Room({ microphone: "USB PnP", loudspeaker: "hifiberry", ...room });
  await using robot = await startTestRobot({ plugins, profile: { audio: { echo: "open" } } });
  await robot.robot.audio.port.openCapture(devices.microphone);
  await robot.robot.audio.port.openPlayback(devices.loudspeaker);
  return await checkAudio(robot.robot, [await espeak("I can drive forward and backward, and look around")]);
}

const GOOD: AudioFigures = {
  microphone: "USB PnP",
  loudspeaker: "hifiberry",
  hears: true,
  speaks: true,
  acoustic: true,
  stage: "echo-doubletalk",
  noiseDb: -65,
  playedDb: -15,
  heardDb: -25,
  clippedShare: 0,
  likeness: 0.8,
  delayMs: 12,
  tailMs: 140,
  echoDb: -10,
  residualDb: -62,
  erleDb: 37,
  falseStarts: 0,
  serverStarts: 0,
  unsteadyShare: 0.04,
};

describe("the figures of a known path", () => {
  const played = new Int16Array(72_000);
  played.set(sweep(), 2400);
  const heard = new Int16Array(played.length);
  for (let i = 0; i < heard.length; i++) heard[i] = 0.25 * (played[i - 1200] ?? 0);

  test("are its delay to a quarter of a millisecond and its level to a tenth of a dB", () => {
    const { delayMs, likeness } = echoDelay(heard, played);
    expect(delayMs).toBe(50);
    expect(likeness).toBeGreaterThan(0.99);
    const levels = echoLevels(heard, heard, played, delayMs);
    expect(levels.heardDb - levels.playedDb).toBeCloseTo(-12.04, 1);
    expect(echoTailMs(heard, played, -90)).toBeWithin(40, 81);
  });

  test("are no likeness where the loudspeaker is not heard, and clipping where it is too loud", () => {
    const noise = Int16Array.from({ length: 72_000 }, (_, i) => ((i * 7919) % 2003) - 1001);
    expect(echoDelay(noise, played).likeness).toBeLessThan(0.1);
    expect(clippedShare(Int16Array.from([0, 32_767, -32_768, 100]))).toBe(0.5);
    expect(levelDb(new Int16Array(480))).toBe(-100);
  });

  test("tell for how much of the time the echo is not where it mostly is", () => {
    const voice = artificialVoice(8);
    const echo = (shiftOf: (s: number) => number) =>
      voice.map((_, i) => 0.3 * (voice[i - shiftOf(i / 24_000)] ?? 0));
    expect(
      delayUnsteady(
        echo(() => 480),
        voice,
      ),
    ).toBe(0);
    expect(
      delayUnsteady(
        echo((s) => (s < 5 ? 480 : 992)),
        voice,
      ),
    ).toBeWithin(0.2, 0.5);
  });

  test("do not tell how steady the delay is where the echo is hardly to be recognised", () => {
    const voice = artificialVoice(8);
    let state = 5;
    const noise = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 31 - 1;
    const blurred = voice.map((_, i) => 0.02 * (voice[i - 480] ?? 0) + 6000 * noise());
    expect(delayUnsteady(blurred, voice)).toBeNull();
    expect(delayUnsteady(new Int16Array(voice.length), voice)).toBeNull();
  });

  test("count what a server takes for speech, from where it begins, and nothing faint", async () => {
    const voice = await espeak("I can drive, and look around. Then I wait for you.");
    for (const gain of [1, 0.1, 0.02, 0.003]) {
      const pcm = new Int16Array(voice.length + 96_000);
      pcm.set(
        voice.map((sample) => sample * gain),
        48_000,
      );
      const starts = serverStarts(pcm);
      expect(starts.length > 0).toBe(gain > 0.01);
      for (const frame of starts) expect(frame).toBeWithin(100, (48_000 + voice.length) / 480);
    }
  });

  test("do not depend on chance: the signals are the same every time, and as loud as speech", () => {
    expect(artificialVoice(1)).toEqual(artificialVoice(1));
    expect(levelDb(artificialVoice(4))).toBeWithin(-34, -14);
    expect(levelDb(sweep())).toBeWithin(-16, -14);
  });
});

describe("the verdict", () => {
  test("is that the robot may listen while it speaks only where everything was good", () => {
    expect(echoVerdict(GOOD)).toEqual({ proven: true, rung: "cancelled", tailMs: 250, reasons: [] });
  });

  test.each([
    ["it took itself for a person", { falseStarts: 2 }, /person 2 times/],
    ["a server took it for a person", { serverStarts: 1 }, /server's voice detector .* once/],
    ["the echo is not recognised", { unsteadyShare: null }, /can not be recognised/],
    ["the delay wanders", { unsteadyShare: 0.4 }, /40 % of the time/],
    ["without a voice detector too much is left", { falseStarts: null, residualDb: -40 }, /-40 dB/],
    ["nothing deals with the echo", { stage: "" }, /\[plugins\.echo\]/],
    ["the microphone has no name", { microphone: "" }, /microphone has no name/],
    ["the loudspeaker has no name", { loudspeaker: "" }, /loudspeaker has no name/],
    ["samples are clipped", { clippedShare: 0.02 }, /2\.0 % .* clipped/],
    ["the echo is late", { delayMs: 480 }, /480 ms late/],
  ] as const)("is half duplex where %s", (_, worse, reason) => {
    const verdict = echoVerdict({ ...GOOD, ...worse });
    expect(verdict).toMatchObject({ proven: false, rung: "half_duplex", tailMs: 250 });
    expect(verdict.reasons.join("\n")).toMatch(reason);
  });

  test.each([
    ["the loudspeaker is not heard", { likeness: 0.01, heardDb: -64 }, /not heard/],
    ["there is no microphone", { hears: false }, /no microphone/],
    ["there is no loudspeaker", { speaks: false }, /no loudspeaker/],
    ["the microphone gives zeros", { noiseDb: -100, likeness: 0 }, /zeros/],
  ] as const)("is push-to-talk where %s: nothing was measured", (_, worse, reason) => {
    const verdict = echoVerdict({ ...GOOD, ...worse });
    expect(verdict).toMatchObject({ proven: false, rung: "push_to_talk" });
    expect(verdict.reasons.join("\n")).toMatch(reason);
  });

  test("becomes keys that the engine obeys for this pair of devices, and a table for a person", () => {
    const verdict = echoVerdict(GOOD);
    const text = editToml("", echoKeys(GOOD, verdict, "echo", "2026-11-21"));
    const written = Bun.TOML.parse(text) as { audio: unknown; plugins: unknown };
    expect(written.plugins).toEqual({ echo: { enabled: true } });
    const pair = (device: string) => ({ module: "any", options: { device }, acoustic: true });
    const config = audioConfig.parse(written.audio);
    expect(echoRung(config, pair("USB PnP"), pair("hifiberry"), "echo-doubletalk")).toBe("cancelled");
    const table = echoText(GOOD, verdict);
    expect(table).toContain("echo return loss                   10.0 dB");
    expect(table).toContain("may listen while it speaks");
  });

  test("that takes a proof back takes it out of the file", () => {
    const before = editToml("", echoKeys(GOOD, echoVerdict(GOOD), undefined, "2026-11-21"));
    const bad = { ...GOOD, falseStarts: 3 };
    const after = editToml(before, echoKeys(bad, echoVerdict(bad), undefined, "2026-11-22"));
    expect(Bun.TOML.parse(after)).toEqual({ audio: { echo: "auto", half_duplex_tail_ms: 250 } });
  });
});

describe("a file that is edited", () => {
  test("keeps its comments, its order and its other keys", () => {
    const before = `# my robot\n[session]\nvoice = "marin" # nice\n\n[audio]\n# loud\necho = "open"\nstart_frames = 3\n\n[plugins.mic]\ndevice = "USB"\n`;
    const after = editToml(before, {
      audio: { echo: "auto", half_duplex_tail_ms: 250 },
      "plugins.echo": { enabled: true },
    });
    expect(after).toBe(
      `# my robot\n[session]\nvoice = "marin" # nice\n\n[audio]\nhalf_duplex_tail_ms = 250\n# loud\necho = "auto"\nstart_frames = 3\n\n[plugins.mic]\ndevice = "USB"\n\n[plugins.echo]\nenabled = true\n`,
    );
  });

  test("that says it in another way is left alone, with what to do", () => {
    expect(() => editToml(`audio = { echo = "open" }\n`, { audio: { echo: "auto" } })).toThrow(/yourself/);
    expect(() => editToml(`audio.echo = "open"\n`, { audio: { echo: "auto" } })).toThrow(/yourself/);
  });
});

describe("in a room", () => {
  test("delay and echo return loss are found, and a robot that tells people from its echo is proven", async () => {
    const measure = () =>
      measured(
        { echoDb: -10, delayMs: 20, noiseDb: -65 },
        { vad: { use: "vad-energy" }, echo: { use: "echo-doubletalk" } },
      );
    let figures = await measure();
    // On a busy computer the loudspeaker runs dry, three times in a row it does not.
    for (let i = 0; i < 2 && !echoVerdict(figures).proven; i++) figures = await measure();
    expect(figures).toMatchObject({ hears: true, speaks: true, stage: "echo-doubletalk", falseStarts: 0 });
    expect(figures.delayMs).toBeWithin(18, 27);
    expect(figures.echoDb).toBeWithin(-13, -7);
    expect(figures.noiseDb).toBeWithin(-67, -63);
    expect(figures.erleDb).toBeGreaterThan(15);
    expect(echoVerdict(figures)).toMatchObject({ proven: true, rung: "cancelled" });
  }, 60_000);

  test("a robot without such a stage hears itself, and is half duplex", async () => {
    const figures = await measured({ echoDb: -6, reverbMs: 300 }, { vad: { use: "vad-energy" } });
    expect(figures.falseStarts).toBeGreaterThan(0);
    expect(figures.erleDb).toBeWithin(-1, 1);
    expect(figures.tailMs).toBeGreaterThan(80);
    expect(echoVerdict(figures)).toMatchObject({ proven: false, rung: "half_duplex" });
  }, 30_000);
});

describe("bun run doctor", () => {
  test("checks a profile of one's own, and writes nothing where the devices share no room", async () => {
    const folder = mkdtempSync(join(tmpdir(), "myna-doctor-"));
    const profile = join(folder, "robot.toml");
    writeFileSync(profile, `[plugins.mic]\nuse = "mic-wav"\n[plugins.speaker]\nuse = "speaker-wav"\n`);
    writeFileSync(join(folder, "local.toml"), `# mine\n`);
    const child = Bun.spawn(
      [process.execPath, "core/doctor/main.ts", "audio", "--profile", profile, "--write"],
      { cwd: ROOT, stdout: "pipe", stderr: "pipe" },
    );
    const [text, problems] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect(problems).toBe("");
    expect(text).toContain("share no room");
    expect(await child.exited).toBe(0);
    expect(readFileSync(join(folder, "local.toml"), "utf8")).toBe("# mine\n");
    rmSync(folder, { recursive: true });
  }, 60_000);

  test("without a check that it knows says how it is used", async () => {
    const child = Bun.spawn([process.execPath, "core/doctor/main.ts", "teeth"], {
      cwd: ROOT,
      stdout: "pipe",
    });
    expect(await new Response(child.stdout).text()).toStartWith("Usage: bun run doctor");
    expect(await child.exited).toBe(2);
  });
});
