import { expect, jest, test } from "bun:test";
import { existsSync } from "node:fs";
import { startTestRobot } from "../kit/index.ts";
import { TempPlugins } from "./temp-plugins.ts";

function health(robot: Awaited<ReturnType<typeof startTestRobot>>, id: string) {
  return robot.health().plugins.find((plugin) => plugin.id === id);
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await Bun.sleep(10);
  expect(condition()).toBe(true);
}

const HORN = `ctx.provide("sounds", { names: () => ["horn"], play: async () => ({ durationMs: 1 }) });`;

test("providers start before their users, whatever the order in the profile", async () => {
  using files = new TempPlugins();
  const user = files.plugin(
    "user",
    `ctx.inspect(() => ({ names: ctx.use("sounds").names() }));`,
    `requires: ["sounds"],`,
  );
  const provider = files.plugin("provider", `await Bun.sleep(30); ${HORN}`, `provides: ["sounds"],`);
  await using robot = await startTestRobot({ plugins: { user: { use: user }, provider: { use: provider } } });
  expect(health(robot, "user")?.inspect).toEqual({ names: ["horn"] });
  const ready = robot.events("plugin.state_changed").filter((event) => event.state === "ready");
  expect(ready.map((event) => event.id)).toEqual(["provider", "user"]);
});

test("a service that no plugin provides is named with the plugin that wants it", async () => {
  using files = new TempPlugins();
  const user = files.plugin("user", "", `requires: ["sounds"],`);
  expect(startTestRobot({ plugins: { user: { use: user } } })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/\[plugins\.user\].*requires the service "sounds"/),
  });
});

test("plugins that require each other are refused by name, the others start", async () => {
  using files = new TempPlugins();
  const a = files.plugin("a", "", `requires: ["sounds"], provides: ["camera"],`);
  const b = files.plugin("b", "", `requires: ["camera"], provides: ["sounds"],`);
  const c = files.plugin("c", "");
  await using robot = await startTestRobot({
    plugins: { a: { use: a }, b: { use: b }, c: { use: c } },
    tolerant: true,
  });
  const messages = robot
    .health()
    .plugins.map((plugin) => plugin.message ?? "")
    .join();
  expect(messages).toContain("a → b → a");
  expect(health(robot, "c")?.state).toBe("ready");
});

test("everything acquired through ctx is released at the end, last first", async () => {
  using files = new TempPlugins();
  const log: string[] = [];
  const plugin = files.plugin(
    "leaky",
    `globalThis.trace.push("setup");
     ctx.defer(() => globalThis.trace.push("first"));
     ctx.every(1, () => globalThis.ticks++);
     ctx.on("sound.played", () => globalThis.ticks++);
     ${HORN}
     ctx.signal.addEventListener("abort", () => globalThis.trace.push("abort"));
     ctx.defer(() => globalThis.trace.push("last"));`,
  );
  const world = Object.assign(globalThis, { trace: log, ticks: 0 });
  const robot = await startTestRobot({ plugins: { leaky: { use: plugin } } });
  await until(() => world.ticks > 2);
  await robot.stop();
  expect(log).toEqual(["setup", "abort", "last", "first"]);
  const ticks = world.ticks;
  robot.publish("sound.played", { name: "horn" });
  await Bun.sleep(20);
  expect(world.ticks).toBe(ticks);
  expect(robot.robot.services.has("sounds")).toBe(false);
});

test("a timer and a server that a plugin forgot end with it", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin(
    "forgetful",
    `setInterval(() => globalThis.forgotten++, 1);
     const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("here") });
     ctx.inspect(() => ({ port: server.port }));`,
  );
  const world = Object.assign(globalThis, { forgotten: 0 });
  const robot = await startTestRobot({ plugins: { forgetful: { use: plugin } } });
  const port = health(robot, "forgetful")?.inspect["port"];
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("here");
  await robot.stop();
  expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  const before = world.forgotten;
  expect(before).toBeGreaterThan(0);
  await Bun.sleep(20);
  expect(world.forgotten).toBe(before);
});

