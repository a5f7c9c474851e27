import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { Browser } from "./browser.ts";
import { ConsoleRobot, say, shownX, shows, until } from "./console-robot.ts";

// A browser, a robot and a room drawn by the processor, on a machine that may do much else.
setDefaultTimeout(120_000);

let browser: Browser;
beforeAll(async () => void (browser = await Browser.start()));
afterAll(async () => await browser?.[Symbol.asyncDispose]());

test("a page whose robot is gone says so and greys what it shows, and comes back by itself with the robot", async () => {
  const first = await ConsoleRobot.start();
  const page = await browser.page(first.url);
  await shows(page, "live");
  await until("the room is drawn", async () => Number.isFinite(await shownX(page)));
  first.run.process.kill("SIGKILL");
  await first.run.process.exited;
  await shows(page, "No connection to the robot.");
  await shows(page, /What you see is [\d.]+ s/);
  for (const part of [".talk", ".ears .chip", ".instrument", ".readout"])
    expect(await page.evaluate(`getComputedStyle(document.querySelector("${part}")).filter`), part).toContain(
      "grayscale",
    );
  expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
  await page.setViewportSize({ width: 390, height: 844 });
  const chips = await page
    .locator(".vital")
    .evaluateAll((all) =>
      all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent),
    );
  expect(chips, "what is wider than its place").toEqual([]);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.keyboard.press("Escape");
  await shows(page, "The stop is not confirmed.");

  await using second = await ConsoleRobot.start({ port: first.port });
  await until(
    "it is live again",
    async () => (await page.locator(".vital [role=status]").textContent()) === "live",
  );
  // The stop that could not be told is told now.
  await page.getByTestId("latched").waitFor();
  await page.getByRole("button", { name: "Release" }).click();
  await page.getByTestId("latched").waitFor({ state: "detached" });
  await say(page, "hello");
  await page.locator(".said.robot").first().waitFor();
  expect(second.url).toBe(first.url);
});

/** A page that drives forward by its keys, which are held. */
async function drivingPage(robot: ConsoleRobot): Promise<Page> {
  const page = await browser.page(robot.url);
  await shows(page, "live");
  await page.locator("h1").click();
  await page.keyboard.down("Shift");
  await page.keyboard.down("w");
  await robot.run.waitFor("motion.started", ({ kind }) => kind === "drive");
  return page;
}

test("a page that is closed while it drives stops the wheels", async () => {
  await using robot = await ConsoleRobot.start();
  const page = await drivingPage(robot);
  await page.close();
  const stopped = await robot.run.waitFor("motion.stopped", ({ kind }) => kind === "drive");
  expect(["stopped", "lease"]).toContain(String(stopped["ended"]));
});

test("a robot whose page stands still hears of no intents, and its wheels stop by the lease", async () => {
  await using robot = await ConsoleRobot.start();
  const page = await drivingPage(robot);
  // The page's thread hangs with the key held.
  const hang = page.evaluate(`{ const end = performance.now() + 3000; while (performance.now() < end); }`);
  const stopped = await robot.run.waitFor("motion.stopped", ({ kind }) => kind === "drive");
  expect(["stopped", "lease"]).toContain(String(stopped["ended"]));
  await hang;
  await page.keyboard.up("w");
  await page.keyboard.up("Shift");
  await page.close();
});

test("a robot that stands still behind an open socket is shown as silent, and live again when it goes on", async () => {
  await using robot = await ConsoleRobot.start();
  const page = await browser.page(robot.url);
  await shows(page, "live");
  robot.run.process.kill("SIGSTOP");
  try {
    await shows(page, /The robot is silent|No connection to the robot/);
    expect(await page.locator("[data-stale=true]").count()).toBe(1);
  } finally {
    robot.run.process.kill("SIGCONT");
  }
  await until(
    "it is live again",
    async () => (await page.locator("[data-stale=false]").count()) === 1,
    30_000,
  );
  await page.close();
});

test("a browser without WebGL says so and shows everything else", async () => {
  await using robot = await ConsoleRobot.start();
  await using plain = await Browser.start({ flags: ["--disable-3d-apis"] });
  const page = await plain.page(robot.url);
  await shows(page, "This browser cannot draw the room");
  await say(page, "how far is the wall");
  await page.locator(".tool[data-state=done]").first().waitFor();
  expect(Number.isFinite(await shownX(page))).toBe(true);
});
