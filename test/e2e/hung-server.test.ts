import { expect, test } from "bun:test";
import { createLog } from "../../core/log.ts";
import { BrainProcess } from "../../plugins/brain-local/brain-process.ts";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import type { TestRobot } from "../kit/test-robot.ts";

const BODY = { ...SIMULATED_BODY, movement: { use: "tools-movement" } };

function pidOfBrain(robot: TestRobot): number {
  const brain = robot.health().plugins.find(({ id }) => id === "brain");
  return Number(brain?.inspect["pid"]);
}

test("the wheels stop when the server's process hangs during a drive, though its socket stays open", async () => {
  await using robot = await startTestRobot({ plugins: { brain: { use: "brain-local" }, ...BODY } });
  await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
  const pid = pidOfBrain(robot);
  robot.robot.session.port.sendText("drive forward two meters");
  await robot.waitFor("body.pose", ({ moving }) => moving);
  // Some way on, and with nothing left that the server had to say.
  const [from = { x_m: 0, y_m: 0 }] = robot.events("body.pose");
  await robot.waitFor("body.pose", ({ x_m, y_m }) => Math.hypot(x_m - from.x_m, y_m - from.y_m) > 0.1);
  process.kill(pid, "SIGSTOP");
  try {
    const hungAtMs = performance.now();
    const stopped = await robot.waitFor("motion.stopped");
    expect(stopped).toMatchObject({ ended: "link_lost" });
    // 1.7 s at most on a quiet machine; a drive of two meters takes seven.
    expect(performance.now() - hungAtMs).toBeLessThan(4000);
    expect(stopped.moved_m).toBeLessThan(1.7);
  } finally {
    process.kill(pid, "SIGCONT");
  }
}, 30_000);

test("a drive of many seconds, with nothing for the server to say, is not stopped while the server is there", async () => {
  await using robot = await startTestRobot({ plugins: { brain: { use: "brain-local" }, ...BODY } });
  await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
  robot.robot.session.port.sendText("drive forward one and a half meters");
  await robot.waitFor("motion.started");
  // The robot's own program is busy all the while, 30 ms at a time.
  const busy = setInterval(() => Bun.sleepSync(30), 60);
  try {
    expect(await robot.waitFor("motion.stopped", undefined, 15_000)).toMatchObject({ ended: "completed" });
    expect(robot.health().core["session"]).toMatchObject({ connection: { lost: 0 } });
  } finally {
    clearInterval(busy);
  }
}, 30_000);

test("a command to a server that hangs is obeyed by the next one within a few seconds", async () => {
  const log = createLog({ level: "error", write: () => {} });
  const options = { voice: "rms", silenceMs: 400, sessionMinutes: 60, dialect: "ga", speed: 1 } as const;
  const cloud = new BrainProcess({ port: 0, ...options, logLevel: "error" }, log);
  try {
    const { url } = await cloud.listening;
    await using robot = await startTestRobot({
      session: {
        service: "",
        endpoints: [
          { name: "the cloud", url },
          { name: "my own brain", service: "brain" },
        ],
      },
      plugins: { brain: { use: "brain-local" }, ...BODY },
    });
    await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
    process.kill(cloud.pid, "SIGSTOP");
    const askedAtMs = performance.now();
    robot.robot.session.port.sendText("drive forward half a meter");
    await robot.waitFor("motion.started");
    // 2.5 s on a quiet machine; another command, or none, would come after the limit of an answer.
    expect(performance.now() - askedAtMs).toBeLessThan(9000);
    expect(await robot.waitFor("motion.stopped")).toMatchObject({ ended: "completed" });
    expect(robot.events("motion.started").length).toBe(1);
    expect(robot.events("session.endpoint_changed")).toMatchObject([
      { endpoint: "my own brain", previous: "the cloud", reason: "the server does not answer pings" },
    ]);
  } finally {
    cloud.kill();
    await cloud.ended;
  }
}, 30_000);
