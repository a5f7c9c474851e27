import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptBrain, startTestRobot } from "../kit/index.ts";
import { firstSound } from "./speech.ts";

const LONG = "This is a very long answer that goes on and on. ".repeat(3);

test("an edit of tools-dice while the robot talks swaps it without a gap in the sound; a broken one leaves it running", async () => {
  const folder = mkdtempSync(join(tmpdir(), "myna-dice-"));
  const brain = await scriptBrain({ answers: [LONG], voice: new Hum() });
  try {
    cpSync(join(import.meta.dir, "../../examples/tools-dice"), folder, { recursive: true });
    await using robot = await startTestRobot({
      brain,
      audio: true,
      plugins: { dice: { use: folder } },
      runtime: { watch: true },
    });
    await robot.waitFor("session.state_changed", (event) => event.state === "ready");
    robot.robot.session.port.sendText("tell me a story");
    await robot.waitFor("playback.started");
    const edit = (file: string, change: (text: string) => string) => {
      const path = join(folder, file);
      writeFileSync(path, change(readFileSync(path, "utf8")));
    };
    const reloads = (count: number) =>
      robot.waitFor("plugin.reloaded", () => robot.events("plugin.reloaded").length >= count);

    edit("index.ts", (text) =>
      text.replace("rolled a", "threw a").replace("Rolls one dice", "Throws one dice"),
    );
    expect(await reloads(1)).toMatchObject({ ok: true });
    expect((await robot.call("roll_dice")).result).toStartWith("threw a");

    edit("roll.ts", () => "export function roll(): number { return 1; }\n");
    await reloads(2);
    expect((await robot.call("roll_dice")).result).toStartWith("threw a 1 ");

    edit("index.ts", (text) => text.replace("definePlugin({", "definePlugin({{"));
    await reloads(3);
    expect(robot.events("plugin.reloaded").at(-1)).toMatchObject({
      ok: false,
      message: expect.stringContaining("index.ts"),
    });
    expect((await robot.call("roll_dice")).result).toStartWith("threw a 1 ");

    expect(robot.robot.audio.playback.active).toBe(true);
    const { item_id, played_ms } = await robot.waitFor("playback.stopped", () => true, 30_000);
    expect(item_id).toBe(robot.events("playback.started")[0]!.item_id);
    const pcm = robot.played();
    const start = firstSound(pcm);
    const spoken = pcm.subarray(start, start + played_ms * 24);
    expect(longestSilence(spoken)).toBeLessThan(24 * 5);
    const updates = brain.received.filter(({ type }) => type === "session.update");
    const toldTools = updates.map(({ event }) => JSON.stringify(event)).slice(updates.length - 2);
    expect(toldTools[0]).toContain("Rolls one dice");
    expect(toldTools[1]).toContain("Throws one dice");
  } finally {
    await brain.close();
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);

/** A voice without a pause, 50 ms a letter: silence in what was played is a gap. */
class Hum {
  names(): string[] {
    return ["hum"];
  }

  async synthesize(text: string): Promise<Int16Array<ArrayBuffer>> {
    return Int16Array.from(
      { length: text.length * 1200 },
      (_, i) => 8000 * Math.cos((2 * Math.PI * 200 * i) / 24_000),
    );
  }
}

/** Samples of the longest run of silence. */
function longestSilence(pcm: Int16Array): number {
  let longest = 0;
  let run = 0;
  for (const sample of pcm) {
    run = Math.abs(sample) > 8 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return longest;
}
