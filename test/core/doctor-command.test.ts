import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandText } from "../../core/doctor/command-text.ts";
import { doubleDevices } from "../../core/doctor/device-clash.ts";
import { parseProfile } from "../../core/profile.ts";

describe("a command that the doctor advises", () => {
  const scratch = mkdtempSync(join(tmpdir(), "myna-command-"));
  process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

  /** The folder of a clone, and of an installed release with its unit. */
  const folder = join(scratch, "releases/1");
  const current = join(scratch, "current");
  const unit = join(scratch, "myna.service");
  const tools = join(scratch, "tools");
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  mkdirSync(tools);
  symlinkSync(folder, current);
  writeFileSync(unit, `[Service]\nUser=robin\nWorkingDirectory=${current}\n`);
  for (const path of [tools, join(folder, "node_modules/.bin")]) {
    writeFileSync(join(path, "bun"), "#!/bin/sh\n");
    chmodSync(join(path, "bun"), 0o755);
  }
  const none = join(scratch, "no.service");
  const path = join(folder, "node_modules/.bin");

  test("is one of the service's user on an installed robot, and root's where it writes into the profiles", () => {
    const place = { folder, unit, path, cwd: current };
    expect(commandText("doctor audio", place)).toBe("sudo -u robin node_modules/.bin/bun run doctor audio");
    expect(commandText("calibrate", { ...place, writes: true })).toBe(
      "sudo node_modules/.bin/bun run calibrate",
    );
  });

  test("says where it is to be typed, to whoever is elsewhere", () => {
    expect(commandText("doctor", { folder, unit, path, cwd: scratch })).toBe(
      `cd ${current} && sudo -u robin node_modules/.bin/bun run doctor`,
    );
  });

  test("goes through npx in a clone, whose own programs npx itself has put on the path", () => {
    expect(commandText("doctor", { folder, unit: none, path, cwd: folder })).toBe("npx bun run doctor");
  });

  test("is plain where bun is installed, and beside another installation", () => {
    expect(commandText("doctor", { folder, unit: none, path: `${path}:${tools}`, cwd: folder })).toBe(
      "bun run doctor",
    );
    expect(commandText("doctor", { folder: tools, unit, path: tools, cwd: tools })).toBe("bun run doctor");
  });
});

describe("two devices of a kind", () => {
  const of = (plugins: Record<string, { use: string | string[]; enabled?: boolean }>) => {
    const layer = { origin: "robot.toml", folder: import.meta.dir, table: { plugins } };
    return [...doubleDevices(parseProfile("robot", [layer]).plugins)];
  };

  test("are a fault of the second one, with what mends it", () => {
    const [found, ...others] = of({
      ear: { use: ["mic-alsa", "mic-wav"] },
      mouth: { use: "speaker-wav" },
      more: { use: "mic-wav" },
    });
    expect(others).toEqual([]);
    expect(found).toMatchObject({ plugin: "more", name: "microphone", state: "failed" });
    expect(found!.message).toContain('"ear"');
    expect(found!.fix).toContain("[plugins.more]");
  });

  test("are none where one is switched off, or only switches the amplifier", () => {
    expect(
      of({
        mouth: { use: "speaker-wav" },
        other: { use: "speaker-wav", enabled: false },
        amplifier: { use: "speaker-enable" },
      }),
    ).toEqual([]);
  });
});
