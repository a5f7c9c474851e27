import { afterAll, beforeAll, expect, test } from "bun:test";
import { lineConsumers } from "../../../plugins/board-picarx/character-lines.ts";
import { checkBoard } from "../../../plugins/board-picarx/doctor.ts";
import { openLines } from "../../../plugins/board-picarx/lines.ts";
import { Bridge, CHIP, LINES } from "./bridge.ts";

const LINE_OPTIONS = { chip: CHIP, backend: "character", pollMs: 10 } as const;
/** The bridge has eight lines. */
const BOARD = { revision: "v4", lines: { ...LINES, resetButton: LINES.userButton } } as const;

let bridge: Bridge;
beforeAll(async () => {
  bridge = await Bridge.plugIn();
});
afterAll(async () => {
  await bridge[Symbol.asyncDispose]();
});

const check = async (board: Parameters<typeof checkBoard>[1] = BOARD) =>
  await checkBoard({ path: (absolute) => absolute }, board, {
    ...{ chip: CHIP, backend: "character", i2cDevice: bridge.bus, known: true },
  });

test("the doctor finds the kernel's lines free, the controller and its battery, and writes to no motor", async () => {
  const { written, resets } = bridge.hat;
  const found = await check();
  expect(found.filter(({ name }) => !name.startsWith("config.txt"))).toMatchObject([
    { name: "board", state: "ok" },
    { name: "lines", state: "ok", message: "all are free" },
    { name: "speaker enable", state: "ok" },
    { name: "controller", state: "ok", message: "0x14 answers" },
    { name: "battery", state: "ok", message: "7.60 V" },
  ]);
  expect([...bridge.hat.journal(written)]).toEqual([]);
  expect(bridge.hat.resets).toBe(resets);
  expect(lineConsumers([CHIP], Object.values(BOARD.lines))?.size).toBe(0);
}, 60_000);

test("the doctor names who holds a line, and leaves the bus of a robot that runs alone", async () => {
  const chip = await openLines(LINE_OPTIONS);
  try {
    chip.output(LINES.motorReset, { consumer: "myna-motion 77", high: true });
    chip.output(LINES.led, { consumer: "lirc", high: false });
    const found = await check();
    expect(found.find(({ name }) => name === "lines")).toMatchObject({
      state: "failed",
      message: `held: ${LINES.led} (led) by lirc`,
    });
    expect(found.find(({ name }) => name === "controller")).toMatchObject({
      state: "ok",
      message: expect.stringContaining("is held by myna-motion 77: a robot runs"),
    });
  } finally {
    chip.close();
  }
}, 60_000);

test("the doctor tells of a line that the chip does not have", async () => {
  const found = await check({ ...BOARD, lines: LINES });
  expect(found.find(({ name }) => name === "lines")).toMatchObject({
    state: "failed",
    message: `the chip has no line ${LINES.resetButton}`,
    fix: expect.stringContaining("[plugins.board]"),
  });
}, 60_000);
