import { describe, expect, test } from "bun:test";
import { startTestRobot } from "../kit/index.ts";

/* What passes through a device is tested in test/core/audio-alsa.test.ts: no machine has a card of this name. */
const device = "no card of this name";

describe("mic-alsa", () => {
  test("where there is no such card the next driver of the list takes over", async () => {
    await using robot = await startTestRobot({
      plugins: { mic: { use: ["mic-alsa", "mic-wav"], "mic-alsa": { device } } },
    });
    const used = robot.health().plugins.map(({ use, state }) => `${use} ${state}`);
    expect(used).toEqual(["mic-wav ready"]);
  });

  test("alone it waits for its card and says which", async () => {
    await using robot = await startTestRobot({
      tolerant: true,
      plugins: { mic: { use: "mic-alsa", device } },
    });
    const plugin = robot.health().plugins.find(({ id }) => id === "mic");
    expect(plugin).toMatchObject({ state: "retrying" });
    expect(plugin!.message).toContain(device);
  });

  test("a buffer too short for its periods is refused", async () => {
    const starting = startTestRobot({ plugins: { mic: { use: "mic-alsa", buffer_ms: 10 } } });
    await expect(starting).rejects.toThrow("buffer_ms");
  });
});
