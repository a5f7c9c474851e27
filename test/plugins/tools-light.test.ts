import { expect, test } from "bun:test";
import type { LedPattern } from "myna";
import { startTestRobot } from "myna/testing";

test("the light is set as the model says, and the result tells it", async () => {
  const shown: LedPattern[] = [];
  await using robot = await startTestRobot({
    plugins: { light: { use: "tools-light" } },
    services: { led: { set: (pattern) => void shown.push(pattern) } },
  });
  for (const pattern of ["on", "off", "blink", "pulse", "auto"] as const) {
    const { ok, result } = await robot.call("set_led", { pattern });
    expect([ok, result]).toMatchObject([true, { pattern }]);
    expect((result as { summary: string }).summary).toMatch(/^My light /);
  }
  expect(shown).toEqual(["on", "off", "blink", "pulse", "auto"]);
});

test("a pattern that the light does not know is refused with those it knows", async () => {
  await using robot = await startTestRobot({
    plugins: { light: { use: "tools-light" } },
    services: { led: { set: () => {} } },
  });
  const refused = await robot.call("set_led", { pattern: "disco" });
  expect(refused).toMatchObject({ ok: false, code: "TOOL_ARGUMENTS" });
  expect(JSON.stringify(refused.result)).toContain("pulse");
});
