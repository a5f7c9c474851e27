import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { startConsole } from "./web-console-kit.ts";

let cache: string;
const before = process.env["XDG_CACHE_HOME"];
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), "myna-console-cache-"));
  process.env["XDG_CACHE_HOME"] = cache;
});
afterAll(() => {
  if (before === undefined) delete process.env["XDG_CACHE_HOME"];
  else process.env["XDG_CACHE_HOME"] = before;
  rmSync(cache, { recursive: true, force: true });
});

const builds = () => readdirSync(join(cache, "myna/console"));

test("the page is bundled at the first request, whoever else asks meanwhile, and served from then on", async () => {
  await using web = await startConsole();
  const old = join(cache, "myna/console/of-last-year");
  mkdirSync(old, { recursive: true });
  utimesSync(old, 0, 0);
  const pages = await Promise.all([1, 2, 3].map(async () => (await fetch(web.url)).text()));
  expect(new Set(pages).size).toBe(1);
  expect(builds()).toHaveLength(1);
  const [, script = ""] = /src="\/(assets\/main-[a-z0-9]+\.js)"/.exec(pages[0]!) ?? [];
  expect(script).not.toBe("");
  expect(pages[0]).not.toMatch(/<script>|style=|https?:/);

  const plain = await fetch(new URL(script, web.url), { headers: { "accept-encoding": "identity" } });
  const text = await plain.text();
  expect(plain.headers.get("content-type")).toContain("text/javascript");
  expect(plain.headers.get("cache-control")).toContain("immutable");
  expect(plain.headers.get("content-encoding")).toBeNull();
  const packed = await fetch(new URL(script, web.url), {
    headers: { "accept-encoding": "gzip" },
    decompress: false,
  });
  expect(packed.headers.get("content-encoding")).toBe("gzip");
  const bytes = new Uint8Array(await packed.arrayBuffer());
  expect(bytes.length).toBeLessThan(80_000);
  expect(gunzipSync(bytes).toString()).toBe(text);
});

test("the next robot takes the page that is there", async () => {
  const [build] = builds();
  await using web = await startConsole();
  expect((await fetch(web.url)).status).toBe(200);
  expect(builds()).toEqual([build!]);
  using page = await web.open();
  expect(page.values.robot?.build).toBe(build!);
});

test.each(["page.json", "constructor", "__proto__", "..%2fpage.json", "index.html.gz", ""])(
  "there is no file %j",
  async (name) => {
    await using web = await startConsole();
    const { status } = await fetch(new URL(`assets/${name}`, web.url));
    expect([400, 404]).toContain(status);
  },
);
