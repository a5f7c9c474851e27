import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import type { Drive } from "../../core/services.ts";
import { keywords } from "../../plugins/keyword-pocketsphinx/phrases.ts";
import { DICTIONARY, missing } from "../../plugins/keyword-pocketsphinx/sphinx.ts";
import { until } from "../kit/raw-server.ts";
import { Room } from "../kit/room.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import { flite } from "../kit/voices.ts";

const SETTINGS = { stop_words: ["stop"], wake_words: ["hello robot"], thresholds: {}, sounds: {} };
const KEYWORDS = { words: { use: "keyword-pocketsphinx" } };

test("the recogniser is installed", () => {
  expect(missing()).toBe("");
  expect(existsSync(DICTIONARY)).toBe(true);
});

describe("the phrases of the profile", () => {
  test("get their sounds from the dictionary, one entry for each way to say them", () => {
    const list = keywords({ ...SETTINGS, wake_words: ["hey Robot"] }, DICTIONARY);
    expect(list.map(({ name, role, sounds }) => [name, role, sounds])).toEqual([
      ["stop", "stop", ["S T AA P"]],
      ["hey Robot", "wake", ["HH EY", "R OW B AA T"]],
      ["hey Robot", "wake", ["HH EY", "R OW B AH T"]],
    ]);
  });

  test("with a word that the dictionary does not know are refused, naming it and what helps", () => {
    expect(() => keywords({ ...SETTINGS, stop_words: ["stoppelix"] }, DICTIONARY)).toThrow(
      /"stoppelix".*sounds\./,
    );
    const sounds = { stoppelix: ["S T AA P AH L IH K S"] };
    expect(keywords({ ...SETTINGS, stop_words: ["stoppelix"], sounds }, DICTIONARY)[0]?.sounds).toEqual(
      sounds.stoppelix,
    );
  });
});

/** Wheels that tell why they were stopped. */
function wheels(): { drive: Drive; stops: string[] } {
  const stops: string[] = [];
  const drive = { stop: (reason: string) => void stops.push(reason) } as unknown as Drive;
  return { drive, stops };
}

test("stop is heard over the robot's own speech, without a server: wheels and speech stop; its own stop is not taken for it", async () => {
  const { drive, stops } = wheels();
  const room = new Room({ echoDb: -20 });
  await using robot = await startTestRobot({ plugins: KEYWORDS, services: { drive } });
  const { audio, session } = robot.robot;
  await audio.port.openCapture(room.microphone);
  await audio.port.openPlayback(room.loudspeaker);
  expect(audio.echoRung).toBe("half_duplex");
  const story = await flite("you can tell me to stop. please stop. I will stop at once if you say so", "rms");
  audio.playback.write("story", story);
  audio.playback.end("story");
  await robot.waitFor("playback.stopped", ({ reason }) => reason === "finished", 15_000).catch(() => {});
  expect(stops).toEqual([]);
  const long = await flite(
    "I am a small robot car and I can tell you a lot about the things that I see",
    "rms",
  );
  session.port.note("nothing");
  audio.playback.write("long", long);
  audio.playback.end("long");
  await until(() => audio.playback.playedMs("long") > 1500, "The robot does not speak");
  room.say(await flite("stop", "kal16"));
  const heard = await robot.waitFor("keyword.heard");
  expect(heard).toMatchObject({ phrase: "stop", role: "stop" });
  expect(stops).toEqual(["the stop word was heard"]);
  expect(audio.port.speaking()).toBe(false);
}, 40_000);

test("a robot that sleeps until it hears its name sleeps through other words, and is ready within a second of its name", async () => {
  const brain = await scriptBrain();
  const room = new Room({ echoDb: -Infinity });
  await using robot = await startTestRobot({
    plugins: { ...KEYWORDS, vad: { use: "vad-energy" } },
    brain,
    session: { idle: { hang_up_s: 0.5, wake: "word" } },
  });
  await robot.robot.audio.port.openCapture(room.microphone);
  await robot.waitFor("session.hung_up");
  room.say(await flite("good morning everybody", "slt"));
  await robot.waitFor("user.speech_stopped");
  expect(robot.robot.session.port.state()).toBe("idle");
  room.say(await flite("hello robot", "rms"));
  const { heard_at_ms } = await robot.waitFor("keyword.heard", ({ role }) => role === "wake");
  await until(() => robot.robot.session.port.state() === "ready", "The link is not opened");
  expect(performance.now() - heard_at_ms).toBeLessThan(1000);
  await robot.stop();
  await brain.close();
}, 30_000);
