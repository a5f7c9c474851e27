import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { RATE_HZ } from "../../core/audio/port.ts";
import { resample } from "../../core/audio/resample.ts";
import { encodeWav } from "../../core/audio/wav.ts";
import { flite } from "../kit/voices.ts";
import { Browser } from "./browser.ts";
import { ConsoleRobot, say, shownX, shows, until } from "./console-robot.ts";

// A browser, a robot and a room drawn by the processor, on a machine that may do much else.
setDefaultTimeout(120_000);

const MICROPHONE_HZ = 48_000;
/** Silence before the sentence, which comes again and again: how long a loaded machine takes to connect is not known. */
const LEAD_S = 6;
const LIMIT_MS = 60_000;

let robot: ConsoleRobot;
let folder: string;
let microphone: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "myna-console-voice-"));
  microphone = join(folder, "sentence.wav");
  const [spoken, started] = await Promise.all([
    flite("drive forward half a meter", "rms"),
    ConsoleRobot.start(),
  ]);
  robot = started;
  const pcm = new Int16Array(LEAD_S * RATE_HZ + spoken.length + RATE_HZ);
  pcm.set(spoken, LEAD_S * RATE_HZ);
  writeFileSync(microphone, encodeWav(resample(pcm, RATE_HZ, MICROPHONE_HZ), MICROPHONE_HZ));
});
afterAll(async () => {
  await robot?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Energy of what the page has heard of the robot, by the browser's own statistics. */
async function heard(page: Page): Promise<number> {
  return await page.evaluate<number>(`(async () => {
    let energy = 0;
    for (const connection of window.calls ?? [])
      for (const report of (await connection.getStats()).values())
        if (report.type === "inbound-rtp") energy += report.totalAudioEnergy ?? 0;
    return energy;
  })()`);
}

async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.page();
  await page.addInitScript(`
    window.calls = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...given) { super(...given); window.calls.push(this); }
    };`);
  await page.goto(robot.url);
  await shows(page, "live");
  return page;
}

test("what is said into the page's open microphone moves the robot, and its answer is heard in the page", async () => {
  // As on a telephone: there nobody draws the room while one talks, which takes a processor without a graphics card all its time.
  await using browser = await Browser.start({ microphone, loop: true, width: 390, height: 844 });
  const page = await openPage(browser);
  const x = await shownX(page);
  await page.getByRole("button", { name: "Open microphone" }).click();
  await page.getByRole("button", { name: "Microphone open" }).waitFor();
  await page
    .locator(".said.user", { hasText: "drive forward half a meter" })
    .first()
    .waitFor({ timeout: LIMIT_MS });
  await page.locator(".tool[data-state=done]").first().waitFor({ timeout: LIMIT_MS });
  await until("the robot has moved", async () => (await shownX(page)) > x + 0.2);
  await page.locator(".said.robot").last().waitFor();
  await until("it is heard", async () => (await heard(page)) > 0.0005);
  // A spoken turn leaves its times.
  await page.getByRole("navigation").getByRole("button", { name: "Instruments" }).click();
  await page.locator(".waterfall li").first().waitFor();
  await page.getByRole("navigation").getByRole("button", { name: "Talk" }).click();
  await page.getByRole("button", { name: "Hang up" }).click();
  await page.getByRole("button", { name: "Open microphone" }).waitFor();
});

test("with the talk key the page's microphone is open while Space is held, and no longer", async () => {
  await using browser = await Browser.start({ microphone, width: 390, height: 844 });
  const page = await openPage(browser);
  await page.locator("h2", { hasText: "Conversation" }).click();
  await page.keyboard.down("Space");
  const toggle = page.locator(".voice .toggle").first();
  await until("it is open", async () => (await toggle.getAttribute("aria-pressed")) === "true");
  await robot.run.waitFor("user.talk_changed", ({ talking }) => talking === true);
  await page.keyboard.up("Space");
  await until("it is shut", async () => (await toggle.getAttribute("aria-pressed")) === "false");
  await robot.run.waitFor("user.talk_changed", ({ talking }) => talking === false);
});

test("a page listens without a microphone, is asked for one only to talk, and goes on listening where it is refused", async () => {
  await using browser = await Browser.start({ allowMicrophone: false, width: 390, height: 844 });
  const page = await openPage(browser);
  await page.evaluate(`{
    window.asked = 0;
    navigator.mediaDevices.getUserMedia = () => {
      window.asked++;
      return Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
    };
  }`);
  await page.getByRole("button", { name: "Listen" }).click();
  await page.getByRole("button", { name: "Hang up" }).waitFor();
  await say(page, "what can you do");
  await until("it is heard", async () => (await heard(page)) > 0.0005, LIMIT_MS);
  expect(await page.evaluate(`window.asked`)).toBe(0);
  await page.getByRole("button", { name: "Open microphone" }).click();
  await shows(page, "Permission denied");
  expect(await page.evaluate(`window.asked`)).toBe(1);
  await page.getByRole("button", { name: "Open microphone" }).waitFor();
  const before = await heard(page);
  await say(page, "what can you do");
  await until("it is still heard", async () => (await heard(page)) > before + 0.0005, LIMIT_MS);
  await page.getByRole("button", { name: "Hang up" }).click();
  await page.getByRole("button", { name: "Listen" }).waitFor();
});