test("a plugin that throws in setup fails with its message and the others start", async () => {
  using files = new TempPlugins();
  const bad = files.plugin(
    "bad",
    `ctx.every(1, () => globalThis.orphan++); throw new Error("no such wheel");`,
  );
  const good = files.plugin("good", "");
  const world = Object.assign(globalThis, { orphan: 0 });
  await using robot = await startTestRobot({
    plugins: { bad: { use: bad }, good: { use: good } },
    tolerant: true,
  });
  expect(health(robot, "bad")).toMatchObject({
    state: "failed",
    message: expect.stringContaining("no such wheel"),
  });
  expect(health(robot, "good")?.state).toBe("ready");
  const before = world.orphan;
  await Bun.sleep(15);
  expect(world.orphan).toBe(before);
});

test("a plugin that hangs in setup is given up with its name, and what it opened ends", async () => {
  using files = new TempPlugins();
  const slow = files.plugin("slow", `await new Promise(() => {});`);
  await using robot = await startTestRobot({
    plugins: { slow: { use: slow, setup_timeout_s: 0.05 } },
    tolerant: true,
  });
  expect(health(robot, "slow")).toMatchObject({
    state: "failed",
    message: expect.stringContaining('"slow"'),
  });
});

test("a device that is not ready is tried again until it is there, and users wait for it", async () => {
  using files = new TempPlugins();
  const device = files.plugin(
    "device",
    `if (globalThis.attempts++ < 2) throw new MynaError("DEVICE_NOT_FOUND", "horn is not plugged in"); ${HORN}`,
    `provides: ["sounds"],`,
  );
  const user = files.plugin("user", `globalThis.names = ctx.use("sounds").names();`, `requires: ["sounds"],`);
  const world = Object.assign(globalThis, { attempts: 0, names: [] as string[] });
  jest.useFakeTimers();
  let robot: Awaited<ReturnType<typeof startTestRobot>>;
  try {
    robot = await startTestRobot({
      plugins: { user: { use: user }, device: { use: device } },
      tolerant: true,
    });
    expect(health(robot, "device")).toMatchObject({ state: "retrying", message: "horn is not plugged in" });
    expect(health(robot, "user")).toMatchObject({
      state: "retrying",
      message: "waits for the service sounds",
    });
    for (const delayMs of [1000, 2000]) {
      jest.advanceTimersByTime(delayMs - 1);
      await flushPromises();
      const before = world.attempts;
      jest.advanceTimersByTime(1);
      // Its code is read anew for another try.
      while (world.attempts === before) await Bun.file(device).text();
      await flushPromises();
      expect(world.attempts).toBe(before + 1);
    }
  } finally {
    jest.useRealTimers();
  }
  await until(() => health(robot, "user")?.state === "ready");
  expect(world.names).toEqual(["horn"]);
  const states = robot.events("plugin.state_changed").filter(({ id }) => id === "device");
  expect(states.map(({ state }) => state)).toEqual(["retrying", "ready"]);
  await robot.stop();
});

async function flushPromises(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

test("of several drivers the first whose device is there is used", async () => {
  using files = new TempPlugins();
  const absent = files.plugin("absent", `throw new MynaError("DEVICE_NOT_FOUND", "no card");`);
  const present = files.plugin("present", "");
  await using robot = await startTestRobot({ plugins: { mic: { use: [absent, present] } } });
  expect(health(robot, "mic")).toMatchObject({ state: "ready", use: present });
});

test("a config error is not retried and a required plugin that fails switches the robot off", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("picky", `throw new MynaError("CONFIG_INVALID", "word is rude");`);
  await using robot = await startTestRobot({
    plugins: { picky: { use: plugin, required: true } },
    tolerant: true,
  });
  expect(health(robot, "picky")?.state).toBe("failed");
  expect(await robot.robot.stopped).toMatchObject({
    exitCode: 78,
    reason: expect.stringContaining("word is rude"),
  });
});

