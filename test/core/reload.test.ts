import { expect, test } from "bun:test";
import { startTestRobot } from "../kit/index.ts";
import { TempPlugins } from "./temp-plugins.ts";

const TOOL = (word: string) => `
  ctx.tool({ name: "word", description: "Says a word.", parameters: z.object({}), execute: () => "${word} " + ++ctx.state.calls });`;
const STATE = `state: () => ({ calls: 0 }),`;

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await Bun.sleep(10);
  expect(condition()).toBe(true);
}

test("a reload runs the new code and keeps the plugin's state", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("words", TOOL("old"), STATE);
  await using robot = await startTestRobot({ plugins: { words: { use: plugin } } });
  expect((await robot.call("word")).result).toBe("old 1");
  files.plugin("words", TOOL("new"), STATE);
  await robot.reload("words");
  expect((await robot.call("word")).result).toBe("new 2");
  expect(robot.events("plugin.reloaded")).toMatchObject([{ id: "words", ok: true }]);
});

test("an edit of a helper file is seen as well", async () => {
  using files = new TempPlugins();
  const helper = (word: string) => files.write("words/helper.ts", `export const word = "${word}";\n`);
  helper("old");
  const text = `import { definePlugin } from "myna";
import { z } from "zod";
import { word } from "./helper.ts";
export default definePlugin({ name: "words", config: z.object({}), setup(ctx) {
  ctx.tool({ name: "word", description: "", parameters: z.object({}), execute: () => word });
} });
`;
  const plugin = files.write("words/index.ts", text);
  await using robot = await startTestRobot({ plugins: { words: { use: plugin } } });
  for (const word of ["second", "third", "fourth"]) {
    helper(word);
    await robot.reload("words");
    expect((await robot.call("word")).result).toBe(word);
  }
});

for (const [title, body] of [
  ["a syntax error", "const = ;"],
  ["an import that is not there", `await import("./nowhere.ts");`],
  ["a setup that throws", `throw new Error("not today");`],
  ["a device that is busy", `throw new MynaError("DEVICE_BUSY", "taken");`],
] as const) {
  test(`${title} leaves the old plugin running, says why, and is mended by the next edit`, async () => {
    using files = new TempPlugins();
    const plugin = files.plugin("words", TOOL("old"), STATE);
    await using robot = await startTestRobot({ plugins: { words: { use: plugin } } });
    await robot.call("word");
    files.plugin("words", body, STATE);
    expect(robot.reload("words")).rejects.toThrow();
    await until(() => robot.events("plugin.reloaded").length === 1);
    expect(robot.events("plugin.reloaded")[0]).toMatchObject({
      id: "words",
      ok: false,
      message: expect.any(String),
    });
    expect((await robot.call("word")).result).toBe("old 2");
    files.plugin("words", TOOL("mended"), STATE);
    await robot.reload("words");
    expect((await robot.call("word")).result).toBe("mended 3");
  });
}

test("an edit that no longer fits the profile's config leaves the old plugin running", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("words", TOOL("old"), STATE);
  await using robot = await startTestRobot({ plugins: { words: { use: plugin, word: "x" } } });
  const { readFileSync } = await import("node:fs");
  files.write(
    "words/index.ts",
    readFileSync(plugin, "utf8").replace(`z.object({ word: z.string().default("") })`, "z.object({})"),
  );
  expect(robot.reload("words")).rejects.toThrow("word: unknown key");
  expect((await robot.call("word")).result).toBe("old 1");
});

test("a provider can be reloaded under its users", async () => {
  using files = new TempPlugins();
  const horn = (name: string) =>
    files.plugin(
      "horn",
      `ctx.provide("sounds", { names: () => ["${name}"], play: async () => ({ durationMs: 1 }) });`,
      `provides: ["sounds"],`,
    );
  const provider = horn("old");
  const user = files.plugin(
    "user",
    `const sounds = ctx.use("sounds"); ctx.tool({ name: "names", description: "", parameters: z.object({}), execute: () => sounds.names() });`,
    `requires: ["sounds"],`,
  );
  await using robot = await startTestRobot({ plugins: { user: { use: user }, horn: { use: provider } } });
  expect((await robot.call("names")).result).toEqual(["old"]);
  horn("new");
  await robot.reload("horn");
  expect((await robot.call("names")).result).toEqual(["new"]);
});

