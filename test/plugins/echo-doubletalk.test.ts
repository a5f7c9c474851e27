import { describe, expect, test } from "bun:test";
import { EchoSuppressor } from "../../plugins/echo-doubletalk/echo-suppressor.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import { espeak } from "../kit/voices.ts";
import { Room } from "../kit/room.ts";
import { until } from "../kit/raw-server.ts";

const OPTIONS = { marginDb: 6, startMs: 40, holdMs: 300, reverbMs: 300, couplingDb: 0, frameMs: 20 };
const FRAME = 480;
/** -50 dB of full scale. */
const AUDIBLE = 104;

/** What a microphone hears: the robot, `echoDb` below what it plays and 10 ms later, and a person. */
function heard(robot: Int16Array, person: Int16Array, echoDb: number): Int16Array {
  const gain = 10 ** (echoDb / 20);
  const pcm = new Int16Array(robot.length);
  for (let i = 0; i < pcm.length; i++)
    pcm[i] = Math.max(-32768, Math.min(32767, gain * (robot[i - 240] ?? 0) + (person[i] ?? 0)));
  return pcm;
}

/** Frames that pass and can be heard, by number. */
function passes(suppressor: EchoSuppressor, mic: Int16Array, reference: Int16Array): number[] {
  const passed: number[] = [];
  for (let at = 0; at + FRAME <= mic.length; at += FRAME) {
    const frame = mic.slice(at, at + FRAME);
    suppressor.process(frame, reference.subarray(at, at + FRAME));
    if (frame.some((sample) => Math.abs(sample) > AUDIBLE)) passed.push(at / FRAME);
  }
  return passed;
}

const LONG =
  "I can drive forward and backward, turn left and right, look around and take a picture of what I see";

describe("the robot's own voice", () => {
  test.each([0, -6, -10, -20])(
    "with an echo of %d dB is silenced from its first frame to its last",
    async (echoDb) => {
      const robot = await espeak(LONG);
      const suppressor = new EchoSuppressor(OPTIONS, 24_000);
      const mic = heard(robot, new Int16Array(0), echoDb);
      expect(passes(suppressor, mic, robot)).toEqual([]);
      expect(suppressor.doubleTalks).toBe(0);
      expect(suppressor.couplingDb).toBeLessThan(echoDb + 8);
    },
  );

  test("and a person over it: the person passes within 100 ms of their first word, and stops passing after it", async () => {
    const robot = await espeak(`${LONG}. ${LONG}`);
    const words = await espeak("no wait a moment", "en-gb");
    const person = new Int16Array(robot.length);
    const at = 3 * 24_000;
    person.set(words, at);
    const onset = at + words.findIndex((sample) => Math.abs(sample) > 1000);
    const suppressor = new EchoSuppressor(OPTIONS, 24_000);
    const passed = passes(suppressor, heard(robot, person, -10), robot);
    expect(passed[0]! * 20).toBeGreaterThanOrEqual(at / 24 - 20);
    expect(passed[0]! * 20 - onset / 24).toBeLessThan(100);
    expect(passed.at(-1)! * 20).toBeLessThan((at + words.length) / 24 + OPTIONS.holdMs + 40);
    expect(passed.length * 20).toBeGreaterThan((words.length / 24) * 0.6);
  });

  test("does not touch a frame while the loudspeaker is silent", async () => {
    const person = await espeak("hello robot");
    const suppressor = new EchoSuppressor(OPTIONS, 24_000);
    const mic = person.slice();
    passes(suppressor, mic, new Int16Array(mic.length));
    expect(suppressor.suppressedFrames).toBe(0);
    expect(mic).toEqual(person);
  });
});

test("in a room with an echo of -10 dB most of a robot's own voice is kept from it, and a person who speaks over it is heard", async () => {
  const room = new Room();
  await using robot = await startTestRobot({
    plugins: { vad: { use: "vad-energy" }, echo: { use: "echo-doubletalk" } },
    profile: { audio: { echo: "open" } },
  });
  const { port } = robot.robot.audio;
  const echo = () => robot.health().plugins.find((plugin) => plugin.id === "echo");
  const suppressed = () => Number(echo()?.inspect["suppressed_frames"]);
  await port.openCapture(room.microphone);
  await port.openPlayback(room.loudspeaker);
  const speech = await espeak(LONG);
  const played = port.playSound(speech);
  await until(() => suppressed() > 50, "the robot's own voice to be kept from it");
  const before = robot.events("user.speech_started").length;
  room.say(await espeak("no wait a moment", "en-gb"));
  await until(() => robot.events("user.speech_started").length > before, "the person to be heard");
  await until(() => room.silent, "the person to finish");
  await played;
  expect(echo()?.inspect["double_talks"]).toBeGreaterThan(0);
});
