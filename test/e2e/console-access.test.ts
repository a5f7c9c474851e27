import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { Browser } from "./browser.ts";
import { ConsoleRobot, shows, until } from "./console-robot.ts";

// A browser, a robot and a room drawn by the processor, on a machine that may do much else.
setDefaultTimeout(120_000);

interface Violation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

let robot: ConsoleRobot;
beforeAll(async () => void (robot = await ConsoleRobot.start()));
afterAll(async () => await robot?.[Symbol.asyncDispose]());

/** What axe-core finds wrong by WCAG 2.2 A and AA, readable. */
async function findings(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate<{ violations: Violation[] }>(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`,
  );
  return violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes.map((one) => `  ${one.html}\n  ${one.failureSummary}`).join("\n")}`,
  );
}

/** The page with axe-core in it: by the browser's debugger, since the page's own policy lets nothing in. */
async function openWithAxe(browser: Browser): Promise<Page> {
  const page = await browser.page();
  await page.addInitScript({ path: Bun.resolveSync("axe-core/axe.min.js", import.meta.dir) });
  await page.goto(robot.url);
  await shows(page, "live");
  return page;
}

describe("accessibility", () => {
  test.each(["dark", "light"] as const)(
    "axe finds nothing wrong with any panel in %s colours",
    async (colorScheme) => {
      await using browser = await Browser.start();
      const page = await openWithAxe(browser);
      await page.emulateMedia({ colorScheme });
      await page.getByLabel("Say it in writing").fill("what can you do");
      await page.keyboard.press("Enter");
      await page.locator(".said.robot").first().waitFor();
      for (const tab of ["Turns", "Audio", "Plugins", "Topics", "Log"]) {
        await page.getByRole("tab", { name: tab }).click();
        if (tab === "Plugins") await page.getByRole("button", { name: "Details of drive" }).click();
        expect(await findings(page), tab).toEqual([]);
      }
      await page.keyboard.press("Escape");
      await page.getByTestId("latched").waitFor();
      expect(await findings(page), "stopped").toEqual([]);
      await page.getByRole("button", { name: "Release" }).click();
      await page.getByTestId("latched").waitFor({ state: "detached" });
    },
  );

  test("on a telephone everything fits, the stop is always in sight, and axe finds nothing wrong", async () => {
    await using browser = await Browser.start({ width: 390, height: 844, touch: true });
    const page = await openWithAxe(browser);
    for (const view of ["Talk", "Drive", "Instruments"]) {
      await page.getByRole("navigation").getByRole("button", { name: view }).tap();
      const stop = (await page.getByRole("button", { name: /^Stop/ }).boundingBox())!;
      expect(stop.height, view).toBeGreaterThanOrEqual(48);
      expect(stop.y + stop.height, view).toBeLessThanOrEqual(844);
      expect(await page.evaluate(`document.documentElement.scrollWidth`), view).toBe(390);
      expect(await findings(page), view).toEqual([]);
      const drawn = `Number(document.querySelector(".stage canvas").dataset.drawn ?? 0) > 0`;
      if (view === "Drive") await browser.until(page, drawn, 60_000);
      else if (view === "Talk") expect(await page.evaluate(drawn)).toBe(false);
    }
    const small = await page
      .locator("button:visible")
      .evaluateAll((all) =>
        all.filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.outerHTML),
      );
    expect(small).toEqual([]);
  });

  test("a finger on the stick drives, and a lifted finger stops", async () => {
    await using browser = await Browser.start({ width: 390, height: 844, touch: true });
    const page = await browser.page(robot.url);
    await shows(page, "live");
    await page.getByRole("navigation").getByRole("button", { name: "Drive" }).tap();
    const box = (await page.locator(".stick").boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const touch = await page.context().newCDPSession(page);
    const finger = (type: "touchStart" | "touchMove" | "touchEnd", at?: { x: number; y: number }) =>
      touch.send("Input.dispatchTouchEvent", { type, touchPoints: at ? [at] : [] });
    await finger("touchStart", { x, y });
    await finger("touchMove", { x, y: y - box.height / 2 + 6 });
    await until("it drives", async () => (await page.getByTestId("moving").textContent()) === "moving");
    await finger("touchEnd");
    await until("it stands", async () => (await page.getByTestId("moving").textContent()) === "at rest");
  });

  test("with the keyboard alone one talks, looks at the plugins, stops and releases", async () => {
    await using browser = await Browser.start();
    const page = await browser.page(robot.url);
    await shows(page, "live");
    const focused = () =>
      page.evaluate<string>(
        `document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent`,
      );
    const tabTo = async (wanted: (focus: string) => boolean | Promise<boolean>) => {
      for (let i = 0; i < 80; i++) {
        await page.keyboard.press("Tab");
        if (await wanted(await focused())) return;
      }
      throw new Error("the keyboard does not get there");
    };
    await tabTo(() => page.evaluate<boolean>(`document.activeElement.id === "say"`));
    const outline = await page.evaluate<string>(`getComputedStyle(document.activeElement).outlineStyle`);
    expect(outline).toBe("solid");
    await page.keyboard.type("hello");
    await page.keyboard.press("Enter");
    await page.locator(".said.robot").first().waitFor();
    await tabTo((focus) => focus.startsWith("Turns"));
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.locator("[data-plugin=web]").waitFor();
    await tabTo((focus) => focus === "Reload noises");
    await page.keyboard.press("Enter");
    await page.locator("[data-plugin=noises]").getByText("reloaded").waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("latched").waitFor();
    await tabTo((focus) => focus === "Release");
    await page.keyboard.press("Space");
    await page.getByTestId("latched").waitFor({ state: "detached" });
  });
});
