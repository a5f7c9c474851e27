import { expect, spyOn, test } from "bun:test";
import type { HealthReport } from "myna";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import { ScriptedBody } from "../fixtures/scripted-body.ts";
import { NotedDrive } from "./web-console-kit.ts";
import { startDoor } from "./web-door-kit.ts";

function post(url: string, path: string): Promise<Response> {
  return fetch(new URL(path, url), { method: "POST" });
}

test("POST /stop stops the wheels and latches; nothing moves until POST /stop/release", async () => {
  await using web = await startDoor({}, { plugins: { ...SIMULATED_BODY } });
  const drive = web.robot.service("drive");
  const body = web.robot.service("body");
  await drive.move({ distanceM: 0.02 });
  const moving = drive.move({ distanceM: 2 });
  await web.robot.waitFor("body.pose", (pose) => pose.moving);
  const stopped = await post(web.url, "stop");
  expect(await stopped.json()).toEqual({ stopped: true });
  expect((await moving).ended).toBe("stopped");
  while (body.state()?.latched === undefined) await Bun.sleep(5);
  const { latched } = (await (await fetch(new URL("stop", web.url))).json()) as { latched: string };
  expect(latched).toContain("web page of 127.0.0.1");
  await expect(drive.move({ distanceM: 0.1 })).rejects.toMatchObject({ code: "MOTION_REFUSED" });
  expect((await post(web.url, "stop/release")).status).toBe(200);
  while (body.state()?.latched !== undefined) await Bun.sleep(5);
  expect((await drive.move({ distanceM: 0.05 })).ended).toBe("completed");
});

test("POST /stop stops the wheels and silences the robot even where the body's stop fails", async () => {
  const drive = new NotedDrive();
  const body = new ScriptedBody();
  const emergencyStop = spyOn(body, "emergencyStop").mockImplementation(() => {
    throw new Error("the body is broken");
  });
  await using web = await startDoor({}, { services: { drive, body } });
  expect((await post(web.url, "stop")).status).toBe(200);
  expect(emergencyStop).toHaveBeenCalled();
  expect(drive.stops).toEqual(["the web page of 127.0.0.1"]);
});

test("POST /stop without a body says that there was nothing to stop", async () => {
  await using web = await startDoor();
  expect(await (await post(web.url, "stop")).json()).toEqual({ stopped: false });
  expect(await (await post(web.url, "stop/release")).json()).toEqual({
    latched: null,
    released: false,
  });
});

test("the robot is ready while all its plugins run, and healthy in any case", async () => {
  const wanting = { use: "servo" };
  await using web = await startDoor({}, { plugins: { wanting }, tolerant: true });
  const status = async (path: string) => (await fetch(new URL(path, web.url))).status;
  expect(await status("health")).toBe(200);
  expect(await status("ready")).toBe(503);
  await using whole = await startDoor();
  const ready = await fetch(new URL("ready", whole.url));
  expect(ready.status).toBe(200);
  const report: HealthReport = whole.robot.health();
  expect(await ready.text()).not.toContain(report.profile);
});

test("the robot is not ready for anybody new while it sees off whom it serves", async () => {
  await using web = await startDoor();
  await web.robot.robot.drain(1000);
  const ready = await fetch(new URL("ready", web.url));
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ status: "draining" });
  expect((await fetch(new URL("health", web.url))).status).toBe(200);
});
