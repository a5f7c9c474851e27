import { expect, test } from "bun:test";
import type { DistanceReading } from "myna";
import { startTestRobot } from "myna/testing";
import { ScriptedBody } from "../fixtures/scripted-body.ts";

const NO_ECHO: DistanceReading = { kind: "no_echo" };
const at = (distanceM: number): DistanceReading => ({ kind: "distance", distanceM });

async function measuring(...states: { distance: DistanceReading; moving: boolean }[]) {
  const body = new ScriptedBody();
  await using robot = await startTestRobot({
    plugins: { distance: { use: "distance-ultrasonic", wait_ms: 200 } },
    services: { body },
  });
  const reading = robot.service("distance").read();
  await body.listened();
  for (const state of states) body.tell(state);
  const answer = await reading;
  expect(body.listeners).toBe(0);
  return answer;
}
const moving = (distance: DistanceReading) => ({ distance, moving: true });

test("one reading that jumps is not what is told while the robot moves", async () => {
  expect(await measuring(moving(at(1.2)), moving(at(0.1)), moving(at(1.19)))).toEqual(at(1.19));
  expect(await measuring(moving(at(1.2)), moving(NO_ECHO), moving(at(1.19)))).toEqual(at(1.2));
  expect(await measuring(moving(NO_ECHO), moving(at(0.4)), moving(NO_ECHO))).toEqual(NO_ECHO);
});

test("at rest the next reading is told at once", async () => {
  expect(await measuring({ distance: at(0.8), moving: false })).toEqual(at(0.8));
});

test("what has come within the time is told, and nothing at all is a failure of the device", async () => {
  expect(await measuring(moving(at(0.8)))).toEqual(at(0.8));
  await expect(measuring()).rejects.toMatchObject({ code: "DEVICE_FAILED" });
});

const failed: DistanceReading = { kind: "failed", message: "the echo line is stuck high" };

test("what has not been measured yet is waited for", async () => {
  const rest = (distance: DistanceReading) => ({ distance, moving: false });
  expect(await measuring(rest(failed), rest(at(0.8)))).toEqual(at(0.8));
  expect(await measuring(rest(failed), rest(NO_ECHO))).toEqual(NO_ECHO);
});

test("a sensor that failed is told as such", async () => {
  expect(await measuring({ distance: failed, moving: false })).toEqual(failed);
});
