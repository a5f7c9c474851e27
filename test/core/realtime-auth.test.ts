import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMynaError } from "../../core/errors.ts";
import { createLog } from "../../core/log.ts";
import { parseProfile } from "../../core/profile.ts";
import { startRobot } from "../../core/runtime.ts";
import { authConfig } from "../../core/realtime/auth-config.ts";
import { credentialsOf } from "../../core/realtime/auth.ts";
import { sessionConfig } from "../../core/realtime/config.ts";
import type { Credentials } from "../../core/realtime/credentials.ts";
import { endpointSources } from "../../core/realtime/endpoint-sources.ts";
import { RawServer, until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { SessionBench } from "./realtime-kit.ts";

const folder = mkdtempSync(join(tmpdir(), "myna-auth-"));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

type Env = Record<string, string | undefined>;

/** Asks for credentials as a session does. */
function ask(
  auth: Record<string, unknown>,
  env: Env,
  url = "ws://127.0.0.1:1/v1/realtime",
  dialect: "ga" | "beta" = "ga",
): Promise<Credentials | null> {
  const request = { url, model: "m", dialect, signal: AbortSignal.timeout(8000) };
  return credentialsOf(authConfig.parse(auth), env)(request);
}

async function failure(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; retryable: boolean }> {
  try {
    await promise;
  } catch (thrown) {
    if (isMynaError(thrown)) return thrown;
    throw thrown;
  }
  throw new Error("It did not fail.");
}

/** A session on a raw server, by a profile's [session] table and an environment. */
async function session(
  table: Record<string, unknown>,
  env: Env,
): Promise<{ server: RawServer; bench: SessionBench }> {
  const server = await RawServer.listen();
  const config = sessionConfig.parse({ url: server.url, ...table });
  const [endpoint] = endpointSources(config, { env, brain: () => null, warn: () => {} });
  const bench = new SessionBench(endpoint, table);
  closers.push(
    () => server[Symbol.asyncDispose](),
    () => bench.session.close(),
  );
  bench.session.start();
  return { server, bench };
}

/** A server that mints tokens: each another one. */
function mint(answer: (n: number) => Response): {
  url: string;
  requests: { headers: Headers; path: string; body: unknown }[];
} {
  const requests: { headers: Headers; path: string; body: unknown }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      requests.push({
        headers: request.headers,
        path: new URL(request.url).pathname,
        body: await request.json(),
      });
      return answer(requests.length);
    },
  });
  closers.push(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}`, requests };
}

describe("a key of the environment", () => {
  test("is sent as a bearer, with organisation and project", async () => {
    const { server } = await session(
      { auth: { organization: "org-1" } },
      { OPENAI_API_KEY: "sk-abcdef123456", OPENAI_PROJECT_ID: "proj_2" },
    );
    const { headers } = await server.accept();
    expect(headers).toMatchObject({
      authorization: "Bearer sk-abcdef123456",
      "openai-organization": "org-1",
      "openai-project": "proj_2",
    });
  });

  test("is sent in the header api-key where the server is one like Azure's, from the variable that is named", async () => {
    const { server } = await session(
      { auth: { send_as: "api_key", key_variable: "AZURE_KEY" } },
      { AZURE_KEY: "0123456789abcdef", OPENAI_API_KEY: "sk-other-key-1" },
    );
    const { headers } = await server.accept();
    expect(headers["api-key"]).toBe("0123456789abcdef");
    expect(headers.authorization).toBeUndefined();
  });

  test("goes into the subprotocols where the server wants it there, and nowhere else", async () => {
    const { server, bench } = await session(
      { auth: { send_as: "subprotocol", organization: "org-1" } },
      { OPENAI_EPHEMERAL_TOKEN: "ek_abcdef123456" },
    );
    const wire = await server.accept();
    expect(wire.headers["sec-websocket-protocol"]).toBe(
      "realtime,openai-insecure-api-key.ek_abcdef123456,openai-organization.org-1",
    );
    expect(wire.headers.authorization).toBeUndefined();
    await wire.configure();
    await bench.state("ready");
  });

  test("by subprotocol names the beta dialect there as well", async () => {
    const { server } = await session(
      { dialect: "beta", auth: { send_as: "subprotocol" } },
      { OPENAI_API_KEY: "sk-abcdef123456" },
    );
    const wire = await server.accept();
    expect(wire.headers["sec-websocket-protocol"]).toContain("openai-beta.realtime-v1");
  });

  test("gives way to an ephemeral token, and both to a command", async () => {
    const env = { OPENAI_API_KEY: "sk-abcdef123456", OPENAI_EPHEMERAL_TOKEN: "ek_abcdef123456" };
    expect((await ask({}, env))?.secret).toBe("ek_abcdef123456");
    expect((await ask({ method: "api_key" }, env))?.secret).toBe("sk-abcdef123456");
    expect((await ask({ token_command: ["echo", "from-command"] }, env))?.secret).toBe("from-command");
    expect(await ask({ method: "none" }, env)).toBeNull();
    expect(await ask({}, {})).toBeNull();
  });

  test("that is missing is named, at once and for good, without a connection", async () => {
    const missing = await failure(ask({ method: "api_key", key_variable: "MY_KEY" }, {}));
    expect(missing).toMatchObject({ code: "LINK_AUTH", retryable: false });
    expect(missing.message).toContain("MY_KEY");
    const openai = await failure(ask({}, {}, "wss://api.openai.com/v1/realtime"));
    expect(openai.message).toContain("set the environment variable OPENAI_API_KEY");
  });

  test("leaves this computer in clear text only where the profile insists", async () => {
    const env = { OPENAI_API_KEY: "sk-abcdef123456" };
    expect(await ask({}, env, "ws://192.168.1.5/v1/realtime")).toBeNull();
    expect((await ask({ method: "api_key" }, env, "ws://192.168.1.5/v1/realtime"))?.secret).toBe(
      "sk-abcdef123456",
    );
    expect((await ask({}, env, "wss://192.168.1.5/v1/realtime"))?.secret).toBe("sk-abcdef123456");
    const warnings: string[] = [];
    const config = sessionConfig.parse({ url: "ws://192.168.1.5/v1/realtime" });
    endpointSources(config, { env, brain: () => null, warn: (message) => void warnings.push(message) });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("192.168.1.5");
  });

  test("is not shown to another server of the list unless its entry says so", async () => {
    const env = { OPENAI_API_KEY: "sk-abcdef123456", LAN_KEY: "lan-key-123456" };
    const endpoints = [
      { name: "cloud" },
      { name: "lan", url: "wss://lan.example/v1/realtime" },
      { name: "mine", url: "wss://mine.example/v1/realtime", auth: { key_variable: "LAN_KEY" } },
    ];
    const config = sessionConfig.parse({ endpoints });
    const sources = endpointSources(config, { env, brain: () => null, warn: () => {} });
    const secrets = await Promise.all(
      sources.map(async (source) => {
        const { url, credentials } = source() ?? { url: "" };
        const signal = AbortSignal.timeout(1000);
        return (await credentials?.({ url, model: "m", dialect: "ga", signal }))?.secret;
      }),
    );
    expect(secrets).toEqual(["sk-abcdef123456", undefined, "lan-key-123456"]);
  });
});

describe("a minted token", () => {
  test("is fresh for each attempt; the key goes to the mint alone", async () => {
    const desk = mint((n) => Response.json({ value: `ek_token_number_${n}`, expires_at: 0 }));
    const { server, bench } = await session(
      {
        model: "m",
        auth: {
          method: "minted_token",
          token_url: `${desk.url}/v1/realtime/client_secrets`,
          token_life_s: 60,
        },
      },
      { OPENAI_API_KEY: "sk-abcdef123456" },
    );
    const first = await server.accept();
    await first.configure();
    await bench.state("ready");
    first.drop();
    const second = await server.accept();
    expect([first, second].map(({ headers }) => headers.authorization)).toEqual([
      "Bearer ek_token_number_1",
      "Bearer ek_token_number_2",
    ]);
    expect(desk.requests[0]?.headers.get("authorization")).toBe("Bearer sk-abcdef123456");
    expect(desk.requests[0]?.body).toEqual({
      expires_after: { anchor: "created_at", seconds: 60 },
      session: { type: "realtime", model: "m" },
    });
  });

  test("comes from beside the Realtime URL, in both dialects, from a server that wants a key", async () => {
    for (const dialect of ["ga", "beta"] as const) {
      const brain = await scriptBrain({ dialect, apiKey: "sk-abcdef123456" });
      closers.push(() => brain.close());
      const auth = { method: "minted_token" };
      const config = sessionConfig.parse({ url: brain.url, dialect, auth });
      const env = { OPENAI_API_KEY: "sk-abcdef123456" };
      const [endpoint] = endpointSources(config, { env, brain: () => null, warn: () => {} });
      await using bench = new SessionBench(endpoint, { dialect });
      bench.session.start();
      await bench.state("ready");
    }
  });

  test("that is refused is a matter of the key; a mint that is down is tried again", async () => {
    const env = { OPENAI_API_KEY: "sk-abcdef123456" };
    const at = (url: string) => failure(ask({ method: "minted_token", token_url: url }, env));
    const refused = mint(() =>
      Response.json({ error: { message: "Bad key sk-abcdef123456" } }, { status: 401 }),
    );
    expect(await at(refused.url)).toMatchObject({ code: "LINK_AUTH", retryable: false });
    expect((await at(refused.url)).message).not.toContain("sk-abcdef");
    const busy = mint(() => new Response("later", { status: 503 }));
    expect(await at(busy.url)).toMatchObject({ code: "TOKEN_UNAVAILABLE", retryable: true });
    const empty = mint(() => Response.json({ hello: 1 }));
    expect(await at(empty.url)).toMatchObject({ code: "TOKEN_UNAVAILABLE", retryable: false });
    expect(await at("http://127.0.0.1:1/")).toMatchObject({ code: "TOKEN_UNAVAILABLE", retryable: true });
  });

  test("that is waited for when the robot stops is forgotten", async () => {
    const held = Promise.withResolvers<void>();
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => (held.resolve(), new Promise<Response>(() => {})),
    });
    closers.push(() => server.stop(true));
    const token_url = `http://127.0.0.1:${server.port}/`;
    const { server: raw, bench } = await session(
      { auth: { method: "minted_token", token_url } },
      { OPENAI_API_KEY: "sk-abcdef123456" },
    );
    await held.promise;
    await bench.session.close();
    expect(raw.connections).toHaveLength(0);
    expect(bench.session.port.state()).toBe("closed");
  });
});

