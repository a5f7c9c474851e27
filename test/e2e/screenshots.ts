/**
 * `bun run screenshots`: the console as it looks, as PNGs for README and docs. A simulated robot is spoken and typed to, and the
 * pictures are taken of what it then shows.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { Browser } from "./browser.ts";
import type { BrowserOptions } from "./browser.ts";
import { ConsoleRobot, say, shows, until } from "./console-robot.ts";

const FOLDER = join(import.meta.dir, "../../docs/images");

async function open(
  url: string,
  options: BrowserOptions,
  colorScheme: "dark" | "light",
): Promise<[Browser, Page]> {
  const browser = await Browser.start(options);
  const page = await browser.page();
  await page.emulateMedia({ colorScheme });
  await page.goto(url);
  await shows(page, "live");
  return [browser, page];
}

async function shoot(page: Page, name: string): Promise<void> {
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path });
  process.stdout.write(`${path}: ${Math.round(Bun.file(path).size / 1000)} kB\n`);
}

/** Resolves when nothing is said or done any more. */
async function atRest(page: Page): Promise<void> {
  const busy = page.locator(".said[data-state=speaking], .tool[data-state=running], .said[data-final=false]");
  await until("all is done", async () => (await busy.count()) === 0, 60_000);
}

mkdirSync(FOLDER, { recursive: true });
const SPOKEN = ["how far is the wall", "look left", "turn left sixty degrees"];
await using robot = await ConsoleRobot.start({ args: SPOKEN.flatMap((one) => ["--say", one]) });
// Spoken turns first: while a processor without a graphics card draws the room, they take longer than they do.
await robot.run.waitFor("tool.finished", ({ name }) => name === "turn");
const [desk, page] = await open(robot.url, { width: 1280, height: 800 }, "dark");
await atRest(page);
await say(page, "drive forward half a meter");
await page.locator(".tool[data-state=done], .tool[data-state=failed]").nth(3).waitFor({ timeout: 60_000 });
await atRest(page);
await say(page, "turn right ninety degrees");
await page.locator(".tool[data-state=done], .tool[data-state=failed]").nth(4).waitFor({ timeout: 60_000 });
await atRest(page);
await say(page, "what can you do");
await page.locator(".said.robot[data-state=speaking]", { hasText: "You can say" }).waitFor();
await page.waitForTimeout(2500);
await say(page, "stop");
await page.locator(".said.robot[data-state=interrupted]").waitFor();
await say(page, "drive forward one meter");
await page.locator(".tool[data-state=running]").waitFor();
await page.waitForTimeout(1800);
await shoot(page, "console");
await atRest(page);

const [telephone, small] = await open(robot.url, { width: 390, height: 844, touch: true }, "dark");
const view = (name: string) => small.getByRole("navigation").getByRole("button", { name }).tap();
await small.locator(".said").first().waitFor();
await small.waitForTimeout(800);
await shoot(small, "console-phone-talk");
await view("Drive");
await telephone.until(
  small,
  `Number(document.querySelector(".stage canvas").dataset.drawn ?? 0) > 0`,
  60_000,
);
await small.locator("figcaption", { hasText: "camera" }).waitFor();
await small.waitForTimeout(2500);
await shoot(small, "console-phone-drive");
await telephone[Symbol.asyncDispose]();

await page.emulateMedia({ colorScheme: "light" });
await page.getByRole("button", { name: "From above" }).click();
await page.getByRole("tab", { name: "Plugins" }).click();
await page.getByRole("button", { name: "Details of drive" }).click();
await page.keyboard.press("Escape");
await page.getByTestId("latched").waitFor();
await page.waitForTimeout(1500);
await shoot(page, "console-stopped");
await page.getByRole("button", { name: "Release" }).click();
await page.getByRole("tab", { name: "Audio" }).click();
await page.emulateMedia({ colorScheme: "dark" });
await page.getByRole("button", { name: "3D" }).click();
await say(page, "how far is the wall");
await page.waitForTimeout(2500);
await shoot(page, "console-audio");
await desk[Symbol.asyncDispose]();
