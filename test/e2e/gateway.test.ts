import { afterAll, beforeAll, expect, test } from "bun:test";
import { FakeBrowser } from "../kit/fake-browser.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import type { ScriptedBrain } from "../kit/scripted-brain.ts";
import { GatewayProcess } from "./gateway-process.ts";

let brain: ScriptedBrain;
beforeAll(async () => void (brain = await scriptBrain()));
afterAll(() => brain.close());

/** A page that talks. */
async function call(gateway: GatewayProcess): Promise<{ page: FakeBrowser; id: string }> {
  const page = await FakeBrowser.create();
  const answered = await gateway.offer(await page.offer());
  expect(answered.status).toBe(200);
  const { id, sdp } = (await answered.json()) as { id: string; sdp: string };
  await page.accept(sdp);
  return { page, id };
}

test("a gateway that is told to end takes nobody new, lets those who talk finish, and ends well", async () => {
  await using gateway = await GatewayProcess.start([`plugins.talk.url="${brain.url}"`, "runtime.drain_s=60"]);
  const { page, id } = await call(gateway);

  gateway.terminate();
  while ((await gateway.status("ready")) !== 503) await Bun.sleep(5);
  expect(await gateway.status("health")).toBe(200);
  const other = await FakeBrowser.create();
  const refused = await gateway.offer(await other.offer());
  expect(refused.status).toBe(503);
  other.close();
  // The call goes on: sound still arrives at the page.
  const before = page.heard.length;
  while (page.heard.length < before + 10) await Bun.sleep(10);

  // It may be gone before its answer has been read.
  await fetch(new URL(`talk/${id}`, gateway.url), { method: "DELETE" }).catch(() => {});
  expect(await gateway.exited).toBe(0);
  page.close();
  expect(gateway.log).not.toContain("sk-test-key");
});

test("a gateway nobody talks to ends at once, and one whose caller stays does so at its limit", async () => {
  await using idle = await GatewayProcess.start(["runtime.drain_s=600"]);
  idle.terminate();
  expect(await idle.exited).toBe(0);

  await using busy = await GatewayProcess.start([`plugins.talk.url="${brain.url}"`, "runtime.drain_s=0.5"]);
  const { page } = await call(busy);
  busy.terminate();
  expect(await busy.exited).toBe(0);
  page.close();
});