describe("a token command", () => {
  test("is run anew for each attempt, without a shell; blanks around its output do not count", async () => {
    const file = join(folder, "count");
    const script = 'n=$(cat "$0" 2>/dev/null || echo 0); echo $((n+1)) > "$0"; printf "  tok-$n-$1 \\n\\n"';
    const { server, bench } = await session(
      { auth: { token_command: ["sh", "-c", script, file, "$HOME;x"] } },
      {},
    );
    const first = await server.accept();
    await first.configure();
    await bench.state("ready");
    first.drop();
    const second = await server.accept();
    expect([first, second].map(({ headers }) => headers.authorization)).toEqual([
      "Bearer tok-0-$HOME;x",
      "Bearer tok-1-$HOME;x",
    ]);
    expect(readFileSync(file, "utf8").trim()).toBe("2");
  });

  test("that fails, hangs, says nothing or babbles is tried again, and nothing of it is repeated", async () => {
    const run = (command: string[], limit = 5000) =>
      failure(ask({ token_command: command, token_command_ms: limit }, {}));
    const all = [
      await run(["sh", "-c", "echo hidden-secret-1; echo hidden-secret-2 >&2; exit 3"]),
      await run(["sh", "-c", "sleep 1 & exec sleep 600", "hidden-secret-3"], 100),
      await run(["true"]),
      await run(["echo", "hidden-secret-4 hidden-secret-5"]),
      await run(["/nowhere/at/all"]),
    ];
    expect(all.map(({ code, retryable }) => `${code} ${retryable}`)).toEqual(
      all.map(() => "TOKEN_UNAVAILABLE true"),
    );
    expect(all.map(({ message }) => message).join("\n")).toMatch(
      /exit code 3[\s\S]*within 100 ms[\s\S]*printed nothing[\s\S]*not a token[\s\S]*cannot be started/,
    );
    expect(JSON.stringify(all.map(({ message }) => message))).not.toContain("hidden-secret");
  });

  test("that fails keeps the link waiting, not closed", async () => {
    const { bench } = await session({ auth: { token_command: ["false"] } }, {});
    const change = await bench.event("session.state_changed", 2);
    expect(change).toMatchObject({ state: "waiting", code: "TOKEN_UNAVAILABLE" });
    await bench.event("session.state_changed", 4);
  });
});

