import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { loginUrl } from "../../plugins/web-door/token-picture.ts";
import { LOCKED, OPERATOR, VIEWER, startDoor } from "../plugins/web-door-kit.ts";
import { Browser } from "./browser.ts";

const folder = mkdtempSync(join(tmpdir(), "myna-login-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A door that others than this computer may reach, with a page that says who looks. */
async function robot() {
  const web = await startDoor({ ...LOCKED, host: "127.1", state_folder: folder });
  const page = (role: string) =>
    `<!doctype html><html lang="en"><title>robot</title><link rel="icon" href="data:,"><p>${role}</p><form method="post" action="/logout"><button>Leave</button></form></html>`;
  web.door.route({
    method: "GET",
    path: "/",
    role: "viewer",
    handle: (_, { role }) => new Response(page(role), { headers: { "content-type": "text/html" } }),
  });
  return web;
}

test("a person logs in by keyboard on a telephone, a wrong token is told, and leaving ends it", async () => {
  await using web = await robot();
  await using browser = await Browser.start({ width: 360, height: 640, touch: true });
  const page = await browser.page(web.url);
  expect(new URL(page.url()).pathname).toBe("/login");
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run()")) as { violations: { id: string }[] };
  expect(violations).toEqual([]);
  const focused = () => browser.until(page, `document.activeElement?.id === "token"`);
  await focused();
  await page.keyboard.type("not-the-token-at-all");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  expect(await page.getByRole("alert").textContent()).toContain("opens nothing");
  await focused();
  await page.keyboard.type(OPERATOR);
  await page.keyboard.press("Enter");
  await page.getByText("operator").waitFor();
  expect(await page.evaluate("document.cookie")).toBe("");
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByLabel("Token").waitFor();
  await page.goto(web.url);
  expect(new URL(page.url()).pathname).toBe("/login");
  expect(browser.complaints.filter((text) => !/40[13]/.test(text))).toEqual([]);
});

test("the link of the QR code logs in, and the token does not stay in the address", async () => {
  await using web = await robot();
  await using browser = await Browser.start();
  const page = await browser.page();
  await page.goto(loginUrl(web.url, VIEWER));
  await page.getByText("viewer").waitFor();
  expect(page.url()).toBe(web.url);
});
