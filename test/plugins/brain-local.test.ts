import { expect, test } from "bun:test";
import { startTestRobot, type TestRobot } from "../kit/index.ts";

function startBrainRobot(config: Record<string, unknown> = {}): Promise<TestRobot> {
  return startTestRobot({ plugins: { brain: { use: "brain-local", ...config } } });
}

function inspected(robot: TestRobot): { pid: number; restarts: number } {
  const plugin = robot.health().plugins.find((one) => one.id === "brain");
  return plugin?.inspect as { pid: number; restarts: number };
}

/** True while a process runs; a zombie counts as gone. */
async function alive(pid: number): Promise<boolean> {
  const stat = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}

async function gone(pid: number): Promise<void> {
  while (await alive(pid)) await Bun.sleep(5);
}

test("the plugin offers where the brain listens, and the session finds it", async () => {
  await using robot = await startBrainRobot();
  const url = robot.service("brain").url();
  expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/v1\/realtime$/);
  const ready = await robot.waitFor("session.state_changed", (event) => event.state === "ready");
  expect(ready.url).toStartWith(url);
});

test("a typed sentence becomes speech by the brain's voice", async () => {
  await using robot = await startBrainRobot();
  const short = await robot.service("speech").synthesize("Hello.");
  const long = await robot.service("speech").synthesize("Hello, this is a much longer sentence than that.");
  expect(short.length).toBeGreaterThan(24_000 * 0.1);
  expect(long.length).toBeGreaterThan(short.length * 2);
});

test("a brain that dies is started again on the same port and the session comes back", async () => {
  await using robot = await startBrainRobot();
  const url = robot.service("brain").url();
  const { pid } = inspected(robot);
  const isReady = (event: { state: string }) => event.state === "ready";
  await robot.waitFor("session.state_changed", isReady);
  process.kill(pid, "SIGKILL");
  await robot.waitFor("session.state_changed", (event) => event.state === "waiting");
  while (robot.events("session.state_changed").filter(isReady).length < 2) await Bun.sleep(5);
  expect(robot.service("brain").url()).toBe(url);
  expect(inspected(robot)).toMatchObject({ restarts: 1 });
  expect(inspected(robot).pid).not.toBe(pid);
  expect(robot.health().plugins.find((one) => one.id === "brain")?.state).toBe("ready");
});

test("unloading the plugin ends the brain's process", async () => {
  const robot = await startBrainRobot();
  const { pid } = inspected(robot);
  expect(await alive(pid)).toBe(true);
  await robot.stop();
  await gone(pid);
});

test("a port that another program holds is named and tried again later", async () => {
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  try {
    await expect(startBrainRobot({ port: other.port })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      retryable: true,
      message: expect.stringContaining(String(other.port)),
    });
  } finally {
    await other.stop(true);
  }
});

test("a brain that hangs is ended and started again, and a sentence under way fails instead of hanging", async () => {
  await using robot = await startBrainRobot();
  const { pid } = inspected(robot);
  await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
  process.kill(pid, "SIGSTOP");
  await expect(robot.service("speech").synthesize("Never said before.")).rejects.toMatchObject({
    code: "SERVICE_UNAVAILABLE",
  });
  await gone(pid);
  const state = () => robot.health().plugins.find((one) => one.id === "brain")?.state;
  while (inspected(robot).restarts === 0 || state() !== "ready") await Bun.sleep(5);
  expect(inspected(robot).pid).not.toBe(pid);
  expect((await robot.service("speech").synthesize("Hello.")).length).toBeGreaterThan(0);
});