describe("a robot with a key", () => {
  test("shows it nowhere: not in the log at its most talkative, a topic, a tool or its report", async () => {
    const secret = "Qw7-key-without-a-prefix-0815";
    const server = await RawServer.listen();
    closers.push(() => server[Symbol.asyncDispose]());
    const table = {
      session: {
        url: server.url,
        reconnect: { initial_ms: 5, max_ms: 5 },
        auth: { send_as: "subprotocol", key_variable: "ROBOT_KEY" },
      },
      runtime: { watch: false },
    };
    const profile = parseProfile("test", [{ origin: "test", folder: process.cwd(), table }]);
    const seen: unknown[] = [];
    const robot = await startRobot({
      profile,
      log: createLog({ level: "debug", format: "json", write: (line) => void seen.push(line) }),
      env: { ROBOT_KEY: secret },
      tap: (topic, event) => void seen.push([topic, event]),
    });
    closers.push(() => robot.stop("test ended"));
    const wire = await server.accept();
    expect(wire.headers["sec-websocket-protocol"]).toContain(secret);
    await wire.configure();
    await until(() => robot.report().session.state === "ready", "The robot is not ready");
    wire.send({ type: "error", error: { code: "x", message: `Bad ${secret}` } });
    wire.send({ type: "response.created", response: { id: "r" } });
    const failed = { status: "failed", status_details: { error: { code: "y", message: `No ${secret}` } } };
    wire.send({ type: "response.done", response: { id: "r", output: [], ...failed } });
    await until(() => JSON.stringify(seen).includes("No [secret]"), "The failure was not told");
    server.refuse(500, `<h1>${secret}</h1>`);
    wire.close(1011, secret);
    await until(() => server.refused > 1, "The robot did not come back");
    const all = JSON.stringify([seen, robot.report(), robot.bus.last("session.state_changed")]);
    expect(all).toContain("[secret]");
    expect(all).not.toContain(secret);
  });
});

