import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { RATE_HZ } from "../../core/audio/port.ts";
import { resample } from "../../core/audio/resample.ts";
import { encodeWav } from "../../core/audio/wav.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import type { ScriptedBrain } from "../kit/scripted-brain.ts";
import { Browser } from "./browser.ts";
import { GatewayProcess } from "./gateway-process.ts";
import { babble } from "./speech.ts";

const ROOT = join(import.meta.dir, "../..");
const LIMIT_MS = 30_000;
/** Every utterance but the first falls into the answer to the one before. */
const PAUSE_S = 3;

/** Eight seconds of a tone for any words: its silence is the gateway's doing. */
const STEADY = {
  names: () => ["steady"],
  synthesize: async () =>
    Int16Array.from({ length: 8 * RATE_HZ }, (_, i) => 9000 * Math.sin((2 * Math.PI * 300 * i) / RATE_HZ)),
};

/** Keeps what a session tells in `window.told`. */
const KEEP = `
  window.told = [];
  for (const type of ["state", "transcript", "heard", "error"])
    session.addEventListener(type, ({ detail }) => window.told.push({ of: type, ...detail }));
`;

let folder: string;
let microphone: string;
let brain: ScriptedBrain;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "myna-talk-"));
  microphone = join(folder, "speech.wav");
  const pcm = new Int16Array((1 + PAUSE_S) * RATE_HZ);
  pcm.set(babble(1000), PAUSE_S * RATE_HZ);
  writeFileSync(microphone, encodeWav(resample(pcm, RATE_HZ, 48_000), 48_000));
  const hears = Array.from({ length: 100 }, () => "tell me more");
  brain = await scriptBrain({ voice: STEADY, hears, answers: ["one two three four five six seven eight"] });
});
afterAll(async () => {
  await brain.close();
  rmSync(folder, { recursive: true });
});

const told = (page: Page, type: string) =>
  page.evaluate<Record<string, unknown>[]>(`window.told.filter(({ of }) => of === "${type}")`);

describe("in Chromium", () => {
  test("a page has a conversation, cuts the answers off by speaking, and hangs up", async () => {
    await using gateway = await GatewayProcess.start([`plugins.talk.url="${brain.url}"`]);
    await using browser = await Browser.start({ microphone, loop: true });
    const page = await browser.page(new URL("health", gateway.url).href);
    const ended = brain.received.length;
    await page.evaluate(`import("/talk/client.js").then(async ({ TalkSession }) => {
      const session = (window.session = await TalkSession.start({ mode: "own" }));
      ${KEEP}
    })`);
    await browser.until(
      page,
      `told.some(({ of, state }) => of === "state" && state === "connected")`,
      LIMIT_MS,
    );
    await browser.until(
      page,
      `told.some(({ of, text, final }) => of === "heard" && final && text !== "")`,
      LIMIT_MS,
    );
    // The second utterance falls into the first answer.
    await browser.until(page, `told.some(({ of, final }) => of === "transcript" && final)`, LIMIT_MS);
    const [cut] = (await told(page, "transcript")).filter(({ final }) => final === true);
    expect("one two three four five six seven eight").toStartWith(String(cut!["text"]));
    const truncate = brain.received.slice(ended).find(({ type }) => type === "conversation.item.truncate");
    expect(truncate!.event["audio_end_ms"]).toBeGreaterThan(0);
    expect(truncate!.event["audio_end_ms"]).toBeLessThan(8000);
    await browser.until(page, `session.level() > 0`, LIMIT_MS);
    const energy = await page.evaluate<number>(
      `session.stats().then((all) => [...all.values()].find(({ type }) => type === "inbound-rtp").totalAudioEnergy)`,
    );
    expect(energy).toBeGreaterThan(0.001);
    await page.evaluate(`session.close()`);
    expect((await told(page, "state")).at(-1)).toMatchObject({ state: "closed" });
    expect(await told(page, "error")).toEqual([]);
    // The health page has no icon.
    expect(browser.complaints.filter((text) => !text.includes("404"))).toEqual([]);
  }, 120_000);

  test("a gateway's own page calls, shows what was said, and hangs up", async () => {
    await using gateway = await GatewayProcess.start([`plugins.talk.url="${brain.url}"`]);
    await using browser = await Browser.start({ microphone, loop: true });
    const page = await browser.page(gateway.url);
    await page.getByRole("button", { name: "Call" }).click();
    const said = page.getByRole("listitem").filter({ hasText: "tell me more" });
    await said.first().waitFor({ timeout: LIMIT_MS });
    await page.getByRole("button", { name: "Hang up" }).click();
    await page.getByRole("button", { name: "Call" }).waitFor({ timeout: LIMIT_MS });
    expect(await page.getByRole("status").textContent()).toBe("closed");
    expect(await page.getByRole("alert").textContent()).toBe("");
    // The gateway may notice the end before it is asked to hang up.
    expect(browser.complaints.filter((text) => !text.includes("404"))).toEqual([]);
  }, 120_000);

  test("where the browser lends no microphone, the gateway's page says why", async () => {
    const env = { MYNA_WEB_TOKEN: "a-token-of-the-operator" };
    await using gateway = await GatewayProcess.start(
      [`plugins.talk.url="${brain.url}"`, `plugins.web.names=["robot.example"]`],
      env,
    );
    await using browser = await Browser.start({
      flags: ["--host-resolver-rules=MAP robot.example 127.0.0.1"],
    });
    const url = new URL(`login?token=${env.MYNA_WEB_TOKEN}`, gateway.url);
    url.hostname = "robot.example";
    const page = await browser.page(url.href);
    await page.getByRole("button", { name: "Call" }).click();
    await page.getByText("microphone to https pages").waitFor();
  });

  test("the example of the documentation works as it is", async () => {
    const example = Bun.spawn([process.execPath, "examples/talk-client/index.ts"], {
      cwd: ROOT,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
      env: { ...process.env, REALTIME_URL: brain.url, OPENAI_API_KEY: "sk-test", PORT: "0" },
    });
    try {
      const { value } = await example.stdout.getReader().read();
      const url = /http\S+/.exec(new TextDecoder().decode(value))?.[0] ?? "";
      await using browser = await Browser.start({ microphone, loop: true });
      const page = await browser.page(url);
      await page.getByRole("button", { name: "Talk" }).click();
      await page
        .getByRole("listitem")
        .filter({ hasText: "tell me more" })
        .first()
        .waitFor({ timeout: LIMIT_MS });
    } finally {
      example.kill();
      await example.exited;
    }
  }, 120_000);
});
