import { expect, test } from "bun:test";
import { join } from "node:path";
import { FakeBrowser } from "../kit/fake-browser.ts";
import { until } from "../kit/raw-server.ts";

const ROOT = join(import.meta.dir, "../..");

test("the example tells a caller that there is no key, goes on, and answers its own page only", async () => {
  const example = Bun.spawn([process.execPath, "examples/talk-client/index.ts"], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PORT: "0" },
  });
  try {
    const { value } = await example.stdout.getReader().read();
    const url = /http\S+/.exec(new TextDecoder().decode(value))?.[0] ?? "";
    const { origin } = new URL(url);
    const offer = (sdp: string, headers: Record<string, string>) =>
      fetch(new URL("talk/offer", url), { method: "POST", headers, body: JSON.stringify({ sdp }) });
    for (let i = 0; i < 2; i++) {
      using page = await FakeBrowser.create();
      const answered = await offer(await page.offer(), { origin });
      expect(answered.status).toBe(200);
      await page.accept(((await answered.json()) as { sdp: string }).sdp);
      await until(() => page.messages.length > 0, "the page was not told");
      expect(page.messages).toMatchObject([{ type: "error", code: "LINK_AUTH" }]);
    }
    expect((await offer("v=0", { origin: "https://evil.example" })).status).toBe(403);
    expect((await offer("v=0", {})).status).toBe(403);
    expect((await offer("v=0", { origin: "http://evil.example", host: "evil.example" })).status).toBe(403);
    expect(example.exitCode).toBeNull();
  } finally {
    example.kill();
    await example.exited;
  }
});
