import { expect, test } from "bun:test";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";

test("a robot whose cloud dies in mid-sentence drives by its own brain at the next command, and says why", async () => {
  const cloud = await scriptBrain({ answers: ["Hello. ".repeat(40)], speed: 2 });
  await using robot = await startTestRobot({
    session: {
      service: "",
      endpoints: [
        { name: "the cloud", url: cloud.url },
        { name: "my own brain", service: "brain", voice: "rms" },
      ],
    },
    audio: true,
    plugins: {
      brain: { use: "brain-local" },
      ...SIMULATED_BODY,
      movement: { use: "tools-movement" },
    },
  });
  const { port } = robot.robot.session;
  await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
  port.sendText("hello");
  await robot.waitFor("playback.started");
  const diedAtMs = performance.now();
  await cloud.close();
  port.sendText("drive forward half a meter");
  await robot.waitFor("motion.started");
  expect(performance.now() - diedAtMs).toBeLessThan(2000);
  expect(robot.events("session.endpoint_changed")).toMatchObject([
    { endpoint: "my own brain", previous: "the cloud", preferred: false },
  ]);
  const stopped = await robot.waitFor("motion.stopped");
  expect(stopped.moved_m).toBeGreaterThan(0.4);
  await robot.waitFor(
    "assistant.transcript",
    ({ text }) => text.includes("I cannot reach the cloud."),
    15_000,
  );
  expect(robot.health().core["session"]).toMatchObject({ endpoints: { at: 1, changes: 1 } });
}, 40_000);
