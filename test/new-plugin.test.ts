import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const BASE = mkdtempSync(join(tmpdir(), "myna-new-plugin-"));
afterAll(() => rmSync(BASE, { recursive: true }));

function newPlugin(...args: string[]): { exitCode: number; out: string; err: string } {
  const command = [process.execPath, "examples/new-plugin.ts", ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: ROOT });
  return { exitCode, out: stdout.toString(), err: stderr.toString() };
}

test("a new plugin has its own name everywhere and passes its own tests", () => {
  const folder = join(BASE, "weather");
  const { exitCode, out } = newPlugin("tools-weather", "--dir", folder);
  expect(exitCode).toBe(0);
  expect(out).toContain("bun run robot");
  for (const file of ["index.ts", "package.json", "README.md"]) {
    const text = readFileSync(join(folder, file), "utf8");
    expect(text).toContain("tools-weather");
    expect(text).not.toContain("tools-dice");
  }
  expect(readFileSync(join(folder, "robot.toml"), "utf8")).toContain("[plugins.weather]");
  // What `bun install` does by the link in package.json, without a registry.
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules", "myna"));
  symlinkSync(join(ROOT, "node_modules", "zod"), join(folder, "node_modules", "zod"));
  const run = Bun.spawnSync([process.execPath, "test"], { cwd: folder });
  expect(run.stderr.toString()).toMatch(/^ *0 fail$/m);
  expect(run.exitCode).toBe(0);
});

test("the link in package.json leads to this Myna", () => {
  const folder = join(BASE, "linked");
  newPlugin("leds-ring", "--dir", folder);
  const { devDependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const link = (devDependencies.myna as string).replace(/^link:/, "");
  expect(existsSync(join(folder, link, "core", "index.ts"))).toBe(true);
});

test("a folder with something in it is not touched", () => {
  const folder = join(BASE, "full");
  mkdirSync(join(folder, "mine"), { recursive: true });
  const { exitCode, err } = newPlugin("tools-weather", "--dir", folder);
  expect(exitCode).toBe(1);
  expect(err).toContain("is not empty; nothing was written");
  expect(existsSync(join(folder, "index.ts"))).toBe(false);
});

test("a name that is no plugin's name, or taken, is refused with the rule", () => {
  expect(newPlugin("Weather")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("<capability>-<driver>"),
  });
  expect(newPlugin("console-terminal").err).toContain('Myna has a plugin "console-terminal" already');
  expect(newPlugin().err).toContain("Usage: bun run new-plugin NAME");
  expect(newPlugin("a-b", "--nope").exitCode).toBe(2);
});
