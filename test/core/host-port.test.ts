import { expect, test } from "bun:test";
import { createLog, tapLog } from "../../core/log.ts";
import type { LogLine } from "../../core/log.ts";
import type { HostPort } from "../../core/host-port.ts";
import { startTestRobot } from "../kit/index.ts";
import { TempPlugins } from "./temp-plugins.ts";

const TICK = `ctx.tool({ name: "tick", description: "Ticks.", parameters: z.object({}), execute: () => "tick" });`;

test("a plugin that is switched off holds nothing until it is switched on again, with its new code", async () => {
  using files = new TempPlugins();
  const clock = files.plugin("clock", TICK);
  await using robot = await startTestRobot({ plugins: { clock: { use: clock } } });
  const { port } = robot.robot.host;
  expect((await robot.call("tick")).result).toBe("tick");
  await port.disable("clock");
  expect((await robot.call("tick")).code).toBe("TOOL_UNKNOWN");
  expect(port.plugins()[0]?.state).toBe("stopped");
  files.plugin("clock", TICK.replace(`"tick" });`, `"tock" });`));
  await port.enable("clock");
  expect((await robot.call("tick")).result).toBe("tock");
  await port.enable("clock");
  expect(port.plugins()[0]).toMatchObject({ state: "ready", reloads: 1 });
});

test("a device that is being looked for is not looked for any more once its plugin is switched off", async () => {
  using files = new TempPlugins();
  const lost = files.plugin("lost", `throw new MynaError("DEVICE_NOT_FOUND", "no such device");`);
  await using robot = await startTestRobot({ plugins: { lost: { use: lost } }, tolerant: true });
  await robot.robot.host.port.disable("lost");
  await Bun.sleep(1200);
  expect(robot.robot.host.port.plugins()[0]?.state).toBe("stopped");
});

test("a plugin that the profile requires cannot be switched off, and one that is not there is named", async () => {
  using files = new TempPlugins();
  const heart = files.plugin("heart", TICK);
  await using robot = await startTestRobot({ plugins: { heart: { use: heart, required: true } } });
  const { port } = robot.robot.host;
  expect(port.disable("heart")).rejects.toMatchObject({ code: "PLUGIN_REQUIRED" });
  expect(port.reload("liver")).rejects.toMatchObject({ code: "PLUGIN_NOT_FOUND" });
  expect((await robot.call("tick")).result).toBe("tick");
});

test("a plugin's sheet shows its settings with the defaults and without secrets", async () => {
  using files = new TempPlugins();
  const file = files.write(
    "caller/index.ts",
    `import { definePlugin } from "myna";
     import { z } from "zod";
     export default definePlugin({
       name: "caller",
       config: z.object({ url: z.string(), live: z.string(), mail: z.string(), api_key: z.string(), deep: z.object({ password: z.string() }), speed: z.number().default(3) }),
       provides: ["sounds"],
       setup() {},
     });`,
  );
  const config = {
    url: "http://bob:hunter2@host/x",
    live: "wss://host/realtime?model=m&api-key=abc123#a",
    mail: "http://host or bob@host",
    api_key: "abc123",
    deep: { password: "hunter2" },
  };
  await using robot = await startTestRobot({ plugins: { caller: { use: file, ...config } } });
  const [sheet] = robot.robot.host.port.plugins();
  expect(sheet).toMatchObject({ id: "caller", required: false, provides: ["sounds"], drivers: [file] });
  expect(sheet?.config).toEqual({
    url: "http://[secret]@host/x",
    live: "wss://host/realtime?model=m&api-key=[secret]#a",
    mail: "http://host or bob@host",
    api_key: "[secret]",
    deep: { password: "[secret]" },
    speed: 3,
  });
});

test("the log is told to whoever taps it from level info on, masked, whatever is written", () => {
  const written: string[] = [];
  const lines: LogLine[] = [];
  const log = createLog({ level: "error", format: "json", write: (line) => void written.push(line) });
  const undo = tapLog(log, (line) => {
    lines.push(line);
    log.info("the tap itself says something");
  });
  log.child("mic").info("open", { text: "my words", api_key: "k" });
  log.debug("too much");
  undo();
  log.info("nobody listens any more");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: "info", name: "mic", message: "open" });
  expect(lines[0]?.fields).toEqual({ text: "[speech]", api_key: "[secret]" });
  expect(written).toEqual([]);
});

test("a plugin reaches the host by its context, and its tap of the log ends with it", async () => {
  using files = new TempPlugins();
  const key = Symbol.for("myna.test.host");
  const console = files.plugin(
    "console",
    `const seen = globalThis[Symbol.for("myna.test.host")];
     seen.port = ctx.host; ctx.host.onLog((line) => seen.lines.push(line.message)); ctx.log.info("here");`,
  );
  const seen: { port?: HostPort; lines: string[] } = { lines: [] };
  Reflect.set(globalThis, key, seen);
  await using robot = await startTestRobot({ plugins: { console: { use: console } } });
  expect(seen.lines).toContain("here");
  expect(seen.port?.plugins().map(({ id }) => id)).toEqual(["console"]);
  await robot.robot.host.port.disable("console");
  const before = seen.lines.length;
  await robot.robot.host.port.reload("console").catch(() => {});
  expect(seen.lines.filter((line) => line === "here")).toHaveLength(2);
  expect(seen.lines.length).toBeGreaterThan(before);
  Reflect.deleteProperty(globalThis, key);
});
