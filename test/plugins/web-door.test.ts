import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import type { WebRoute } from "myna";
import { TempPlugins } from "../core/temp-plugins.ts";
import { LOCKED, PageSocket, startDoor } from "./web-door-kit.ts";

function get(path: string, text: string, more: Partial<WebRoute> = {}): WebRoute {
  return { method: "GET", path, role: "viewer", handle: () => new Response(text), ...more };
}

describe("routes", () => {
  test("the most specific path answers", async () => {
    await using web = await startDoor();
    const paths = ["/", "/*", "/a", "/a/*", "/a/b/*", "/a/b/c"];
    for (const path of paths) web.door.route(get(path, path));
    const answer = async (path: string) => (await fetch(new URL(path, web.url))).text();
    expect(await answer("/")).toBe("/");
    expect(await answer("/other")).toBe("/*");
    expect(await answer("/a")).toBe("/a");
    expect(await answer("/a/x")).toBe("/a/*");
    expect(await answer("/a/b/c")).toBe("/a/b/c");
    expect(await answer("/a/b/c/d?e=f")).toBe("/a/b/*");
  });

  test("a path that is taken is refused by name, and free again after the undo", async () => {
    await using web = await startDoor();
    const undo = web.door.route(get("/page", "one"));
    expect(() => web.door.route(get("/page", "two"))).toThrow(
      expect.objectContaining({ code: "WEB_PATH_TAKEN", message: expect.stringContaining("GET /page") }),
    );
    web.door.route(get("/page", "posted", { method: "POST" }));
    undo();
    expect((await fetch(new URL("page", web.url))).status).toBe(405);
    web.door.route(get("/page", "two"));
    expect(await (await fetch(new URL("page", web.url))).text()).toBe("two");
  });

  test("HEAD is GET without a body", async () => {
    await using web = await startDoor();
    web.door.route(get("/page", "text"));
    const response = await fetch(new URL("page", web.url), { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  test("what a route throws is a 500 that tells nothing", async () => {
    await using web = await startDoor();
    web.door.route(
      get("/page", "", {
        handle: () => {
          throw new Error("secret path /etc");
        },
      }),
    );
    const response = await fetch(new URL("page", web.url));
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
  });

  test("every answer carries the headers that keep a browser from being misled", async () => {
    await using web = await startDoor();
    web.door.route(
      get("/page", "", {
        handle: () => new Response("", { headers: { "content-security-policy": "none" } }),
      }),
    );
    for (const path of ["health", "page", "nothing"]) {
      const { headers } = await fetch(new URL(path, web.url));
      expect(headers.get("content-security-policy")).toContain("script-src 'self';");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });
});

test("a link on another site leads to the page all the same", async () => {
  await using web = await startDoor();
  web.door.route(get("/", "page"));
  const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  expect(await (await fetch(web.url, { headers })).text()).toBe("page");
});

describe("the port", () => {
  test("is another one where it is taken and that is wished for, else the plugin says so and tries again", async () => {
    await using first = await startDoor();
    const port = Number(new URL(first.url).port);
    await using second = await startDoor({ port, any_port: true });
    expect(second.url).not.toBe(first.url);
    expect((await fetch(new URL("health", second.url))).status).toBe(200);
    await expect(startDoor({ port })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  test("of another computer is no reason to stop trying", async () => {
    const there = { ...LOCKED, host: "203.0.113.9", state_folder: tmpdir() };
    await expect(startDoor(there)).rejects.toMatchObject({ code: "DEVICE_NOT_FOUND", retryable: true });
  });
});

describe("web sockets", () => {
  test("a page talks with the plugin that mounted the path", async () => {
    await using web = await startDoor();
    const heard: string[] = [];
    const left = Promise.withResolvers<void>();
    web.door.socket({
      path: "/socket",
      role: "viewer",
      open: (peer) => ({
        message: (text) => {
          heard.push(text);
          peer.send(`you said ${text}`);
        },
        closed: left.resolve,
      }),
    });
    const page = new PageSocket(`${web.url}socket`, { origin: web.origin });
    await page.opened();
    page.socket.send("hello");
    expect(await page.message()).toBe("you said hello");
    page.socket.close();
    await left.promise;
    expect(heard).toEqual(["hello"]);
  });

  test("a route that goes takes its sockets along, with the code for a restart", async () => {
    await using web = await startDoor();
    let ended = 0;
    const undo = web.door.socket({
      path: "/socket",
      role: "viewer",
      open: () => ({ message: () => {}, closed: () => void ended++ }),
    });
    using page = new PageSocket(`${web.url}socket`, { origin: web.origin });
    await page.opened();
    undo();
    expect(await page.closed).toMatchObject({ code: 1012 });
    expect(ended).toBe(1);
  });
});

describe("reload", () => {
  test("routes stay while the door is loaded anew, at the same address", async () => {
    await using web = await startDoor();
    const undo = web.door.route(get("/page", "still here"));
    await web.robot.reload("web");
    expect(web.door.url()).toBe(web.url);
    expect(await (await fetch(new URL("page", web.url))).text()).toBe("still here");
    undo();
    expect((await fetch(new URL("page", web.url))).status).toBe(404);
    web.door.route(get("/page", "again"));
    await web.robot.reload("web");
    expect(await (await fetch(new URL("page", web.url))).text()).toBe("again");
  });

  test("a plugin's routes run as its own code, go with it, and send those away who wait", async () => {
    using folder = new TempPlugins();
    const use = folder.plugin(
      "page",
      `const version = "one";
       const ticks = []; ctx.publish("user.mute_changed", { muted: false });
       ctx.defer(ctx.use("web").route({ method: "GET", path: "/page", role: "viewer", handle: () => {
         setInterval(() => ctx.publish("user.mute_changed", { muted: true }), 5);
         return new Response(version); } }));
       ctx.defer(ctx.use("web").route({ method: "GET", path: "/never", role: "viewer",
         handle: () => { ctx.publish("user.talk_changed", { talking: true }); return new Promise(() => {}); } }));`,
      `requires: ["web"],`,
    );
    await using web = await startDoor({}, { plugins: { page: { use } } });
    const page = new URL("page", web.url);
    expect(await (await fetch(page)).text()).toBe("one");
    const waiting = fetch(new URL("never", web.url));
    await web.robot.waitFor("user.talk_changed");
    // The timer was opened in an answer to the door, and is the plugin's all the same: it outlives the door and not the plugin.
    await web.robot.waitFor("user.mute_changed", ({ muted }) => muted);
    const ticks = () => web.robot.events("user.mute_changed").length;
    folder.write("page/index.ts", (await Bun.file(use).text()).replace('"one"', '"two"'));
    await web.robot.reload("page");
    expect((await waiting).status).toBe(503);
    const before = ticks();
    expect(await (await fetch(new URL("health", web.url))).json()).toEqual({ status: "ok" });
    expect(ticks()).toBe(before);
    expect(await (await fetch(page)).text()).toBe("two");
    await web.robot.reload("web");
    const after = ticks();
    while (ticks() === after) await Bun.sleep(5);
    expect(await (await fetch(page)).text()).toBe("two");
  });
});
