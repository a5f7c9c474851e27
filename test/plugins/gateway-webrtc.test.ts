import { describe, expect, test } from "bun:test";
import { createTalkClient } from "myna/talk";
import type { TalkClient, TalkEvents, TalkOptions } from "myna/talk";
import { FakeBrowser } from "../kit/fake-browser.ts";
import { until } from "../kit/raw-server.ts";
import { ToneVoice, scriptBrain } from "../kit/scripted-brain.ts";
import type { BrainScriptOptions, ScriptedBrain } from "../kit/scripted-brain.ts";

type Seen = { [T in keyof TalkEvents]: { type: T; event: TalkEvents[T] } }[keyof TalkEvents];

interface Talk extends AsyncDisposable {
  brain: ScriptedBrain;
  client: TalkClient;
  page: FakeBrowser;
  seen: Seen[];
  all<T extends keyof TalkEvents>(type: T): TalkEvents[T][];
}

const TYPES = [
  "transcript",
  "audioStart",
  "audioEnd",
  "connectionChange",
  "error",
  "safeSummary",
  "action",
] as const;
const VAD = { type: "server_vad", silence_duration_ms: 300 } as const;

/** A page that talks to a scripted brain. */
async function talk(script: BrainScriptOptions = {}, options: Omit<TalkOptions, "url"> = {}): Promise<Talk> {
  const brain = await scriptBrain(script);
  const client = createTalkClient({ url: brain.url, apiKey: "sk-test", vad: VAD, env: {}, ...options });
  const seen: Seen[] = [];
  for (const type of TYPES) client.on(type, (event) => void seen.push({ type, event } as Seen));
  await client.initialize();
  const page = await FakeBrowser.create();
  await page.accept(await client.handleWebRTCOffer(await page.offer()));
  await until(() => client.isConnected());
  return {
    brain,
    client,
    page,
    seen,
    all: (type) => seen.filter((one) => one.type === type).map((one) => one.event) as never,
    async [Symbol.asyncDispose]() {
      page.close();
      await client.disconnect();
      await brain.close();
    },
  };
}

const sentence = (letters: number) => new ToneVoice().synthesize("a".repeat(letters));
const loud = (page: FakeBrowser) => page.heard.filter(({ peak }) => peak > 1000);

describe("a page talks to a Realtime server", () => {
  test("what is said is heard by the server, and its answer by the page", async () => {
    await using kit = await talk({ hears: ["hello robot"], answers: ["good morning"] });
    kit.page.say(await sentence(15));
    await until(() => kit.all("transcript").some(({ role, final }) => role === "assistant" && final));
    const finals = kit.all("transcript").filter(({ final }) => final);
    expect(finals.map(({ role, text }) => `${role}: ${text}`)).toEqual([
      "user: hello robot",
      "assistant: good morning",
    ]);
    const [started] = kit.all("audioStart");
    expect(kit.all("audioEnd")).toEqual([{ itemId: started!.itemId, playedMs: 720, interrupted: false }]);
    // 720 ms of syllables, a quarter of which are pauses; coded and decoded again.
    expect(loud(kit.page).length).toBeGreaterThan(15);
    expect(kit.client.getPerformanceMetrics()).toMatchObject({ turns: 1, bargeIns: 0, packetsLost: 0 });
  });
});
