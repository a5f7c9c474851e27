import { expect, test } from "bun:test";
import { asksToStop } from "../../core/stop-order.ts";

test.each([
  "stop",
  "Stop!",
  " please stop now. ",
  "robot, halt",
  "please freeze right now",
  "stop moving please",
])("%j is an order to stop", (line) => expect(asksToStop(line)).toBe(true));

test.each(["stop at the wall", "do not stop", "nonstop", "when do you stop?", "", "stopwatch"])(
  "%j is no order to stop",
  (line) => expect(asksToStop(line)).toBe(false),
);