test("a required plugin whose port is taken switches the robot off: waiting does not free it", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("porter", `throw new MynaError("PORT_IN_USE", "port: it is taken");`);
  const plugins = { porter: { use: plugin, required: true } };
  await using robot = await startTestRobot({ plugins, tolerant: true });
  expect(health(robot, "porter")?.state).toBe("failed");
  expect(await robot.robot.stopped).toMatchObject({
    exitCode: 69,
    reason: expect.stringContaining("it is taken"),
  });
});

test("an unknown config key of a plugin names the table and the key", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("dice", "");
  expect(startTestRobot({ plugins: { dice: { use: plugin, wrod: "x" } } })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/\[plugins\.dice\] wrod: unknown key, did you mean "word"\?/),
  });
});

test("a module that exports no plugin is refused with its path", async () => {
  using files = new TempPlugins();
  const file = files.write("nothing/index.ts", "export const x = 1;\n");
  expect(startTestRobot({ plugins: { nothing: { use: file } } })).rejects.toMatchObject({
    code: "PLUGIN_INVALID",
    message: expect.stringContaining("nothing/index.ts has no default export"),
  });
});

test("a handler that throws again and again has its plugin quarantined, and the robot goes on", async () => {
  using files = new TempPlugins();
  const bad = files.plugin(
    "bad",
    `ctx.on("sound.played", () => { throw new Error("ouch"); }); ctx.defer(() => globalThis.wheels = "stopped");`,
  );
  const good = files.plugin("good", `ctx.on("sound.played", () => globalThis.heard++);`);
  const world = Object.assign(globalThis, { heard: 0, wheels: "moving" });
  await using robot = await startTestRobot({
    plugins: { bad: { use: bad }, good: { use: good } },
    runtime: { crash_limit: 3 },
  });
  for (let i = 0; i < 5; i++) robot.publish("sound.played", { name: "horn" });
  await until(() => health(robot, "bad")?.state === "quarantined");
  expect(world.heard).toBe(5);
  expect(world.wheels).toBe("stopped");
  expect(robot.events("plugin.state_changed").at(-1)).toMatchObject({
    id: "bad",
    code: "PLUGIN_QUARANTINED",
  });
});

test("what a plugin throws from its own timers and promises counts against it and does not end the process", async () => {
  using files = new TempPlugins();
  const bad = files.plugin(
    "bad",
    `setTimeout(() => { throw new Error("timer"); }, 1); void Promise.reject(new Error("promise"));
     ctx.on("sound.played", async () => { throw new Error("async handler"); });`,
  );
  await using robot = await startTestRobot({ plugins: { bad: { use: bad } }, runtime: { crash_limit: 3 } });
  robot.publish("sound.played", { name: "horn" });
  await until(() => health(robot, "bad")?.state === "quarantined");
});

test("ctx.fail releases the plugin and sets it up again", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin(
    "device",
    `globalThis.starts++; ctx.defer(() => globalThis.releases++);
     if (globalThis.starts === 1) ctx.after(1, () => ctx.fail(new MynaError("DEVICE_FAILED", "unplugged")));`,
  );
  const world = Object.assign(globalThis, { starts: 0, releases: 0 });
  await using robot = await startTestRobot({ plugins: { device: { use: plugin } } });
  await until(() => world.starts === 2);
  await until(() => health(robot, "device")?.state === "ready");
  expect(world.releases).toBe(1);
});