describe("a secret", () => {
  test("is refused in a URL, and the message does not repeat it", () => {
    for (const url of ["wss://me:hidden-1@host/v1/realtime", "wss://host/v1/realtime?api-key=hidden-1"]) {
      const parsed = sessionConfig.safeParse({ url });
      expect(parsed.success).toBe(false);
      expect(JSON.stringify(parsed.error?.issues)).toContain("secrets come from the environment");
      expect(JSON.stringify(parsed.error?.issues.map(({ message }) => message))).not.toContain("hidden-1");
    }
  });

  test("that a server repeats in whatever it says is in no log, topic, error or figure", async () => {
    const secret = "Zx9-no-known-prefix-4711";
    const { server, bench } = await session(
      { auth: { key_variable: "MY_KEY" }, reconnect: { initial_ms: 5, max_ms: 5 } },
      { MY_KEY: secret },
    );
    const wire = await server.accept();
    expect(wire.headers.authorization).toBe(`Bearer ${secret}`);
    await wire.configure();
    await bench.state("ready");
    wire.send({ type: "error", error: { type: "x", code: "y", message: `your key is ${secret}` } });
    await bench.event("session.error");
    wire.close(1011, `no ${secret}`);
    await bench.event("session.state_changed", 3);
    server.refuse(503, { error: { message: `busy, ${secret}` } });
    await until(() => server.refused > 0, "The client did not come back");
    server.refuse(401, { error: { message: `Incorrect API key provided: ${secret}` } });
    await bench.state("closed");
    const all = JSON.stringify([bench.seen, bench.logged, bench.session.counters()]);
    expect(all).toContain("Incorrect API key provided: [secret]");
    expect(all).not.toContain(secret);
    const lines: string[] = [];
    createLog({ format: "json", write: (line) => void lines.push(line) }).error(`about ${secret}`, {
      at: secret,
    });
    expect(lines.join("")).not.toContain(secret);
  });
});
