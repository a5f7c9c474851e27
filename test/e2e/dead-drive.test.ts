import { expect, test } from "bun:test";
import { TempPlugins } from "../core/temp-plugins.ts";
import { startTestRobot } from "../kit/test-robot.ts";

/** Longer than a server that hangs stays unnoticed while a body moves (1.7 s), and shorter than at rest. */
const WATCH_MS = 3500;

test("a third party's drive that dies while it moves leaves no link watched as closely as a moving body's", async () => {
  using temp = new TempPlugins();
  const drive = temp.plugin(
    "drive-dying",
    `if (globalThis.driveHasDied) throw new MynaError("DEVICE_NOT_FOUND", "no drive any more");
     globalThis.driveHasDied = true;
     ctx.provide("drive", { pose: () => ({ x_m: 0, y_m: 0, heading_deg: 0, moving: true }), stop() {} });
     ctx.publish("body.pose", { x_m: 0, y_m: 0, heading_deg: 0, moving: true });
     ctx.on("mode.changed", () => ctx.fail(new Error("the drive died")));`,
    `provides: ["drive"],`,
  );
  await using robot = await startTestRobot({
    plugins: { brain: { use: "brain-local" }, drive: { use: drive } },
  });
  const { bus } = robot.robot;
  await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
  robot.publish("mode.changed", { mode: "drive dies" });
  await robot.waitFor("plugin.state_changed", ({ id, state }) => id === "drive" && state === "retrying");
  expect(bus.last("body.pose")?.moving).toBe(true);
  const brain = robot.health().plugins.find(({ id }) => id === "brain")!;
  const pid = Number(brain.inspect["pid"]);
  process.kill(pid, "SIGSTOP");
  try {
    await Bun.sleep(WATCH_MS);
    expect(bus.last("session.state_changed")?.state).toBe("ready");
  } finally {
    process.kill(pid, "SIGCONT");
  }
}, 30_000);
