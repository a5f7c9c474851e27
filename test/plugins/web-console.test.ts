import { describe, expect, test } from "bun:test";
import type { WebPeer } from "myna";
import { scriptBrain } from "myna/testing";
import { LiveModel, newMemory } from "../../plugins/web-console/live-model.ts";
import { Tap } from "../../plugins/web-console/tap.ts";
import { Viewer } from "../../plugins/web-console/viewer.ts";
import { KEPT } from "../../plugins/web-console/wire.ts";
import type { Update } from "../../plugins/web-console/wire.ts";
import { TempPlugins } from "../core/temp-plugins.ts";
import { startConsole } from "./web-console-kit.ts";
import { LOCKED, OPERATOR, PageSocket, VIEWER, logIn } from "./web-door-kit.ts";

describe("the live feed", () => {
  test("a page is told how things are when it comes, and what changes from then on", async () => {
    await using web = await startConsole();
    web.robot.publish("user.transcript", { item_id: "a", text: "hello", final: true });
    using page = await web.open();
    expect(page.lists.talk.get("a")).toMatchObject({ kind: "user", text: "hello", typed: false });
    expect(page.own).toEqual({ role: "operator", driven: false, mine: false });
    expect(page.values.robot?.has).toMatchObject({ drive: true, body: true, camera: true, world: false });
    await page.until(() => page.lists.plugins.get("console")?.state === "ready");
    web.robot.publish("turn.latency", {
      turn: 1,
      speech_end_to_commit_ms: 400,
      commit_to_first_delta_ms: 100,
      first_delta_to_first_sample_ms: 50,
      total_ms: 550,
    });
    const turn = await page.until(() => page.lists.turns.get("1"));
    expect(turn).toMatchObject({ commit_ms: 400, first_delta_ms: 100, first_sample_ms: 50, total_ms: 550 });
  });

  test("what an interruption cut off is told apart from what was heard", async () => {
    await using web = await startConsole();
    using page = await web.open();
    const said = { item_id: "b", interrupted: false };
    web.robot.publish("assistant.transcript", { ...said, text: "I drive to the wall now", final: false });
    await page.until(() => page.lists.talk.has("b"));
    web.robot.publish("assistant.transcript", {
      ...said,
      text: "I drive to",
      final: true,
      interrupted: true,
    });
    const entry = await page.until(() => {
      const one = page.lists.talk.get("b");
      return one?.kind === "robot" && one.state === "interrupted" && one;
    });
    expect(entry.text).toBe("I drive to the wall now");
    expect(entry.text.slice(0, entry.heard_chars ?? 0)).toBe("I drive to");
  });

  test("a sentence that was being understood when the link was lost is not waited for any more", async () => {
    await using web = await startConsole();
    using page = await web.open();
    const link = { url: "ws://127.0.0.1:1", attempt: 1 };
    web.robot.publish("session.state_changed", { ...link, state: "ready" });
    web.robot.publish("user.transcript", { item_id: "d", text: "turn left six", final: false });
    web.robot.publish("session.state_changed", { ...link, state: "waiting" });
    const entry = await page.until(() => {
      const one = page.lists.talk.get("d");
      return one?.kind === "user" && one.final && one;
    });
    expect(entry.text).toBe("turn left six");
    expect([...page.lists.talk.values()].at(-1)).toMatchObject({ kind: "note", tone: "bad" });
  });

  test("a tool is shown with its arguments, its progress, its result and what the body did", async () => {
    await using web = await startConsole();
    using page = await web.open();
    const call = { call_id: "c", name: "move" };
    web.robot.publish("tool.started", { ...call, arguments: { distance_m: 1 } });
    web.robot.publish("tool.progress", { ...call, progress: { moved_m: 0.2 } });
    await page.until(() => page.lists.talk.has("c"));
    expect(page.lists.talk.get("c")).toMatchObject({ state: "running", progress: { moved_m: 0.2 } });
    const motion = { motion_id: 1, kind: "move" as const, ended: "obstacle", moved_m: 0.4, turned_deg: 0 };
    web.robot.publish("motion.stopped", motion);
    const result = { summary: "I stopped after 40 centimeters" };
    web.robot.publish("tool.finished", { ...call, arguments: {}, ok: true, result, duration_ms: 900 });
    const entry = await page.until(() => {
      const one = page.lists.talk.get("c");
      return one?.kind === "tool" && one.state === "done" && one;
    });
    expect(entry).toMatchObject({ motion: "body: drove 0.40 m (obstacle)", result, duration_ms: 900 });
  });

  test("the topics that a page taps are told to it, by filter, until it ends the tap", async () => {
    await using web = await startConsole();
    using page = await web.open();
    page.tell({ type: "tap", filter: "sound." });
    await page.ask({ type: "mute", muted: true });
    web.robot.publish("mode.changed", { mode: "x" });
    web.robot.publish("sound.played", { name: "horn" });
    await page.until(() => page.tapped.length > 0);
    expect(page.tapped.map(({ topic, event }) => [topic, event])).toEqual([
      ["sound.played", `{"name":"horn"}`],
    ]);
    page.tell({ type: "tap", filter: null });
    await page.ask({ type: "mute", muted: false });
    web.robot.publish("sound.played", { name: "bell" });
    await Bun.sleep(150);
    expect(page.tapped).toHaveLength(1);
  });

  test("a flood of events reaches a page as the newest of them, not as a queue", async () => {
    await using web = await startConsole();
    using page = await web.open();
    page.tell({ type: "tap", filter: "" });
    await page.ask({ type: "mute", muted: false });
    const before = page.sizes.length;
    for (let i = 0; i < 20_000; i++) {
      web.robot.publish("assistant.transcript", {
        item_id: `item_${i % 300}`,
        text: "x".repeat(50),
        final: false,
        interrupted: false,
      });
    }
    await page.until(() => page.lists.talk.has("item_199"));
    const messages = page.sizes.slice(before);
    expect(Math.max(...messages)).toBeLessThan(100_000);
    expect(page.tapped.length).toBeLessThan(1000);
  });

  test("a page that was too slow is told later what it missed, as it is then, once", () => {
    const model = new LiveModel(newMemory());
    const sent: string[] = [];
    let reads = false;
    const peer: WebPeer = {
      caller: { role: "operator", address: "" },
      send: (text) => reads && sent.push(String(text)) > 0,
      close: () => {},
    };
    const viewer = new Viewer(peer, 1, 0);
    const own = { role: "operator", driven: false, mine: false } as const;
    const ears = { muted: false, talking: false, user: false, robot: false };
    for (let i = 0; i < 1000; i++) {
      model.set("ears", { ...ears, user: i % 2 === 0 });
      model.put("talk", `note ${i}`, { kind: "note", at: i, tone: "plain", text: `number ${i}` });
      viewer.tell(model, new Tap(), own, i);
    }
    expect(viewer.dropped).toBe(1000);
    reads = true;
    viewer.tell(model, new Tap(), own, 1001);
    viewer.tell(model, new Tap(), own, 1002);
    expect(sent).toHaveLength(1);
    const { set, put } = JSON.parse(sent[0]!) as Update;
    expect(set?.ears?.user).toBe(false);
    expect(put?.talk).toHaveLength(KEPT.talk);
    expect(put?.talk?.at(-1)?.value).toMatchObject({ text: "number 999" });
  });

  test("what a tool returned is told to pages up to a length", async () => {
    await using web = await startConsole();
    using page = await web.open();
    const call = { call_id: "e", name: "read", arguments: {} };
    web.robot.publish("tool.started", call);
    web.robot.publish("tool.finished", { ...call, ok: true, result: "x".repeat(100_000), duration_ms: 1 });
    const entry = await page.until(() => {
      const one = page.lists.talk.get("e");
      return one?.kind === "tool" && one.state === "done" && one;
    });
    expect(JSON.stringify(entry).length).toBeLessThan(3000);
    expect(entry.result).toMatchObject({ beginning: expect.stringContaining("xxx") });
  });

  test("pictures come only to pages that want them, no more often than they may", async () => {
    await using web = await startConsole({ console: { camera_fps: 2 } });
    using page = await web.open();
    using other = await web.open();
    expect(web.camera.watchers.size).toBe(0);
    page.tell({ type: "camera", on: true });
    await page.until(() => web.camera.watchers.size === 1);
    for (let i = 0; i < 20; i++) {
      web.camera.show(i);
      await Bun.sleep(10);
    }
    await page.until(() => page.pictures.length > 0);
    expect(page.pictures.length).toBeLessThanOrEqual(2);
    expect([...page.pictures[0]!]).toEqual([1, 0xff, 0xd8, 0]);
    expect(other.pictures).toHaveLength(0);
    page.tell({ type: "camera", on: false });
    await page.until(() => web.camera.watchers.size === 0);
  });

  test("nothing is measured while nobody looks", async () => {
    await using web = await startConsole();
    let asked = 0;
    const { state } = web.body;
    web.body.state = () => (asked++, state.call(web.body));
    await Bun.sleep(200);
    expect(asked).toBe(0);
    const page = await web.open();
    await page.until(() => asked > 2);
    page.line.socket.close();
    await page.line.closed;
    await page.until(
      () => web.robot.health().plugins.find(({ id }) => id === "console")?.inspect["pages"] === 0,
    );
    const then = asked;
    await Bun.sleep(200);
    expect(asked).toBe(then);
  });

  test("a page sees the conversation of before a reload of the console", async () => {
    await using web = await startConsole();
    web.robot.publish("user.transcript", { item_id: "a", text: "before", final: true });
    await web.robot.reload("console");
    using page = await web.open();
    expect(page.lists.talk.get("a")).toMatchObject({ text: "before" });
  });

  test("where the robot has been is known to pages that come later, point by point", async () => {
    await using web = await startConsole();
    for (let x = 0; x <= 1; x += 0.01)
      web.robot.publish("body.pose", { x_m: x, y_m: 0, heading_deg: 0, moving: true });
    using page = await web.open();
    const points = [...page.lists.path.values()];
    expect(points.length).toBeGreaterThan(15);
    expect(points.length).toBeLessThan(22);
    expect(points[0]).toEqual({ x_m: 0, y_m: 0 });
    expect(points.at(-1)?.x_m).toBeGreaterThan(0.9);
  });

  test("the echo is shown as the stage measures it that cancels it", async () => {
    using files = new TempPlugins();
    const echo = files.plugin("canceller", "ctx.inspect(() => ({ erle_db: 23 }));");
    await using web = await startConsole({ plugins: { echo: { use: echo } } });
    using page = await web.open();
    expect(page.values.audio?.echo).toEqual({ stage: "echo", erle_db: 23, coupling_db: null });
  });

  test("a body that is silent is told by its age, and a world or a camera that is not there is not made up", async () => {
    await using web = await startConsole();
    using page = await web.open();
    const first = page.values.pulse?.body;
    expect(first).toBeGreaterThan(0);
    await Bun.sleep(700);
    expect(page.values.pulse?.body).toBe(first);
    expect(page.values.pulse).toMatchObject({ world: null, camera: null, microphone: null });
    expect(page.values.truth).toBeNull();
    expect(page.values.room).toBeNull();
  });

  test("the settings of plugins come without secrets", async () => {
    using files = new TempPlugins();
    const file = files.write(
      "caller/index.ts",
      `import { definePlugin } from "myna";
       import { z } from "zod";
       export default definePlugin({
         name: "caller",
         config: z.object({ url: z.string(), api_key: z.string() }),
         setup(ctx) {
           ctx.inspect(() => ({ reached: ctx.config.url }));
         },
       });`,
    );
    const config = { url: "wss://bob:hunter2@host/live?api-key=swordfish", api_key: "swordfish" };
    await using web = await startConsole({ door: LOCKED, plugins: { caller: { use: file, ...config } } });
    using page = await web.open({ cookie: await logIn(web.url, VIEWER) });
    const card = await page.until(() => page.lists.plugins.get("caller"));
    const shown = "wss://[secret]@host/live?api-key=[secret]";
    expect(card.config).toEqual({ url: shown, api_key: "[secret]" });
    expect(card.inspect).toEqual({ reached: shown });
    expect(page.lists.plugins.get("web")?.vital).toBe(true);
  });

  test("a key that somebody types or a tool returns is not told to pages, nor by their tap of the topics", async () => {
    await using web = await startConsole({ door: LOCKED });
    using page = await web.open({ cookie: await logIn(web.url, VIEWER) });
    page.tell({ type: "tap", filter: "" });
    await page.ask({ type: "stop" });
    const secret = "sk-abcdefghijklmnop";
    const text = `my key is ${secret}`;
    web.robot.publish("user.transcript", { item_id: "a", text, final: true });
    web.robot.publish("assistant.transcript", { item_id: "b", text, final: true, interrupted: false });
    const call = { call_id: "c", name: "read", arguments: { url: `http://host/?token=${secret}` } };
    web.robot.publish("tool.started", call);
    web.robot.publish("tool.finished", {
      ...call,
      ok: true,
      result: { password: "x1", text },
      duration_ms: 1,
    });
    const entry = await page.until(() => {
      const one = page.lists.talk.get("c");
      return one?.kind === "tool" && one.state === "done" && one;
    });
    await page.until(() => page.tapped.some(({ topic }) => topic === "tool.finished"));
    expect(page.lists.talk.get("a")).toMatchObject({ text: "my key is [secret]" });
    expect(entry.result).toEqual({ password: "[secret]", text: "my key is [secret]" });
    expect(JSON.stringify([...page.lists.talk.values(), ...page.tapped])).not.toContain(secret);
  });

  test("what a person drives by hand is no part of the conversation, unless something stood in the way", async () => {
    await using web = await startConsole();
    using page = await web.open();
    const drive = { kind: "drive" as const, moved_m: 0.05, turned_deg: 0 };
    for (const [index, ended] of ["lease", "stopped", "superseded", "obstacle"].entries())
      web.robot.publish("motion.stopped", { ...drive, motion_id: index, ended });
    await page.until(() => page.lists.talk.size > 0);
    expect([...page.lists.talk.values()]).toMatchObject([{ text: "body: drove 0.05 m (obstacle)" }]);
  });
});

