import { describe, expect, test } from "bun:test";
import { announce, begin, callItem, finish } from "../core/realtime-kit.ts";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import { RawServer } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import type { TestRobot } from "../kit/test-robot.ts";

const MOVE = callItem("c1", "move", '{"distance_m":1}');
const TURN = callItem("c2", "turn", '{"angle_deg":90}');
const LOOK = callItem("c3", "measure_distance");

/** A robot whose server does what the test says. */
async function onARawServer(): Promise<
  { server: RawServer; wire: RawConnection; robot: TestRobot } & AsyncDisposable
> {
  const server = await RawServer.listen();
  const robot = await startTestRobot({
    session: { service: "", url: server.url, reconnect: { initial_ms: 50 } },
    plugins: {
      ...SIMULATED_BODY,
      movement: { use: "tools-movement" },
    },
  });
  const wire = await server.accept();
  await wire.configure();
  await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
  return {
    server,
    wire,
    robot,
    async [Symbol.asyncDispose]() {
      await robot.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The server ends the session, in the same packet as what it said before. */
function expire(wire: RawConnection): void {
  wire.send({
    type: "error",
    error: { type: "invalid_request_error", code: "session_expired", message: "Time is up." },
  });
}

describe("when the link is lost", () => {
  test("right after the model asked for a motion, it does not begin, and what harms nobody is done all the same", async () => {
    await using line = await onARawServer();
    const { robot, server, wire } = line;
    begin(wire, "r1");
    announce(wire, "r1", MOVE);
    announce(wire, "r1", LOOK);
    expire(wire);
    const again = await server.accept();
    await again.configure();
    const moved = await robot.waitFor("tool.finished", ({ name }) => name === "move");
    expect(moved.result).toMatchObject({ ended: "link_lost", moved_m: 0 });
    const measured = await robot.waitFor("tool.finished", ({ name }) => name === "measure_distance");
    expect(measured.result).toMatchObject({ kind: "distance" });
    expect(robot.events("motion.started")).toEqual([]);
    await again.next("response.create");
    expect(JSON.stringify(again.all("conversation.item.create"))).toContain("I did not move");
  });

  test("during a motion, neither that goes on nor what was asked for behind it", async () => {
    await using line = await onARawServer();
    const { robot, server, wire } = line;
    begin(wire, "r1");
    announce(wire, "r1", MOVE);
    announce(wire, "r1", TURN);
    finish(wire, "r1");
    await robot.waitFor("motion.started");
    wire.drop();
    const ends = () => robot.events("tool.finished").map(({ result }) => (result as { ended: string }).ended);
    await (await server.accept()).configure();
    await robot.waitFor("tool.finished", ({ name }) => name === "turn");
    await robot.waitFor("tool.finished", ({ name }) => name === "move");
    expect(ends()).toEqual(["link_lost", "link_lost"]);
    expect(robot.events("motion.started").length).toBe(1);
  });

  test("the next connection, a plugin and whoever stands beside the robot may still move it", async () => {
    await using line = await onARawServer();
    const { robot, server, wire } = line;
    wire.drop();
    await robot.waitFor("session.state_changed", ({ state }) => state === "waiting");
    const drive = robot.service("drive");
    const first = drive.move({ distanceM: 0.1 });
    expect(await first).toMatchObject({ ended: "completed" });
    expect(await robot.call("turn", { angle_deg: 5 })).toMatchObject({ ok: true });
    const again = await server.accept();
    await again.configure();
    begin(again, "r1");
    announce(again, "r1", callItem("c1", "move", '{"distance_m":0.1}'));
    finish(again, "r1");
    const moved = await robot.waitFor("tool.finished", ({ name }) => name === "move");
    expect(moved.result).toMatchObject({ ended: "completed" });
  });
});
