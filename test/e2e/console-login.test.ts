import { expect, setDefaultTimeout, test } from "bun:test";
import { startConsole } from "../plugins/web-console-kit.ts";
import { LOCKED, OPERATOR, VIEWER } from "../plugins/web-door-kit.ts";
import { Browser } from "./browser.ts";
import { shows } from "./console-robot.ts";

// A browser, a robot and a room drawn by the processor, on a machine that may do much else.
setDefaultTimeout(120_000);

test("a stranger is asked for the token, a viewer looks and stops, an operator too, and who was logged out is told", async () => {
  await using web = await startConsole({ door: LOCKED });
  await using browser = await Browser.start();
  const page = await browser.page(web.url);
  expect(new URL(page.url()).pathname).toBe("/login");

  await page.goto(new URL(`login?token=${VIEWER}`, web.url).href);
  await page.waitForURL(web.url);
  await shows(page, "live");
  await shows(page, "viewer");
  await page.getByRole("button", { name: /^Stop/ }).click();
  while (web.body.log.length === 0) await Bun.sleep(10);
  const confirmed = () => page.locator(".stop[data-state=done]").waitFor();
  await confirmed();
  const clicked = web.body.log.length;
  await page.keyboard.press("Escape");
  while (web.body.log.length === clicked) await Bun.sleep(10);
  await confirmed();
  expect(await page.getByText("The stop is not confirmed").count()).toBe(0);
  const stops = web.body.log.length;
  await page.getByLabel("Say it in writing").fill("hello");
  expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
  await page.getByRole("tab", { name: "Plugins" }).click();
  expect(await page.getByRole("button", { name: "Reload web" }).isDisabled()).toBe(true);

  await page.goto(new URL(`login?token=${OPERATOR}`, web.url).href);
  await page.waitForURL(web.url);
  await shows(page, "live");
  await page.getByRole("button", { name: /^Stop/ }).click();
  await browser.until(page, `document.querySelector(".note") !== null`);
  while (web.body.log.length === stops) await Bun.sleep(10);

  await page.context().clearCookies();
  await web.robot.reload("console");
  await shows(page, "The robot wants to know who you are.");
  expect(await page.getByRole("link", { name: "Log in" }).getAttribute("href")).toBe("/login");

  // The stop of somebody the robot does not know any more: it says what to do, and goes on trying.
  await page.keyboard.press("Escape");
  const alert = page.locator(".alert", { hasText: "The stop is not confirmed." });
  await alert.getByText("does not know you any more").waitFor();
  expect(await alert.textContent()).toContain("the button on the robot, or switch it off");
  expect(await alert.textContent()).not.toContain("cannot be reached");
  expect(await alert.getByRole("link", { name: "Log in" }).getAttribute("href")).toBe("/login");
  const before = web.body.log.length;
  // As another page of the same browser would.
  await page.context().request.get(new URL(`login?token=${VIEWER}`, web.url).href);
  while (web.body.log.length === before) await Bun.sleep(10);
  await alert.waitFor({ state: "detached" });
});

test("where the browser lends no microphone the page says why, and what to do", async () => {
  await using web = await startConsole({ door: { ...LOCKED, names: ["robot.example"] } });
  await using browser = await Browser.start({ flags: ["--host-resolver-rules=MAP robot.example 127.0.0.1"] });
  const url = new URL(web.url);
  url.hostname = "robot.example";
  const page = await browser.page(new URL(`login?token=${OPERATOR}`, url).href);
  await page.waitForURL(url.href);
  await shows(page, /its microphone to https pages/);
  await shows(page, /open the robot's https address/);
});