test("a plugin that fails twice at once is set up again once, after the first back-off", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin(
    "device",
    `globalThis.starts++;
     if (globalThis.starts === 1) ctx.after(1, () => {
       ctx.fail(new MynaError("DEVICE_FAILED", "unplugged"));
       ctx.fail(new MynaError("DEVICE_FAILED", "its worker ended"));
     });`,
  );
  const world = Object.assign(globalThis, { starts: 0 });
  await using robot = await startTestRobot({ plugins: { device: { use: plugin } } });
  await until(() => health(robot, "device")?.state === "retrying");
  await until(() => health(robot, "device")?.state === "ready");
  const states = robot.events("plugin.state_changed").map(({ state, message }) => message ?? state);
  expect(states).toEqual(["ready", "unplugged", "ready"]);
  await Bun.sleep(1300);
  expect(world.starts).toBe(2);
});

test("a service of the program that embeds the robot satisfies a plugin", async () => {
  using files = new TempPlugins();
  const user = files.plugin(
    "user",
    `ctx.inspect(() => ({ names: ctx.use("sounds").names() }));`,
    `requires: ["sounds"],`,
  );
  const sounds = { names: () => ["bell"], play: async () => ({ durationMs: 1 }) };
  await using robot = await startTestRobot({ plugins: { user: { use: user } }, services: { sounds } });
  expect(health(robot, "user")?.inspect).toEqual({ names: ["bell"] });
});

test("a device that opens after its plugin was given up is closed again", async () => {
  using files = new TempPlugins();
  const closed = `${files.folder}/closed`;
  const device = files.write(
    "slow-device.ts",
    `import { writeFileSync } from "node:fs";
export async function openCapture() {
  await Bun.sleep(300);
  return {
    rateHz: 24000,
    channels: 1,
    read: (into) => (Bun.sleepSync(20), into.length),
    close: () => writeFileSync(${JSON.stringify(closed)}, ""),
  };
}
`,
  );
  const mic = files.plugin(
    "mic",
    `await ctx.audio.openCapture({ module: ${JSON.stringify(device)}, options: {}, acoustic: false });`,
  );
  await using robot = await startTestRobot({
    plugins: { mic: { use: mic, setup_timeout_s: 0.1 } },
    tolerant: true,
  });
  expect(health(robot, "mic")?.state).toBe("failed");
  expect(existsSync(closed)).toBe(false);
  await until(() => existsSync(closed));
  await until(() => robot.robot.audio.counters()["capture_open"] === false);
});

test("a drive that cannot be told to stop does not keep the rest from being switched off", async () => {
  using files = new TempPlugins();
  const plugin = files.plugin("other", `ctx.defer(() => void (globalThis.released = true));`);
  const world = Object.assign(globalThis, { released: false });
  const drive = {
    move: () => Promise.reject(new Error("no wheels")),
    turn: () => Promise.reject(new Error("no wheels")),
    steer: () => {},
    stop: () => {
      throw new Error("the bus of the motors is gone");
    },
    pose: () => ({ x_m: 0, y_m: 0, heading_deg: 0, moving: false }),
  };
  const robot = await startTestRobot({ plugins: { other: { use: plugin } }, services: { drive } });
  await robot.stop();
  expect(world.released).toBe(true);
});

test("a plugin that loads more code while it is set up can do so at every try", async () => {
  using files = new TempPlugins();
  files.write("device/driver.ts", "export const open = () => 'opened';");
  const plugin = files.plugin(
    "device",
    `globalThis.starts++;
     const { open } = await import(import.meta.dir + "/driver.ts");
     if (globalThis.starts === 1) throw new MynaError("DEVICE_NOT_FOUND", "not there yet");
     ctx.inspect(() => ({ device: open() }));
     if (globalThis.starts === 2) ctx.after(1, () => ctx.fail(new MynaError("DEVICE_FAILED", "unplugged")));`,
  );
  const world = Object.assign(globalThis, { starts: 0 });
  await using robot = await startTestRobot({ plugins: { device: { use: plugin } }, tolerant: true });
  await until(() => world.starts === 3);
  await until(() => health(robot, "device")?.state === "ready");
  expect(health(robot, "device")?.inspect).toEqual({ device: "opened" });
});