test("reloads asked for at once run one after the other", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin(
    "words",
    `${TOOL("x")} globalThis.alive++; ctx.defer(() => void globalThis.alive--); await Bun.sleep(5);`,
    STATE,
  );
  const world = Object.assign(globalThis, { alive: 0 });
  const robot = await startTestRobot({ plugins: { words: { use: plugin } } });
  await Promise.all([robot.reload("words"), robot.reload("words"), robot.reload("words")]);
  expect(world.alive).toBe(1);
  expect(robot.health().plugins[0]).toMatchObject({ state: "ready", reloads: 3 });
  await robot.stop();
  expect(world.alive).toBe(0);
});

test("saving a file reloads its plugin by itself", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("words", TOOL("old"), STATE);
  await using robot = await startTestRobot({ plugins: { words: { use: plugin } }, runtime: { watch: true } });
  files.plugin("words", TOOL("new"), STATE);
  await robot.waitFor("plugin.reloaded");
  expect((await robot.call("word")).result).toBe("new 1");
});

test("of several drivers the one that took over after the start is watched too", async () => {
  using files = new TempPlugins();
  const first = files.plugin(
    "first",
    `if (ctx.state.calls++ > 0) throw new MynaError("DEVICE_NOT_FOUND", "gone");
     ctx.after(1, () => ctx.fail(new MynaError("DEVICE_FAILED", "unplugged")));`,
    STATE,
  );
  const second = files.plugin("second", TOOL("old"), STATE);
  await using robot = await startTestRobot({
    plugins: { words: { use: [first, second] } },
    runtime: { watch: true },
  });
  await until(() => {
    const [plugin] = robot.health().plugins;
    return plugin?.use === second && plugin.state === "ready";
  });
  files.plugin("second", TOOL("new"), STATE);
  await robot.waitFor("plugin.reloaded");
  expect((await robot.call("word")).result).toStartWith("new");
});

test("a plugin that was quarantined runs again after an edit", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("words", `ctx.on("sound.played", () => { throw new Error("ouch"); });`, STATE);
  await using robot = await startTestRobot({
    plugins: { words: { use: plugin } },
    runtime: { crash_limit: 1 },
  });
  robot.publish("sound.played", { name: "horn" });
  await robot.waitFor("plugin.state_changed", (event) => event.state === "quarantined");
  files.plugin("words", TOOL("well"), STATE);
  await robot.reload("words");
  expect((await robot.call("word")).result).toBe("well 1");
});

test("a plugin that says it is degraded in its setup is not called ready after a reload", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("half", `ctx.health("degraded", "one ear only");`);
  await using robot = await startTestRobot({ plugins: { half: { use: plugin } } });
  await robot.reload("half");
  expect(robot.health().plugins[0]).toMatchObject({ state: "degraded", message: "one ear only" });
  files.plugin("half", "");
  await robot.reload("half");
  expect(robot.health().plugins[0]).toMatchObject({ state: "ready" });
});

test("a plugin that failed at the start and still fails after an edit says so, and starts with the right edit", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("words", `throw new Error("first");`, STATE);
  await using robot = await startTestRobot({ plugins: { words: { use: plugin } }, tolerant: true });
  files.plugin("words", `throw new Error("second");`, STATE);
  expect(robot.reload("words")).rejects.toThrow("second");
  await until(() => robot.events("plugin.reloaded").length === 1);
  expect(robot.health().plugins[0]).toMatchObject({
    state: "failed",
    message: expect.stringContaining("second"),
  });
  files.plugin("words", TOOL("well"), STATE);
  await robot.reload("words");
  expect((await robot.call("word")).result).toBe("well 1");
});
