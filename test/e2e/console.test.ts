import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { Browser } from "./browser.ts";
import { ConsoleRobot, say, shownX, shows, until } from "./console-robot.ts";

// A browser, a robot and a room drawn by the processor, on a machine that may do much else.
setDefaultTimeout(120_000);

let robot: ConsoleRobot;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [robot, browser] = await Promise.all([ConsoleRobot.start(), Browser.start()]);
  page = await browser.page(robot.url);
  await shows(page, "live");
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await robot?.[Symbol.asyncDispose]();
});

const moving = async () => (await page.getByTestId("moving").textContent()) === "moving";
const stopButton = () => page.getByRole("button", { name: /^Stop/ });
const banner = () => page.getByTestId("latched");

describe("the console in Chromium", () => {
  test("the page loads whole, without a complaint of the browser, and draws the room", async () => {
    await browser.until(page, `Number(document.querySelector(".stage canvas").dataset.drawn ?? 0) > 0`);
    await browser.until(page, `document.querySelector(".camera figcaption").textContent === "camera"`);
    expect(await page.title()).toBe("Myna");
    expect(browser.complaints).toEqual([]);
  });

  test("a sentence that is typed drives the robot on the screen, and the answer stands in the conversation", async () => {
    const drawn = () =>
      page.evaluate<number>(`Number(document.querySelector(".stage canvas").dataset.drawn)`);
    const [before, x] = [await drawn(), await shownX(page)];
    await say(page, "drive forward thirty centimeters");
    await page.locator(".tool[data-state=done], .tool[data-state=failed]").first().waitFor();
    expect(await page.locator(".tool code").first().textContent()).toBe("move");
    await until("the robot has moved", async () => (await shownX(page)) > x + 0.1);
    expect(await drawn()).toBeGreaterThan(before);
    await page.locator(".said.robot").first().waitFor();
    expect(await page.locator(".said.user").first().textContent()).toContain(
      "drive forward thirty centimeters",
    );
  });

  test("what an interruption cut off is struck out", async () => {
    await say(page, "what can you do");
    await page.locator(".said.robot[data-state=speaking]", { hasText: "You can say" }).waitFor();
    await until(
      "it is heard",
      async () => (await page.locator(".chip", { hasText: "speaking" }).count()) > 0,
    );
    await page.waitForTimeout(700);
    await say(page, "stop");
    const cut = page.locator(".said.robot[data-state=interrupted] del").last();
    await cut.waitFor();
    expect(((await cut.textContent()) ?? "").length).toBeGreaterThan(20);
    const line = await page.evaluate(`getComputedStyle(document.querySelector("del")).textDecorationLine`);
    expect(line).toBe("line-through");
  });

  test("Escape stops everything, is latched, and is released by a button of its own", async () => {
    await say(page, "drive backward one meter");
    await until("it drives", moving);
    await page.keyboard.press("Escape");
    await banner().waitFor();
    await until("it stands", async () => !(await moving()));
    const x = await shownX(page);
    await say(page, "drive forward thirty centimeters");
    await page.locator(".tool[data-state=failed]").last().waitFor();
    expect(await shownX(page)).toBeCloseTo(x, 1);
    await page.getByRole("button", { name: "Release" }).click();
    await banner().waitFor({ state: "detached" });
    expect(await stopButton().textContent()).toContain("Stop");
  });

  test("the robot drives only while the dead-man key is held, and stands when it is let go", async () => {
    await page.locator("h1").click();
    await page.keyboard.down("w");
    await page.waitForTimeout(300);
    expect(await moving()).toBe(false);
    await page.keyboard.up("w");
    const x = await shownX(page);
    await page.keyboard.down("Shift");
    await page.keyboard.down("w");
    await until("it drives", async () => (await shownX(page)) > x + 0.03);
    expect(await page.getByTestId("helm").textContent()).toBe("driving");
    await page.keyboard.up("Shift");
    await until("it stands", async () => !(await moving()));
    await page.keyboard.up("w");
  });

  test.each([
    ["loses the focus", `window.dispatchEvent(new Event("blur"))`],
    [
      "is hidden",
      `Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
       document.dispatchEvent(new Event("visibilitychange"));
       delete document.visibilityState;`,
    ],
  ])("a page that %s while it drives stops the wheels, though the key is held", async (_, event) => {
    await page.locator("h1").click();
    await page.keyboard.down("Shift");
    await page.keyboard.down("s");
    await until("it drives", moving);
    await page.evaluate(event);
    await until("it stands", async () => !(await moving()));
    await page.keyboard.down("s");
    await page.waitForTimeout(300);
    expect(await moving()).toBe(false);
    await page.keyboard.up("s");
    await page.keyboard.up("Shift");
  });

  test("the stick drives while it is held", async () => {
    const stick = (await page.locator(".stick").boundingBox())!;
    await page.mouse.move(stick.x + stick.width / 2, stick.y + stick.height / 2);
    await page.mouse.down();
    await page.mouse.move(stick.x + stick.width / 2, stick.y + 8);
    await until("it drives", moving);
    await page.mouse.up();
    await until("it stands", async () => !(await moving()));
  });

  test("a gamepad drives while its dead-man button is held, and its stop button stops everything", async () => {
    await page.evaluate(`
      window.pad = { id: "Test pad", mapping: "standard", connected: true, axes: [0, 0, 0, 0],
        buttons: Array.from({ length: 17 }, () => ({ pressed: false, value: 0 })) };
      navigator.getGamepads = () => [window.pad];
      window.dispatchEvent(Object.assign(new Event("gamepadconnected"), { gamepad: window.pad }));`);
    await page.evaluate(`window.pad.axes[1] = 1`);
    await page.waitForTimeout(300);
    expect(await moving()).toBe(false);
    await page.evaluate(`window.pad.buttons[4].pressed = true`);
    await until("it drives", moving);
    await page.evaluate(`window.pad.buttons[4].pressed = false`);
    await until("it stands", async () => !(await moving()));
    await page.evaluate(`window.pad.buttons[1].pressed = true`);
    await banner().waitFor();
    await page.evaluate(`window.pad.buttons[1].pressed = false; navigator.getGamepads = () => [null]`);
    await page.getByRole("button", { name: "Release" }).click();
    await banner().waitFor({ state: "detached" });
  });

  test("a plugin is reloaded, and switched off and on, by its buttons", async () => {
    await page.getByRole("tab", { name: "Plugins" }).click();
    const plugin = page.locator("[data-plugin=noises]");
    await plugin.getByRole("button", { name: "Reload" }).click();
    await plugin.getByText("reloaded").waitFor();
    await plugin.getByRole("button", { name: "Switch off" }).click();
    await page.locator("[data-plugin=noises][data-state=stopped]").waitFor();
    await plugin.getByRole("button", { name: "Switch on" }).click();
    await page.locator("[data-plugin=noises][data-state=ready]").waitFor();
    expect(
      await page.locator("[data-plugin=web]").getByRole("button", { name: "Switch off" }).isDisabled(),
    ).toBe(true);
  });

  test("the topics that are tapped run by, and the filter chooses", async () => {
    await page.getByRole("tab", { name: "Topics" }).click();
    await page.getByRole("textbox", { name: "Topic" }).fill("user.");
    await say(page, "hello");
    await page.locator(".feed b", { hasText: "user.transcript" }).waitFor();
    const topics = await page.locator(".feed b").allTextContents();
    expect(topics.filter((topic) => !topic.includes("user."))).toEqual([]);
  });

  test("the levels and the jitter buffer are plotted", async () => {
    await page.getByRole("tab", { name: "Audio" }).click();
    await until("both are drawn", async () => (await page.locator(".plot canvas").count()) === 2);
    await shows(page, "Jitter buffer");
  });
});
