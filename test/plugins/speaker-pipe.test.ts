import { describe, expect, test } from "bun:test";
import { startTestRobot } from "../kit/index.ts";

/* What passes through a program is tested on real sound servers in test/audio: this machine may have none. */
const device = "no card of this name";

describe("speaker-pipe", () => {
  test("where there is no such device the next driver of the list takes over", async () => {
    await using robot = await startTestRobot({
      plugins: {
        speaker: { use: ["speaker-pipe", "speaker-wav"], "speaker-pipe": { device, program: "alsa" } },
      },
    });
    const used = robot.health().plugins.map(({ use, state }) => `${use} ${state}`);
    expect(used).toEqual(["speaker-wav ready"]);
  });

  test("alone it waits for its device and says which, and what aplay said", async () => {
    await using robot = await startTestRobot({
      tolerant: true,
      plugins: { speaker: { use: "speaker-pipe", device, program: "alsa" } },
    });
    const plugin = robot.health().plugins.find(({ id }) => id === "speaker");
    expect(plugin).toMatchObject({ state: "retrying" });
    expect(plugin!.message).toContain(`no loudspeaker "${device}"`);
    expect(plugin!.message).toContain("aplay");
  });

  test("a program that is none of the known ones is refused", async () => {
    const starting = startTestRobot({ plugins: { speaker: { use: "speaker-pipe", program: "vlc" } } });
    await expect(starting).rejects.toThrow("program");
  });
});
