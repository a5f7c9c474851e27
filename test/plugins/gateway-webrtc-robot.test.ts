import { describe, expect, test } from "bun:test";
import { FakeBrowser } from "../kit/fake-browser.ts";
import { startTestRobot } from "../kit/index.ts";
import type { TestRobot, TestRobotOptions } from "../kit/index.ts";
import { until } from "../kit/raw-server.ts";
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
      () => loud(page) > 15,
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
