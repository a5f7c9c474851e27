import { describe, expect, test } from "bun:test";
import { scriptBrain } from "../kit/scripted-brain.ts";
import type { ScriptedBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import type { TestRobot } from "../kit/test-robot.ts";
import { WebRtcGateway } from "../kit/webrtc-gateway.ts";

/** A cloud over WebRTC, and a brain of one's own behind it. */
async function robotOf(
  cloud: string,
  brain: ScriptedBrain,
  plugins: Record<string, { use: string }>,
): Promise<TestRobot> {
  return await startTestRobot({
    brain,
    session: {
      service: "",
      transport: "webrtc",
      endpoints: [
        { name: "the cloud", url: cloud },
        { name: "my own brain", service: "brain", transport: "websocket" },
      ],
    },
    plugins,
  });
}

describe("a robot whose server is a plugin's", () => {
  test("is not said to wait for it while it starts", async () => {
    await using robot = await startTestRobot({ plugins: { brain: { use: "brain-local" } } });
    await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
    expect(robot.events("session.state_changed").map(({ state }) => state)).toEqual(["connecting", "ready"]);
  });

  test("is said to wait for it once every plugin was tried and none is one", async () => {
    await using robot = await startTestRobot({});
    expect(await robot.waitFor("session.state_changed")).toMatchObject({
      state: "waiting",
      code: "SERVICE_UNAVAILABLE",
    });
  });
});

describe("a robot whose first server is called over a wire that a plugin brings", () => {
  test("waits for the plugin at its start, and talks to the first server from the beginning", async () => {
    const brain = await scriptBrain();
    try {
      await using gateway = new WebRtcGateway(brain.url);
      await using robot = await robotOf(gateway.url, brain, { webrtc: { use: "transport-webrtc" } });
      const ready = await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
      expect(ready.url).toBe(gateway.url);
      expect(robot.events("session.state_changed").map(({ state }) => state)).toEqual([
        "connecting",
        "ready",
      ]);
      expect(robot.events("session.endpoint_changed")).toEqual([]);
    } finally {
      await brain.close();
    }
  }, 20_000);

  test("takes the next one as soon as all plugins were tried and none brings it", async () => {
    const brain = await scriptBrain();
    try {
      await using robot = await robotOf("ws://127.0.0.1:1/v1/realtime", brain, {});
      const changed = await robot.waitFor("session.endpoint_changed");
      expect(changed).toMatchObject({ endpoint: "my own brain", previous: "the cloud" });
      expect(changed.reason).toContain("the profile needs `transport-webrtc`");
    } finally {
      await brain.close();
    }
  }, 20_000);
});
