import { describe, expect, test } from "bun:test";
import type { Body, BodyState } from "../../core/index.ts";
import { PATTERNS, patternOf } from "../../plugins/led-gpio/patterns.ts";
import type { RobotState } from "../../plugins/led-gpio/patterns.ts";
import { HatRobot, until } from "../fixtures/hat-robot.ts";

const LED = 26;
const READY: RobotState = {
  latched: false,
  failed: false,
  link: "ready",
  userSpeaks: false,
  robotSpeaks: false,
  waiting: false,
};

describe("the light", () => {
  test("shows first what needs a person", () => {
    expect(patternOf(READY)).toBe("pulse");
    expect(patternOf({ ...READY, waiting: true })).toBe("blink");
    expect(patternOf({ ...READY, link: "other" })).toBe("blink");
    expect(patternOf({ ...READY, robotSpeaks: true, waiting: true })).toBe("on");
    expect(patternOf({ ...READY, userSpeaks: true, failed: true })).toBe("flashes");
    expect(patternOf({ ...READY, failed: true, latched: true })).toBe("fast");
  });

  test("has on and off times in pairs for what blinks", () => {
    for (const [name, lengths] of Object.entries(PATTERNS))
      expect(lengths.length === 1 || lengths.length % 2 === 0, name).toBe(true);
  });

  test("is steady while somebody speaks, blinks when the body is stopped, and shows what a tool sets", async () => {
    let latched: string | undefined;
    const body = {
      state: () => ({ latched }) as BodyState,
      onState: () => () => {},
    } as unknown as Body;
    await using one = await HatRobot.start({ led: { use: "led-gpio" } }, { services: { body } });
    const { robot, hat } = one;
    const lit = () => hat.levels[LED] === 1;
    const shows = () => robot.health().plugins.find(({ id }) => id === "led")!.inspect["shows"];

    robot.publish("user.speech_started", { source: "server", speech_at_ms: 0 });
    expect(shows()).toBe("on");
    expect(lit()).toBe(true);
    robot.publish("user.speech_stopped", { source: "server", speech_at_ms: 0 });
    robot.publish("user.committed", { item_id: "1", committed_at_ms: 0 });
    expect(shows()).toBe("blink");
    robot.publish("playback.started", { item_id: "2", played_at_ms: 0 });
    expect(shows()).toBe("on");

    latched = "a test";
    await until(() => shows() === "fast", "the stopped body is shown");
    await until(() => !lit(), "the light goes out between two blinks");
    await until(lit, "and on again");

    robot.service("led").set("off");
    expect(lit()).toBe(false);
    robot.service("led").set("on");
    expect(lit()).toBe(true);
    robot.service("led").set("auto");
    expect(shows()).toBe("fast");
    await robot.stop();
    expect(lit()).toBe(false);
  });
});
