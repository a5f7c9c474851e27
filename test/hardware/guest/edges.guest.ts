import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { LineEdge } from "../../../core/index.ts";
import { openLines } from "../../../plugins/board-picarx/lines.ts";
import { until } from "../../fixtures/hat-robot.ts";
import { Bridge, CHIP, LINES } from "./bridge.ts";

let bridge: Bridge;
beforeAll(async () => {
  bridge = await Bridge.plugIn();
});
afterAll(async () => {
  await bridge[Symbol.asyncDispose]();
});

describe("edges of a line", () => {
  for (const backend of ["character", "sysfs"] as const) {
    test(`are told with their time through ${backend === "sysfs" ? "sysfs by onoff" : "the character device"}`, async () => {
      // The driver of this chip takes a line that is high at first for one that rose.
      bridge.hat.levels[LINES.userButton] = 0;
      const chip = await openLines({ chip: CHIP, backend, pollMs: 10 });
      const edges: LineEdge[] = [];
      const button = chip.input(
        LINES.userButton,
        { consumer: "a test", pull: "none", activeLow: true },
        (edge) => edges.push(edge),
      );
      expect(button.get()).toBe(true);
      // The kernel looks at this chip's lines every 40 ms.
      for (const [level, count] of [
        [1, 1],
        [0, 2],
        [1, 3],
      ] as const) {
        bridge.hat.levels[LINES.userButton] = level;
        await until(() => edges.length >= count, `edge ${count}`, 30_000);
        expect(button.get()).toBe(level === 0);
      }
      expect(edges.map(({ active }) => active)).toEqual([false, true, false]);
      expect(edges[2]!.timestampNs > edges[0]!.timestampNs).toBe(true);
      button.close();
      const led = chip.output(LINES.led, { consumer: "a test", high: false });
      led.set(true);
      await until(() => bridge.hat.levels[LINES.led] === 1, "the line is high", 30_000);
      led.set(false);
      await until(() => bridge.hat.levels[LINES.led] === 0, "the line is low", 30_000);
      led.close();
      chip.close();
    });
  }
});

test("a line that is not there, and one that cannot be debounced, are refused as what they are", async () => {
  const chip = await openLines({ chip: CHIP, backend: "character", pollMs: 10 });
  const ask = (line: number, debounceUs: number) => () =>
    chip.input(line, { consumer: "a test", pull: "up", debounceUs }, () => {}).close();
  expect(ask(16, 0)).toThrow("the chip has no line 16 (a test)");
  // The interrupts of this chip are threads; the kernel's debouncer wants others.
  expect(ask(LINES.userButton, 20_000)).toThrow("cannot be pulled or debounced as asked");
  expect(ask(LINES.userButton, 0)).not.toThrow();
  chip.close();
});
