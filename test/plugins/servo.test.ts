import { expect, test } from "bun:test";
import { startTestRobot } from "myna/testing";
import { ScriptedBody } from "../fixtures/scripted-body.ts";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";

const head = { use: "servo" };

test("the head answers what its servos can reach", async () => {
  const body = new ScriptedBody();
  await using robot = await startTestRobot({ plugins: { head }, services: { body } });
  expect(await robot.service("head").look({ panDeg: 200, tiltDeg: -20 })).toEqual({
    panDeg: 80,
    tiltDeg: -20,
  });
  expect(await robot.service("head").look({ tiltDeg: 20 })).toEqual({ panDeg: 80, tiltDeg: 20 });
  expect(body.log).toEqual(["servo 0 80", "servo 1 -20", "servo 1 20"]);
});

test("what is not a number moves no servo, not even the other one", async () => {
  const body = new ScriptedBody();
  await using robot = await startTestRobot({ plugins: { head }, services: { body } });
  const refused = { code: "MOTION_REFUSED", message: expect.stringContaining("tiltDeg") };
  await expect(robot.service("head").look({ panDeg: 10, tiltDeg: NaN })).rejects.toMatchObject(refused);
  await expect(robot.service("head").look({ tiltDeg: Infinity })).rejects.toMatchObject(refused);
  expect(body.log).toEqual([]);
});

test("its channels are those of the profile, and its angles survive a reload", async () => {
  const body = new ScriptedBody();
  await using robot = await startTestRobot({
    plugins: { head: { ...head, pan_channel: 4, tilt_channel: 5 } },
    services: { body },
  });
  await robot.service("head").look({ panDeg: 30, tiltDeg: 10 });
  expect(body.log).toEqual(["servo 4 30", "servo 5 10"]);
  await robot.reload("head");
  expect(robot.service("head").angles()).toEqual({ panDeg: 30, tiltDeg: 10 });
});

test("on the simulated car the camera points where it was told to, within the play of the servo", async () => {
  await using robot = await startTestRobot({ plugins: { ...SIMULATED_BODY } });
  const reached = await robot.service("head").look({ panDeg: 45, tiltDeg: 120 });
  expect(reached).toEqual({ panDeg: 45, tiltDeg: 65 });
  const seen = () => robot.service("world").head();
  while (Math.abs(seen().panDeg - 45) > 1 || Math.abs(seen().tiltDeg - 65) > 1) await Bun.sleep(10);
});
