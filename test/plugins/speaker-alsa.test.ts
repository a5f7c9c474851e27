import { describe, expect, test } from "bun:test";
import { startTestRobot } from "../kit/index.ts";

/* What passes through a device is tested in test/core/audio-alsa.test.ts: no machine has a card of this name. */
const device = "no card of this name";

describe("speaker-alsa", () => {
  test("where there is no such card the next driver of the list takes over", async () => {
    await using robot = await startTestRobot({
      plugins: { speaker: { use: ["speaker-alsa", "speaker-wav"], "speaker-alsa": { device } } },
    });
    const used = robot.health().plugins.map(({ use, state }) => `${use} ${state}`);
    expect(used).toEqual(["speaker-wav ready"]);
  });

  test("alone it waits for its card and says which", async () => {
    await using robot = await startTestRobot({
      tolerant: true,
      plugins: { speaker: { use: "speaker-alsa", device } },
    });
    const plugin = robot.health().plugins.find(({ id }) => id === "speaker");
    expect(plugin).toMatchObject({ state: "retrying" });
    expect(plugin!.message).toContain(device);
  });

  test("a buffer too short for its periods is refused", async () => {
    const starting = startTestRobot({ plugins: { speaker: { use: "speaker-alsa", buffer_ms: 10 } } });
    await expect(starting).rejects.toThrow("buffer_ms");
  });
});
