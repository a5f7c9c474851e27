import { describe, expect, test } from "bun:test";
import { startTestRobot } from "../kit/index.ts";

/* What passes through a program is tested on real sound servers in test/audio: this machine may have none. */
const device = "no card of this name";

describe("mic-pipe", () => {
  test("where there is no such device the next driver of the list takes over", async () => {
    await using robot = await startTestRobot({
      plugins: { mic: { use: ["mic-pipe", "mic-wav"], "mic-pipe": { device, program: "alsa" } } },
    });
    const used = robot.health().plugins.map(({ use, state }) => `${use} ${state}`);
    expect(used).toEqual(["mic-wav ready"]);
  });

  test("alone it waits for its device and says which, and what arecord said", async () => {
    await using robot = await startTestRobot({
      tolerant: true,
      plugins: { mic: { use: "mic-pipe", device, program: "alsa" } },
    });
    const plugin = robot.health().plugins.find(({ id }) => id === "mic");
    expect(plugin).toMatchObject({ state: "retrying" });
    expect(plugin!.message).toContain(`no microphone "${device}"`);
    expect(plugin!.message).toContain("arecord");
  });

  test("a program that is none of the known ones is refused", async () => {
    const starting = startTestRobot({ plugins: { mic: { use: "mic-pipe", program: "vlc" } } });
    await expect(starting).rejects.toThrow("program");
  });
});
