import { expect, test } from "bun:test";
import { until } from "../kit/raw-server.ts";
import { Room } from "../kit/room.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import { espeak } from "../kit/voices.ts";

const PROOF = {
  microphone: "room microphone",
  loudspeaker: "room loudspeaker",
  stage: "echo-doubletalk",
  delay_ms: 8,
  echo_db: -10,
  erle_db: 40,
  date: "2026-11-21",
};
const STORY =
  "I can drive forward and backward, turn left and right, look around, take a picture, and tell you what I see";

test("in a room, a robot with a proof tells its story to the end although it hears itself, and falls silent for a person", async () => {
  const voice = await espeak(STORY, "en-gb");
  const brain = await scriptBrain({
    answers: [STORY, "Yes."],
    hears: ["no wait a moment"],
  });
  const room = new Room({ echoDb: -10 });
  await using robot = await startTestRobot({
    brain,
    plugins: { vad: { use: "vad-energy" }, echo: { use: "echo-doubletalk" } },
    session: { turn_detection: { type: "none" } },
    profile: { audio: { proof: PROOF } },
  });
  const { audio, session } = robot.robot;
  await audio.port.openCapture(room.microphone);
  await audio.port.openPlayback(room.loudspeaker);
  expect(audio.echoRung).toBe("cancelled");
  await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
  await audio.port.playSound(voice);
  expect(robot.events("user.speech_started")).toEqual([]);
  session.port.sendText("Tell me a story.");
  const { item_id } = await robot.waitFor("playback.started");
  await until(() => audio.playback.playedMs(item_id) > 1000, "The robot does not speak");
  room.say(await espeak("no wait a moment", "en-us"));
  const cut = await robot.waitFor("assistant.interrupted");
  expect(cut.item_id).toBe(item_id);
  expect(await brain.waitFor("conversation.item.truncate")).toMatchObject({ audio_end_ms: cut.played_ms });
  await robot.waitFor("user.transcript", ({ text, final }) => final && text === "no wait a moment");
  await robot.waitFor("assistant.transcript", ({ text, final }) => final && text === "Yes.");
  expect(robot.events("assistant.interrupted").length).toBe(1);
  expect(robot.events("assistant.resumed")).toEqual([]);
  await robot.stop();
  await brain.close();
}, 40_000);
