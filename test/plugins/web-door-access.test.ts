import { afterAll, describe, expect, setSystemTime, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestRobot } from "myna/testing";
import { findTokens } from "../../plugins/web-door/tokens.ts";
import { ownCertificate } from "../../plugins/web-door/certificate.ts";
import { loginUrl } from "../../plugins/web-door/token-picture.ts";
import { LOCKED, OPERATOR, PageSocket, VIEWER, logIn, startDoor } from "./web-door-kit.ts";

const folder = mkdtempSync(join(tmpdir(), "myna-web-door-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An address that is not known as loopback, and is one all the same. */
const EXPOSED = { ...LOCKED, host: "127.1", state_folder: folder };

async function locked(table = {}) {
  const web = await startDoor({ ...LOCKED, ...table });
  web.door.route({ method: "GET", path: "/", role: "viewer", handle: (_, { role }) => new Response(role) });
  web.door.route({ method: "POST", path: "/drive", role: "operator", handle: () => new Response("driven") });
  return web;
}

function as(cookie: string, origin?: string) {
  return { headers: { cookie, ...(origin !== undefined && { origin }) } };
}

describe("a door with tokens", () => {
  test("answers a program 401, and leads a person to the page where one logs in", async () => {
    await using web = await locked();
    expect((await fetch(web.url)).status).toBe(401);
    const page = await fetch(web.url, { headers: { accept: "text/html" }, redirect: "manual" });
    expect(page.headers.get("location")).toBe("/login");
    const form = await (await fetch(new URL("login", web.url))).text();
    expect(form).toContain('type="password"');
    expect(form).not.toMatch(/<script|style=|\son\w+=/);
  });

  test("gives a cookie for the token that no script and no other site can use", async () => {
    await using web = await locked();
    const response = await fetch(new URL("login", web.url), {
      method: "POST",
      body: new URLSearchParams({ token: OPERATOR }),
      redirect: "manual",
    });
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe("/");
    const set = response.headers.get("set-cookie") ?? "";
    expect(set).toMatch(/^myna-\d+=\S+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/);
    expect(set).not.toContain(OPERATOR);
    const cookie = set.split(";")[0]!;
    expect(await (await fetch(web.url, as(cookie))).text()).toBe("operator");
    const driven = await fetch(new URL("drive", web.url), { method: "POST", ...as(cookie, web.origin) });
    expect(await driven.text()).toBe("driven");
  });

  test("takes a link with the token in it, as the QR code holds it", async () => {
    await using web = await locked();
    const response = await fetch(loginUrl(web.url, VIEWER));
    expect(response.headers.get("refresh")).toBe("0; url=/");
    const cookie = response.headers.get("set-cookie")!.split(";")[0]!;
    expect(await (await fetch(web.url, as(cookie))).text()).toBe("viewer");
  });

  test("lets a viewer look and nothing else", async () => {
    await using web = await locked();
    const cookie = await logIn(web.url, VIEWER);
    expect(await (await fetch(web.url, as(cookie))).text()).toBe("viewer");
    const driven = await fetch(new URL("drive", web.url), { method: "POST", ...as(cookie, web.origin) });
    expect(driven.status).toBe(403);
    const release = await fetch(new URL("stop/release", web.url), {
      method: "POST",
      ...as(cookie, web.origin),
    });
    expect(release.status).toBe(403);
  });

  test("lets anybody who is in stop the robot", async () => {
    await using web = await locked();
    const cookie = await logIn(web.url, VIEWER);
    const stop = await fetch(new URL("stop", web.url), { method: "POST", ...as(cookie, web.origin) });
    expect(stop.status).toBe(200);
  });

  test("takes a token as a bearer's, for programs", async () => {
    await using web = await locked();
    const headers = { authorization: `Bearer ${OPERATOR}` };
    expect(await (await fetch(web.url, { headers })).text()).toBe("operator");
    expect((await fetch(new URL("drive", web.url), { method: "POST", headers })).status).toBe(200);
  });

  test("ends a session for good at the log-out, over a reload too", async () => {
    await using web = await locked({ state_folder: folder });
    const cookie = await logIn(web.url, OPERATOR);
    const other = await logIn(web.url, OPERATOR);
    await web.robot.reload("web");
    expect((await fetch(web.url, as(cookie))).status).toBe(200);
    web.door.socket({
      path: "/socket",
      role: "viewer",
      open: () => ({ message: () => {}, closed: () => {} }),
    });
    using page = new PageSocket(`${web.url}socket`, { origin: web.origin, cookie });
    using others = new PageSocket(`${web.url}socket`, { origin: web.origin, cookie: other });
    await Promise.all([page.opened(), others.opened()]);
    const out = await fetch(new URL("logout", web.url), {
      method: "POST",
      redirect: "manual",
      ...as(cookie, web.origin),
    });
    expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await page.closed).code).toBe(1008);
    expect(others.socket.readyState).toBe(WebSocket.OPEN);
    expect((await fetch(web.url, as(cookie))).status).toBe(401);
    await web.robot.reload("web");
    expect((await fetch(web.url, as(cookie))).status).toBe(401);
    expect((await fetch(web.url, as(other))).status).toBe(200);
  });

  test("knows a session again after the robot was started anew, and not with another token", async () => {
    const web = await locked();
    const { port } = new URL(web.url);
    const cookie = await logIn(web.url, OPERATOR);
    await web.robot.stop();
    {
      await using again = await locked({ port: Number(port) });
      expect((await fetch(again.url, as(cookie))).status).toBe(200);
    }
    process.env["MYNA_TEST_OTHER"] = "another-token-of-the-operator";
    const table = { ...LOCKED, port: Number(port), operator_token_variable: "MYNA_TEST_OTHER" };
    await using other = await startDoor(table);
    other.door.route({ method: "GET", path: "/", role: "viewer", handle: () => new Response("in") });
    expect((await fetch(other.url, as(cookie))).status).toBe(401);
  });

  test("knows that a session was logged out after the robot was started anew", async () => {
    const table = { state_folder: mkdtempSync(join(folder, "left-")) };
    const web = await locked(table);
    const { port } = new URL(web.url);
    const [cookie, other] = [await logIn(web.url, OPERATOR), await logIn(web.url, OPERATOR)];
    await fetch(new URL("logout", web.url), {
      method: "POST",
      redirect: "manual",
      ...as(cookie, web.origin),
    });
    await web.robot.stop();
    await using again = await locked({ ...table, port: Number(port) });
    expect((await fetch(again.url, as(cookie))).status).toBe(401);
    expect((await fetch(again.url, as(other))).status).toBe(200);
    const kept = join(table.state_folder, "web-logged-out.json");
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    expect(readFileSync(kept, "utf8")).not.toContain(cookie.split(".").at(-1)!);
  });

  test("asks nobody on this computer where no token is set", async () => {
    await using web = await startDoor();
    web.door.route({
      method: "GET",
      path: "/",
      role: "operator",
      handle: (_, { role }) => new Response(role),
    });
    expect(await (await fetch(web.url)).text()).toBe("operator");
    expect((await fetch(new URL("login", web.url))).headers.get("refresh")).toBe("0; url=/");
  });
});

