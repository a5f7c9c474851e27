import { describe, expect, test } from "bun:test";
import { FakeBrowser } from "../kit/fake-browser.ts";
import { startTestRobot } from "../kit/index.ts";
import type { TestRobot, TestRobotOptions } from "../kit/index.ts";
import { until } from "../kit/raw-server.ts";
import { LOCKED, VIEWER, logIn } from "./web-door-kit.ts";
import { ToneVoice, scriptBrain } from "../kit/scripted-brain.ts";
import type { BrainScriptOptions, ScriptedBrain } from "../kit/scripted-brain.ts";

interface Kit extends AsyncDisposable {
  robot: TestRobot;
  brain: ScriptedBrain;
  url: string;
  /** A page that has called; `muted` unless it talks. */
  call(options?: { mode?: "robot" | "own"; muted?: boolean }): Promise<FakeBrowser & { id: string }>;
  post(body: unknown): Promise<Response>;
}

/** A robot with the web door and the gateway, its session with a scripted brain. */
async function robotWithGateway(
  script: BrainScriptOptions = {},
  talk: TestRobotOptions["plugins"] = {},
): Promise<Kit> {
  const brain = await scriptBrain(script);
  const robot = await startTestRobot({
    audio: true,
    brain,
    session: { turn_detection: { type: "server_vad", silence_duration_ms: 300 } },
    plugins: { web: { use: "web-door", port: 0 }, talk: { use: "gateway-webrtc" }, ...talk },
  });
  const url = robot.service("web").url();
  const pages: FakeBrowser[] = [];
  const post = (body: unknown) =>
    fetch(new URL("/talk/offer", url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  return {
    robot,
    brain,
    url,
    post,
    async call(options = {}) {
      const page = await FakeBrowser.create();
      pages.push(page);
      const response = await post({ mode: "robot", ...options, sdp: await page.offer() });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      const { id, sdp } = (await response.json()) as { id: string; sdp: string };
      await page.accept(sdp);
      await until(() => page.channel.isOpen(), "the page's channel did not open");
      return Object.assign(page, { id });
    },
    async [Symbol.asyncDispose]() {
      for (const page of pages) page.close();
      await robot.stop();
      await brain.close();
    },
  };
}

const sentence = (letters: number) => new ToneVoice().synthesize("a".repeat(letters));
const loud = (page: FakeBrowser) => page.heard.filter(({ peak }) => peak > 1000).length;

describe("a page in the robot's own conversation", () => {
  test("the robot hears the page, and the page hears the robot", async () => {
    await using kit = await robotWithGateway({ hears: ["hello robot"], answers: ["good morning"] });
    const page = await kit.call();
    page.say(await sentence(15));
    const { text } = await kit.robot.waitFor("user.transcript", ({ final }) => final);
    expect(text).toBe("hello robot");
    await kit.robot.waitFor("assistant.transcript", ({ final }) => final);
    await until(
      () => loud(page) > 10,
      () => `only ${loud(page)} loud frames`,
    );
    await until(
      () => page.messages.some(({ type, final }) => type === "transcript" && final === true),
      "the page was not told what the robot said",
    );
    expect(page.messages.filter(({ final }) => final === true)).toEqual([
      { type: "heard", text: "hello robot", final: true },
      { type: "transcript", text: "good morning", final: true, interrupted: false },
    ]);
  });
});

const told = (page: FakeBrowser, type: string) => page.messages.filter((message) => message.type === type);

describe("one talker at a time", () => {
  test("a second one is refused and may listen; it may talk when the first lets go", async () => {
    await using kit = await robotWithGateway({ hears: ["hello robot"], answers: ["good morning"] });
    const first = await kit.call();
    await until(() => told(first, "microphone").at(-1)?.["open"] === true, "the first does not talk");
    using stranger = await FakeBrowser.create();
    const refused = await kit.post({ mode: "robot", sdp: await stranger.offer() });
    expect([refused.status, await refused.json()]).toMatchObject([409, { error: { code: "DEVICE_BUSY" } }]);
    const second = await kit.call({ muted: true });
    second.tell({ type: "microphone", open: true });
    await until(() => told(second, "error").length > 0, "the second was not told why");
    expect(told(second, "error")).toMatchObject([{ code: "DEVICE_BUSY" }]);
    expect(told(second, "microphone").at(-1)).toEqual({ type: "microphone", open: false });
    first.tell({ type: "microphone", open: false });
    await until(() => told(first, "microphone").at(-1)?.["open"] === false, "the first was not let go");
    second.tell({ type: "microphone", open: true });
    await until(() => told(second, "microphone").at(-1)?.["open"] === true, "the second does not talk");
    second.say(await sentence(15));
    await kit.robot.waitFor("user.transcript", ({ text }) => text === "hello robot");
    // Both hear the answer.
    await until(() => loud(first) > 10 && loud(second) > 10, "not both hear it");
  });

  test("the robot's own microphone is back when the talker hangs up, vanishes, or is hung up on", async () => {
    await using kit = await robotWithGateway();
    const microphone = () => {
      const taken = kit.robot.robot.audio.port.takeMicrophone();
      taken.release();
    };
    const isBack = () => {
      try {
        microphone();
        return true;
      } catch {
        return false;
      }
    };
    const hangsUp = await kit.call();
    expect(isBack()).toBeFalse();
    hangsUp.close();
    await until(isBack, "after hanging up");
    const vanishes = await kit.call();
    await until(() => vanishes.heard.length > 0, "no sound");
    expect(isBack()).toBeFalse();
    vanishes.fallSilent();
    await until(isBack, "after nothing was heard for two seconds");
    await until(() => told(vanishes, "microphone").at(-1)?.["open"] === false, "the page was not told");
    const cutOff = await kit.call();
    const response = await fetch(new URL(`/talk/${cutOff.id}`, kit.url), { method: "DELETE" });
    expect(response.status).toBe(204);
    expect(isBack()).toBeTrue();
    await cutOff.ended.promise;
    expect((await fetch(new URL(`/talk/${cutOff.id}`, kit.url), { method: "DELETE" })).status).toBe(404);
  });

  test("whoever interrupts the robot through a page silences it there at once", async () => {
    await using kit = await robotWithGateway(
      { hears: ["tell me a story", "stop"], answers: ["b".repeat(150), "ok"] },
      { vad: { use: "vad-energy" } },
    );
    const page = await kit.call();
    page.say(await sentence(15));
    await until(() => loud(page) > 25, "the robot does not speak");
    page.say(await sentence(20));
    const { played_ms } = await kit.robot.waitFor("assistant.interrupted");
    expect(played_ms).toBeLessThan(8000);
    await until(() => told(page, "cut").length > 0, "the page was not told");
    const truncate = await kit.brain.waitFor("conversation.item.truncate");
    expect(truncate["audio_end_ms"]).toBe(played_ms);
  });
});

describe("the gateway's endpoints", () => {
  test("a page may have a conversation of its own beside the robot's", async () => {
    await using kit = await robotWithGateway(
      { hears: ["hello"], answers: ["good morning"] },
      { talk: { use: "gateway-webrtc", url: "ws://127.0.0.1:9/" } },
    );
    // Its server cannot be reached: the page is told so, and the robot is not concerned.
    const page = await kit.call({ mode: "own" });
    await until(() => told(page, "error").length > 0, "the page was not told");
    expect(told(page, "error")).toMatchObject([{ code: "LINK_REFUSED" }]);
    const talker = await kit.call();
    talker.say(await sentence(15));
    await kit.robot.waitFor("assistant.transcript", ({ text, final }) => final && text === "good morning");
  });

  test("more calls than there are lines are told to come back", async () => {
    await using kit = await robotWithGateway({}, { talk: { use: "gateway-webrtc", max_calls: 1 } });
    await kit.call({ muted: true });
    using second = await FakeBrowser.create();
    const refused = await kit.post({ mode: "robot", muted: true, sdp: await second.offer() });
    expect(refused.status).toBe(409);
    expect(await refused.text()).toContain("all 1 lines are taken");
  });

  test("offers that come at the same moment get no more lines than there are", async () => {
    await using kit = await robotWithGateway({}, { talk: { use: "gateway-webrtc", max_calls: 2 } });
    const pages = await Promise.all(Array.from({ length: 6 }, () => FakeBrowser.create()));
    try {
      const offers = await Promise.all(pages.map((page) => page.offer()));
      const answers = await Promise.all(offers.map((sdp) => kit.post({ mode: "robot", muted: true, sdp })));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 409, 409, 409, 409]);
    } finally {
      for (const page of pages) page.close();
    }
  });

  test("a call that is being answered when the robot is told to end is seen off as well", async () => {
    await using kit = await robotWithGateway();
    using page = await FakeBrowser.create();
    const offered = kit.post({ mode: "robot", muted: true, sdp: await page.offer() });
    const inspected = () => kit.robot.health().plugins.find(({ id }) => id === "talk")!.inspect;
    await until(() => inspected()["calls"] === 1, "nobody called");
    let over = false;
    const drained = kit.robot.robot.drain(20_000).then(() => (over = true));
    const answer = await offered;
    expect(answer.status).toBe(200);
    expect(over).toBeFalse();
    const { id } = (await answer.json()) as { id: string };
    expect(over).toBeFalse();
    await fetch(new URL(`/talk/${id}`, kit.url), { method: "DELETE" });
    await drained;
    expect((await kit.post({ mode: "robot", muted: true, sdp: "v=0" })).status).toBe(503);
  });

  test("a caller whose key is refused is told so, then hung up on, and the operator is told", async () => {
    const server = await scriptBrain({ apiKey: "sk-right" });
    process.env["OPENAI_API_KEY"] = "sk-wrong";
    try {
      await using kit = await robotWithGateway({}, { talk: { use: "gateway-webrtc", url: server.url } });
      const page = await kit.call({ mode: "own" });
      await page.ended.promise;
      expect(told(page, "error")).toMatchObject([{ code: "LINK_AUTH" }]);
      const talk = kit.robot.health().plugins.find(({ id }) => id === "talk")!;
      expect(talk.state).toBe("degraded");
      expect(talk.message).not.toContain("sk-wrong");
    } finally {
      delete process.env["OPENAI_API_KEY"];
      await server.close();
    }
  });

  test("a viewer may talk where the profile says so, but never with the robot", async () => {
    const talk = { use: "gateway-webrtc", mode: "own", viewers_talk: true, page: true };
    const web = { use: "web-door", port: 0, ...LOCKED };
    await using kit = await robotWithGateway({}, { talk, web });
    const headers = { cookie: await logIn(kit.url, VIEWER), origin: new URL(kit.url).origin };
    const offer = (body: unknown) =>
      fetch(new URL("/talk/offer", kit.url), { method: "POST", headers, body: JSON.stringify(body) });
    using page = await FakeBrowser.create();
    const sdp = await page.offer();
    expect((await offer({ sdp, mode: "robot", muted: true })).status).toBe(403);
    const answer = await offer({ sdp });
    expect(answer.status).toBe(200);
    const { id } = (await answer.json()) as { id: string };
    const line = new URL(`/talk/${id}`, kit.url);
    expect((await fetch(line, { method: "DELETE", headers })).status).toBe(204);
    const text = async (path: string) => await (await fetch(new URL(path, kit.url), { headers })).text();
    expect(await text("/")).toContain('src="/talk/page.js"');
    expect(await text("/talk/page.js")).toContain("TalkSession.start");
    expect(await text("/talk/page.css")).toContain("button");
  });

  const BODIES: [string, unknown, number][] = [
    ["no JSON", "v=0", 400],
    ["an offer that is none", { sdp: "v=0" }, 400],
    ["a mode that there is not", { sdp: "v=0", mode: "root" }, 400],
    ["40 kB", { sdp: `v=0${"a".repeat(40_000)}` }, 400],
    ["100 kB", { sdp: "a".repeat(100_000) }, 413],
  ];
  test("what is no offer is answered with its fault, and the next call is taken", async () => {
    await using kit = await robotWithGateway();
    for (const [, body, status] of BODIES) expect((await kit.post(body)).status).toBe(status);
    await kit.call({ muted: true });
  });

  test("a robot without a microphone says so to whoever wants to talk", async () => {
    await using robot = await startTestRobot({
      plugins: { web: { use: "web-door", port: 0 }, talk: { use: "gateway-webrtc" } },
    });
    using page = await FakeBrowser.create();
    const response = await fetch(new URL("/talk/offer", robot.service("web").url()), {
      method: "POST",
      body: JSON.stringify({ sdp: await page.offer() }),
    });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("no microphone open");
  });

  test("the page's module is served, and exports what the console loads", async () => {
    await using kit = await robotWithGateway();
    const response = await fetch(new URL("/talk/client.js", kit.url));
    expect(response.headers.get("content-type")).toStartWith("text/javascript");
    const { exports, imports } = new Bun.Transpiler({ loader: "js" }).scan(await response.text());
    expect(exports).toEqual(["TalkSession"]);
    expect(imports).toEqual([]);
  });

  test("the WebRTC stack is not loaded before somebody calls", async () => {
    await using kit = await robotWithGateway();
    expect(kit.robot.health().plugins.find(({ id }) => id === "talk")!.inspect).toEqual({
      calls: 0,
      open: 0,
    });
  });

  test("a reload hangs up, frees the microphone, and the next call is taken", async () => {
    await using kit = await robotWithGateway({ hears: ["hello"], answers: ["good morning"] });
    for (let i = 0; i < 3; i++) {
      const page = await kit.call();
      await until(() => page.heard.length > 3, "no sound");
      await kit.robot.reload("talk");
      await page.ended.promise;
    }
    const page = await kit.call();
    page.say(await sentence(15));
    await kit.robot.waitFor("assistant.transcript", ({ final }) => final);
  });
});
