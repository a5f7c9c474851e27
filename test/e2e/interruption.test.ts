import { expect, test } from "bun:test";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import { scriptBrain, startTestRobot } from "../kit/index.ts";
import type { ScriptedBrain, TestRobot } from "../kit/index.ts";
import { babble } from "./speech.ts";

const LONG = "This is a very long answer that goes on and on. ".repeat(12);

async function talkingRobot(brain: ScriptedBrain): Promise<TestRobot> {
  const robot = await startTestRobot({ brain, audio: true, plugins: { vad: { use: "vad-energy" } } });
  await robot.waitFor("session.state_changed", (event) => event.state === "ready");
  robot.robot.session.port.sendText("tell me a story");
  await robot.waitFor("playback.started");
  await Bun.sleep(300);
  return robot;
}

test("speech over the robot silences it, and the server learns what was heard", async () => {
  await using brain = closing(await scriptBrain({ answers: [LONG, "Yes?"], hears: ["wait"] }));
  await using robot = await talkingRobot(brain);
  await robot.feed(babble(600));
  const cut = await robot.waitFor("assistant.interrupted");
  const stopped = await robot.waitFor("playback.stopped");
  expect(stopped).toMatchObject({ item_id: cut.item_id, reason: "flushed" });
  const truncated = await brain.waitFor("conversation.item.truncate");
  expect(truncated).toMatchObject({ item_id: cut.item_id, audio_end_ms: cut.played_ms });
  expect(cut.played_ms).toBeGreaterThan(200);
  const words = await robot.waitFor(
    "assistant.transcript",
    (event) => event.item_id === cut.item_id && event.final,
  );
  expect(words.interrupted).toBe(true);
  expect(LONG).toStartWith(words.text);
  expect(words.text.length).toBeLessThan(LONG.length / 2);
});

test("after an interruption the next answer is heard whole", async () => {
  await using brain = closing(await scriptBrain({ answers: [LONG, "Yes?"], hears: ["wait"] }));
  await using robot = await talkingRobot(brain);
  await robot.feed(babble(600));
  await robot.waitFor("assistant.interrupted");
  const next = await robot.waitFor("assistant.transcript", (event) => event.final && event.text === "Yes?");
  expect(next.interrupted).toBe(false);
  expect(await robot.waitFor("playback.stopped", (event) => event.item_id === next.item_id)).toMatchObject({
    reason: "finished",
  });
});

test("a tool that drives is told to stop when the user speaks over it", async () => {
  const answers = [{ calls: [{ name: "move", arguments: { distance_m: 2 } }] }, "I stopped."];
  await using brain = closing(await scriptBrain({ answers, hears: ["stop"] }));
  await using robot = await startTestRobot({
    brain,
    audio: true,
    plugins: {
      vad: { use: "vad-energy" },
      ...SIMULATED_BODY,
      movement: { use: "tools-movement" },
    },
  });
  await robot.waitFor("session.state_changed", (event) => event.state === "ready");
  robot.robot.session.port.sendText("go far away");
  await robot.waitFor("body.pose", (pose) => pose.moving);
  await robot.feed(babble(500));
  expect(await robot.waitFor("motion.stopped")).toMatchObject({ ended: "stopped" });
  expect(robot.service("drive").pose().moving).toBe(false);
});

test("the wheels stop when the link is lost, and the robot finds the server again", async () => {
  const answers = [{ calls: [{ name: "move", arguments: { distance_m: 2 } }] }, "I stopped."];
  await using brain = closing(await scriptBrain({ answers }));
  await using robot = await startTestRobot({
    brain,
    session: { reconnect: { initial_ms: 20 } },
    plugins: {
      ...SIMULATED_BODY,
      movement: { use: "tools-movement" },
    },
  });
  await robot.waitFor("session.state_changed", (event) => event.state === "ready");
  robot.robot.session.port.sendText("go far away");
  await robot.waitFor("body.pose", (pose) => pose.moving);
  for (const session of brain.sessions) session.drop();
  const { ended } = await robot.waitFor("motion.stopped");
  expect(["link_lost", "stopped"]).toContain(ended);
  expect(robot.service("drive").pose().moving).toBe(false);
  await robot.waitFor("session.state_changed", (event) => event.state === "waiting");
  await robot.waitFor(
    "session.state_changed",
    (event) => event.state === "ready" && robot.events("session.state_changed").indexOf(event) > 2,
  );
});

function closing<T extends ScriptedBrain>(brain: T): T & AsyncDisposable {
  return Object.assign(brain, { [Symbol.asyncDispose]: () => brain.close() });
}
