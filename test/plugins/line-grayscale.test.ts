import { expect, test } from "bun:test";
import type { LineReading } from "myna";
import { startTestRobot } from "myna/testing";
import { readLine } from "../../plugins/line-grayscale/read-line.ts";
import { ScriptedBody } from "../fixtures/scripted-body.ts";

const LINES = [1000, 1000, 1000] as const;
const CLIFFS = [200, 200, 200] as const;
const FLOOR = 1400;
const LINE = 300;
const VOID = 80;

test("the place of the line follows from the sensors that see it, left positive", () => {
  const offset = (left: number, middle: number, right: number) =>
    readLine([left, middle, right], LINES, CLIFFS).offset;
  expect(offset(FLOOR, LINE, FLOOR)).toBe(0);
  expect(offset(LINE, FLOOR, FLOOR)).toBe(1);
  expect(offset(LINE, LINE, FLOOR)).toBe(0.5);
  expect(offset(FLOOR, LINE, LINE)).toBe(-0.5);
  expect(offset(FLOOR, FLOOR, LINE)).toBe(-1);
  expect(offset(FLOOR, FLOOR, FLOOR)).toBeUndefined();
});

test("a crossing is seen by all sensors, and no floor is no line", () => {
  expect(readLine([LINE, LINE, LINE], LINES, CLIFFS)).toMatchObject({
    crossing: true,
    cliff: false,
    offset: 0,
  });
  expect(readLine([VOID, VOID, VOID], LINES, CLIFFS)).toMatchObject({
    crossing: false,
    cliff: true,
    offset: undefined,
  });
  expect(readLine([LINE, FLOOR, VOID], LINES, CLIFFS)).toMatchObject({ cliff: true, offset: 1 });
});

test("each sensor has a reference of its own, and a value on it counts as dark", () => {
  expect(readLine([1000, 1001, 700], [1000, 1000, 600], CLIFFS).offset).toBe(1);
  expect(readLine([200, 201, 900], LINES, CLIFFS)).toMatchObject({ cliff: true, offset: -0.5 });
});

test("readings come as the body tells them, and what is old or missing is a failure of the device", async () => {
  const body = new ScriptedBody();
  await using robot = await startTestRobot({
    plugins: { line: { use: "line-grayscale" } },
    services: { body },
  });
  const line = robot.service("line");
  const failed = expect.objectContaining({ code: "DEVICE_FAILED" });
  expect(() => line.read()).toThrow(failed);
  const readings: LineReading[] = [];
  const undo = line.onReading((reading) => readings.push(reading));
  body.tell({ grayscale: undefined });
  body.tell({ grayscale: [FLOOR, LINE, FLOOR] });
  undo();
  body.tell({ grayscale: [LINE, FLOOR, FLOOR] });
  expect(readings).toEqual([{ raw: [FLOOR, LINE, FLOOR], offset: 0, crossing: false, cliff: false }]);
  expect(line.read().offset).toBe(1);
  body.tell({ atMs: performance.now() - 2000 });
  expect(() => line.read()).toThrow(failed);
});