describe("controls", () => {
  test("a typed sentence goes to the session, and stands in the conversation as typed", async () => {
    const brain = await scriptBrain({ answers: ["Hello."] });
    await using web = await startConsole({ brain, audio: true });
    using page = await web.open();
    await page.until(() => page.values.link?.state === "ready");
    expect(await page.ask({ type: "text", text: "good morning" })).toMatchObject({ ok: true });
    const robot = await page.until(() => [...page.lists.talk.values()].find(({ kind }) => kind === "robot"));
    expect(robot).toMatchObject({ text: "Hello." });
    const users = [...page.lists.talk.values()].filter(({ kind }) => kind === "user");
    expect(users).toMatchObject([{ text: "good morning", typed: true }]);
    await web.robot.stop();
    await brain.close();
  });

  test("a typed stop stops the wheels at once, without a server", async () => {
    await using web = await startConsole();
    using page = await web.open();
    await page.ask({ type: "text", text: "Stop!" });
    expect(web.drive.stops).toEqual(["stopped at the console"]);
    await page.until(() => page.lists.talk.size > 0);
    expect([...page.lists.talk.values()]).toMatchObject([{ kind: "user", text: "Stop!", typed: true }]);
  });

  test("the talk key is let go when the page that held it is gone", async () => {
    await using web = await startConsole();
    const page = await web.open();
    page.tell({ type: "talk", talking: true });
    await web.robot.waitFor("user.talk_changed", ({ talking }) => talking);
    page.line.socket.close();
    await web.robot.waitFor("user.talk_changed", ({ talking }) => !talking);
  });

  test("the talk key stays held as long as one of the pages holds it", async () => {
    await using web = await startConsole();
    const first = await web.open();
    using second = await web.open();
    first.tell({ type: "talk", talking: true });
    second.tell({ type: "talk", talking: true });
    await second.ask({ type: "mute", muted: false });
    first.line.socket.close();
    await second.until(
      () => web.robot.health().plugins.find(({ id }) => id === "console")?.inspect["pages"] === 1,
    );
    await second.until(() => second.values.ears?.talking);
    using third = await web.open();
    third.tell({ type: "talk", talking: false });
    await third.ask({ type: "mute", muted: false });
    const told = () => web.robot.events("user.talk_changed").map(({ talking }) => talking);
    expect(told()).toEqual([true]);
    second.tell({ type: "talk", talking: false });
    await web.robot.waitFor("user.talk_changed", ({ talking }) => !talking);
    expect(told()).toEqual([true, false]);
  });

  test("the talk key is let go when the console is reloaded", async () => {
    await using web = await startConsole();
    using page = await web.open();
    page.tell({ type: "talk", talking: true });
    await web.robot.waitFor("user.talk_changed", ({ talking }) => talking);
    await web.robot.reload("console");
    await web.robot.waitFor("user.talk_changed", ({ talking }) => !talking);
  });

  test("the emergency stop reaches body and wheels, and is released by a message of its own", async () => {
    await using web = await startConsole();
    using page = await web.open();
    expect(await page.ask({ type: "stop" })).toMatchObject({ ok: true });
    expect(web.body.log).toEqual(["emergency stop: the stop button of the console was pressed"]);
    expect(web.drive.stops).toHaveLength(1);
    web.body.tell({ latched: "the stop button" });
    await page.until(() => page.values.body?.latched === "the stop button");
    expect(await page.ask({ type: "release" })).toMatchObject({ ok: true });
    expect(web.body.log.at(-1)).toBe("release");
  });

  test("plugins are reloaded, switched off and on, but not those by which the page lives", async () => {
    await using web = await startConsole({ plugins: { vad: { use: "vad-energy" } } });
    using page = await web.open();
    const card = () => page.lists.plugins.get("vad");
    expect(await page.ask({ type: "plugin", action: "reload", id: "vad" })).toMatchObject({ ok: true });
    await page.until(() => card()?.reloads === 1);
    await page.ask({ type: "plugin", action: "disable", id: "vad" });
    await page.until(() => card()?.state === "stopped");
    await page.ask({ type: "plugin", action: "enable", id: "vad" });
    await page.until(() => card()?.state === "ready");
    for (const id of ["console", "web"]) {
      const refused = await page.ask({ type: "plugin", action: "disable", id });
      expect(refused).toMatchObject({ ok: false, message: expect.stringContaining("lives by") });
    }
    expect(await page.ask({ type: "plugin", action: "reload", id: "nobody" })).toMatchObject({ ok: false });
  });

  test("viewers leave room for the operator, however many they are", async () => {
    await using web = await startConsole({ door: LOCKED });
    const cookie = await logIn(web.url, VIEWER);
    const lines = Array.from(
      { length: 16 },
      () =>
        new PageSocket(new URL("console/socket", web.url).href, { origin: new URL(web.url).origin, cookie }),
    );
    try {
      const refused = await Promise.race(lines.map(({ closed }) => closed));
      expect(refused.code).toBe(1013);
      using page = await web.open({ cookie: await logIn(web.url, OPERATOR) });
      expect(page.own?.role).toBe("operator");
    } finally {
      for (const line of lines) line[Symbol.dispose]();
    }
  });

  test("a viewer sees everything, may stop the robot and moves nothing", async () => {
    await using web = await startConsole({ door: LOCKED });
    using page = await web.open({ cookie: await logIn(web.url, VIEWER) });
    expect(page.own?.role).toBe("viewer");
    expect(await page.ask({ type: "text", text: "hello" })).toMatchObject({ ok: false });
    expect(await page.ask({ type: "plugin", action: "disable", id: "console" })).toMatchObject({ ok: false });
    page.drive(1);
    page.tell({ type: "talk", talking: true });
    expect(await page.ask({ type: "release" })).toMatchObject({ ok: false });
    expect(web.drive.steered).toEqual([]);
    expect(web.body.log).toEqual([]);
    expect(web.robot.events("user.talk_changed")).toEqual([]);
    expect(await page.ask({ type: "stop" })).toMatchObject({ ok: true });
    expect(web.body.log).toHaveLength(1);
    expect(await page.ask({ type: "release" })).toMatchObject({ ok: false });
    expect(web.body.log).toHaveLength(1);
  });

  test.each([
    ["no JSON", "{"],
    ["an unknown type", `{"type":"shutdown"}`],
    ["a speed that is none", `{"type":"drive","speed":1e9,"steer":0,"sent_at_ms":1}`],
    ["a key too many", `{"type":"halt","now":true}`],
    ["a text without an end", JSON.stringify({ type: "text", text: "x".repeat(3000) })],
  ])("a page that sends %s is shown the door, and moves nothing", async (_, text) => {
    await using web = await startConsole();
    const page = await web.open();
    page.line.socket.send(text);
    expect((await page.line.closed).code).toBe(1008);
    expect(web.drive.steered).toEqual([]);
  });
});
