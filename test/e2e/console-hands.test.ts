import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { Browser } from "./browser.ts";
import { ConsoleRobot, shows, until } from "./console-robot.ts";

// A browser, a robot and a room drawn by the processor, on a machine that may do much else.
setDefaultTimeout(120_000);

let robot: ConsoleRobot;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [robot, browser] = await Promise.all([ConsoleRobot.start(), Browser.start()]);
});
beforeEach(async () => {
  page = await browser.page(robot.url);
  await shows(page, "live");
  await page.locator("h1").click();
});
afterEach(async () => {
  await page.close();
  const body = await fetch(new URL("stop", robot.url));
  if (((await body.json()) as { latched: unknown }).latched)
    await fetch(new URL("stop/release", robot.url), { method: "POST" });
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await robot?.[Symbol.asyncDispose]();
});

/** Longer than a lease and the way to it: by then it would drive. */
const WHILE_MS = 600;

const driving = async () => (await page.getByTestId("helm").textContent()) === "driving";
const moving = async () => (await page.getByTestId("moving").textContent()) === "moving";
const drives = () => until("it drives", async () => (await driving()) && (await moving()));
const stands = () => until("it stands", async () => !(await driving()) && !(await moving()));
/** It stands now and goes on standing. */
async function staysPut(): Promise<void> {
  await stands();
  await page.waitForTimeout(WHILE_MS);
  expect([await driving(), await moving()]).toEqual([false, false]);
}
const blur = () => page.evaluate(`void window.dispatchEvent(new Event("blur"))`);
const press = (button: number, pressed: boolean) =>
  page.evaluate(`void (window.pad.buttons[${button}].pressed = ${pressed})`);

/** What the page tells the robot from now on: the speed of each intent, and "halt". */
async function listen(): Promise<(number | "halt")[]> {
  const told: (number | "halt")[] = [];
  await page.exposeFunction("told", (what: number | "halt") => void told.push(what));
  await page.evaluate(`{
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (text) {
      const ask = JSON.parse(text);
      if (ask.type === "drive") void window.told(ask.speed);
      if (ask.type === "halt") void window.told("halt");
      send.call(this, text);
    };
  }`);
  return told;
}

/** Presses the pad's dead-man button; anew where a stalled machine could not read it for a while. */
async function padDrives(): Promise<void> {
  await until("the pad drives", async () => {
    await press(4, false);
    await page.waitForTimeout(100);
    await press(4, true);
    await page.waitForTimeout(300);
    return (await driving()) && (await moving());
  });
}

async function plugPad(): Promise<void> {
  await page.evaluate(`
    window.pad = { id: "Test pad", mapping: "standard", connected: true, axes: [0.9, -0.6, 0, 0],
      buttons: Array.from({ length: 17 }, () => ({ pressed: false, value: 0 })) };
    navigator.getGamepads = () => [window.pad];
    void window.dispatchEvent(Object.assign(new Event("gamepadconnected"), { gamepad: window.pad }));`);
}

test("a pad that was not read for a while takes a fresh press: it may have been let go meanwhile", async () => {
  await plugPad();
  await padDrives();
  await page.evaluate(`{ const end = performance.now() + 1500; while (performance.now() < end); }`);
  await staysPut();
  await padDrives();
  await press(4, false);
  await stands();
});

test("a pad whose button is held drives no further after the page lost the focus, until a fresh press", async () => {
  await plugPad();
  await padDrives();
  await blur();
  await staysPut();
  await padDrives();
  await press(4, false);
  await stands();
});

test("a pad drives no page that has not got the focus", async () => {
  await plugPad();
  await page.evaluate(`void (document.hasFocus = () => false)`);
  await press(4, true);
  await page.waitForTimeout(WHILE_MS);
  expect(await driving()).toBe(false);
  await page.evaluate(`void delete document.hasFocus`);
  await staysPut();
});

test("a stick that is held drives no further after the page lost the focus, until a fresh press", async () => {
  const stick = (await page.locator(".stick").boundingBox())!;
  const [x, y] = [stick.x + stick.width / 2, stick.y + stick.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 40, y - 40);
  await drives();
  await blur();
  await page.mouse.move(x + 42, y - 40);
  await staysPut();
  await page.mouse.up();
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 40, y + 30);
  await drives();
  await page.mouse.up();
  await stands();
});

test("a stick that is held beside the keys does not take over when the page lost the focus", async () => {
  const stick = (await page.locator(".stick").boundingBox())!;
  const [x, y] = [stick.x + stick.width / 2, stick.y + stick.height / 2];
  await page.keyboard.down("Shift");
  await page.keyboard.down("s");
  await drives();
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 40, y - 40);
  await blur();
  await page.mouse.move(x + 42, y - 40);
  await staysPut();
  await page.mouse.up();
  await page.keyboard.up("s");
  await page.keyboard.up("Shift");
});

test("who goes to the text field with Shift held writes there, and the robot stands", async () => {
  const field = page.getByLabel("Say it in writing");
  await page.keyboard.down("Shift");
  await page.keyboard.down("s");
  await drives();
  await field.focus();
  await stands();
  await page.keyboard.up("s");
  await page.keyboard.press("KeyW");
  expect(await field.inputValue()).toBe("W");
  await staysPut();
  await page.keyboard.up("Shift");
});

test("F with Shift drives at full speed, and Ctrl, which closes windows, drives nothing", async () => {
  const told = await listen();
  const speed = () => told.at(-1);
  await page.keyboard.down("Shift");
  await page.keyboard.down("s");
  await until("slowly", async () => speed() === -0.7);
  await page.keyboard.down("f");
  await until("at full speed", async () => speed() === -1);
  await page.keyboard.up("f");
  await until("slowly again", async () => speed() === -0.7);
  await page.keyboard.up("s");
  await page.keyboard.up("Shift");
  await stands();
  await page.keyboard.down("Control");
  await page.keyboard.down("Shift");
  await page.keyboard.down("ArrowLeft");
  await staysPut();
  for (const key of ["ArrowLeft", "Shift", "Control"]) await page.keyboard.up(key);
});

test("why it did not drive is no longer said when the reason is gone", async () => {
  await page.keyboard.press("Escape");
  await page.getByTestId("latched").waitFor();
  await page.locator("h1").click();
  await page.keyboard.down("Shift");
  await page.keyboard.down("a");
  await shows(page, "stopped: release it first");
  await page.keyboard.up("a");
  await page.keyboard.up("Shift");
  await page.getByRole("button", { name: "Release" }).click();
  await page.getByTestId("latched").waitFor({ state: "detached" });
  await until("it is forgotten", async () => (await page.getByText("release it first").count()) === 0);
});

test("a pad whose dead-man button is let go stands, though the browser draws no frames", async () => {
  await plugPad();
  await padDrives();
  await page.evaluate(`void (window.requestAnimationFrame = () => 0)`);
  await page.waitForTimeout(200);
  const told = await listen();
  await until("intents go out", async () => {
    await press(4, false);
    await page.waitForTimeout(100);
    await press(4, true);
    await page.waitForTimeout(300);
    return typeof told.at(-1) === "number";
  });
  await press(4, false);
  await until("the robot is told", async () => told.at(-1) === "halt");
  await page.waitForTimeout(WHILE_MS);
  expect(told.at(-1)).toBe("halt");
});