describe("a door behind a proxy", () => {
  test("demands a token as soon as it has a name, and then takes pages that the proxy speaks TLS for", async () => {
    const names = ["robot.example"];
    const none = startDoor({ names, operator_token_variable: "MYNA_TEST_NONE" });
    await expect(none).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(/^names: /),
    });
    await using web = await locked({ names });
    const cookie = await logIn(web.url, OPERATOR);
    const drive = (origin: string) =>
      fetch(new URL("drive", web.url), {
        method: "POST",
        headers: { host: "robot.example", cookie, origin },
      });
    expect((await drive("https://robot.example")).status).toBe(200);
    expect((await drive("https://evil.example")).status).toBe(403);
  });

  test("answers nobody through a proxy without a token", async () => {
    await using web = await startDoor();
    for (const header of ["x-forwarded-for", "forwarded", "via"]) {
      const response = await fetch(new URL("stop", web.url), { headers: { [header]: "203.0.113.9" } });
      expect(response.status).toBe(403);
    }
  });
});

describe("a door that others than this computer reach", () => {
  async function refusal(table: Record<string, unknown>): Promise<string> {
    const started = startTestRobot({ plugins: { web: { use: "web-door", port: 0, ...table } } });
    const error: unknown = await started.then(
      (robot) => robot.stop(),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: expect.stringMatching(/^CONFIG_/) });
    return (error as Error).message;
  }

  test("stays shut without a token, and names what to set", async () => {
    const message = await refusal({ ...EXPOSED, operator_token_variable: "MYNA_TEST_NONE" });
    for (const word of ["host", "MYNA_TEST_NONE", "operator_token_variable"]) expect(message).toContain(word);
  });

  test("stays shut with half a certificate, or one that is none", async () => {
    const pem = join(folder, "none.pem");
    writeFileSync(pem, "hello");
    expect(await refusal({ ...EXPOSED, tls_cert: pem })).toContain("tls_cert, tls_key");
    expect(await refusal({ ...EXPOSED, tls_cert: pem, tls_key: pem })).toContain("tls_cert");
    expect(await refusal({ ...EXPOSED, tls_cert: join(folder, "x"), tls_key: pem })).toContain("tls_cert");
  });

  test("stops the start with one line that names file, table and key", async () => {
    const run = Bun.spawn(
      [process.execPath, "core/main.ts", "--profile", "desktop-sim", "--set", 'plugins.web.host="127.1"'],
      {
        cwd: join(import.meta.dir, "../.."),
        stdout: "pipe",
        stderr: "pipe",
        env: { ...process.env, MYNA_WEB_TOKEN: "" },
      },
    );
    expect(await run.exited).toBe(2);
    expect(await new Response(run.stderr).text()).toStartWith("--set: [plugins.web] host: others than this");
  });

  test("speaks TLS only, with a certificate of its own that it keeps to itself", async () => {
    const web = await startDoor(EXPOSED);
    const cert = readFileSync(join(folder, "web-cert.pem"), "utf8");
    expect(statSync(join(folder, "web-key.pem")).mode & 0o777).toBe(0o600);
    const tls = { ca: cert };
    expect(web.url).toStartWith("https://127.0.0.1:");
    const login = await fetch(new URL("login", web.url), {
      method: "POST",
      body: new URLSearchParams({ token: OPERATOR }),
      redirect: "manual",
      tls,
    });
    expect(login.headers.get("set-cookie")).toMatch(/^__Host-myna-\d+=.*; Secure; Max-Age=\d+$/);
    web.door.socket({
      path: "/socket",
      role: "viewer",
      open: (peer) => ({ message: (text) => void peer.send(text), closed: () => {} }),
    });
    const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
    using page = new PageSocket(`${web.url}socket`, { origin: web.origin, cookie }, cert);
    await page.opened();
    page.socket.send("by TLS");
    expect(await page.message()).toBe("by TLS");
    using plain = new PageSocket(`${web.url}socket`, { origin: web.origin.replace("s:", ":"), cookie }, cert);
    await expect(plain.opened()).rejects.toThrow("closed with");
    await expect(fetch(web.url.replace("https", "http") + "health")).rejects.toThrow();
    await web.robot.stop();
    await using again = await startDoor(EXPOSED);
    expect((await fetch(new URL("health", again.url), { tls })).status).toBe(200);
    expect(readFileSync(join(folder, "web-cert.pem"), "utf8")).toBe(cert);
  });

  test("takes a certificate that was renewed, at the same address, and keeps its routes", async () => {
    const state = mkdtempSync(join(folder, "renewed-"));
    const [cert, key] = [join(state, "web-cert.pem"), join(state, "web-key.pem")];
    const first = await ownCertificate(state, []);
    await using web = await startDoor({ ...LOCKED, tls_cert: cert, tls_key: key, tls_reread_s: 0.02 });
    const by = (ca: string) => fetch(new URL("health", web.url), { tls: { ca }, keepalive: false });
    expect((await by(first.cert)).status).toBe(200);
    // Half of a renewal is not taken: the key is another certificate's.
    rmSync(cert);
    const other = await ownCertificate(mkdtempSync(join(folder, "other-")), []);
    writeFileSync(cert, other.cert);
    await Bun.sleep(60);
    expect((await by(first.cert)).status).toBe(200);
    writeFileSync(key, other.key);
    while ((await by(other.cert).catch(() => undefined))?.status !== 200) await Bun.sleep(10);
    await expect(by(first.cert)).rejects.toThrow();
  });

  test("makes a new certificate of its own before the old one runs out", async () => {
    const state = mkdtempSync(join(folder, "aged-"));
    const first = await ownCertificate(state, ["robot.example"]);
    expect(first.daysLeft()).toBeGreaterThan(800);
    expect((await ownCertificate(state, [])).cert).toBe(first.cert);
    setSystemTime(Date.now() + 800 * 24 * 3600 * 1000);
    try {
      expect(first.daysLeft()).toBeLessThan(30);
      const second = await ownCertificate(state, ["robot.example"]);
      expect(second.cert).not.toBe(first.cert);
      expect(second.daysLeft()).toBeGreaterThan(800);
      expect(new X509Certificate(second.cert).subjectAltName).toContain("DNS:robot.example");
    } finally {
      setSystemTime();
    }
  });

  test("shows a token that it makes once on the terminal, as a QR code, and never in the log", async () => {
    const log = join(folder, "typescript");
    const command = [
      process.execPath,
      "core/main.ts --profile desktop-sim --log-level debug",
      `--set 'plugins.web.host="127.1"' --set plugins.web.port=0 --set plugins.web.state_folder=${folder}`,
      "--set plugins.metrics.port=0 --set runtime.watch=false",
    ].join(" ");
    const run = Bun.spawn(["script", "-qfec", command, log], {
      cwd: join(import.meta.dir, "../.."),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      env: { ...process.env, MYNA_WEB_TOKEN: "", MYNA_WEB_VIEWER_TOKEN: "" },
    });
    const typed = () => readFileSync(log, { encoding: "utf8", flag: "a+" });
    const shown = /Log in at (\S+)login with the token +(\S+)/;
    while (!shown.test(typed())) {
      if (run.exitCode !== null) throw new Error(typed());
      await Bun.sleep(20);
    }
    const [, url = "", token = ""] = shown.exec(typed())!;
    expect(typed()).toContain("█");
    const entered = await fetch(loginUrl(url, token), { tls: { rejectUnauthorized: false } });
    expect(entered.headers.get("set-cookie")).toContain("myna-");
    expect(typed().split(token)).toHaveLength(2);
    run.kill();
    await run.exited;
  });
});

test("a made token outlives a reload, and is not made where one is given", () => {
  const source = {
    env: {},
    operatorVariable: "OPERATOR",
    viewerVariable: "VIEWER",
    exposed: "host" as const,
    terminal: true,
    made: "",
  };
  const first = findTokens(source);
  expect(first.made).toMatch(/^[\w-]{24}$/);
  expect(findTokens(source).made).not.toBe(first.made);
  expect(findTokens({ ...source, made: first.made!, terminal: false }).operator).toBe(first.made!);
  const env = { OPERATOR: "a-token-of-the-operator" };
  expect(findTokens({ ...source, env })).toEqual({ operator: "a-token-of-the-operator" });
  expect(() => findTokens({ ...source, env: { OPERATOR: "short" } })).toThrow("at least 16");
  expect(() => findTokens({ ...source, env: { ...env, VIEWER: env.OPERATOR } })).toThrow("the same");
  expect(() => findTokens({ ...source, exposed: undefined, env: { VIEWER: env.OPERATOR } })).toThrow(
    "everybody",
  );
});
