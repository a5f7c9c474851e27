import { describe, expect, test } from "bun:test";
import { parseClientOptions } from "../../core/realtime/client-options.ts";
import type { RealtimeClientOptions } from "../../core/realtime/client-options.ts";
import { sessionConfig } from "../../core/realtime/config.ts";
import schema from "../../core/realtime/session-schema.json" with { type: "json" };
import { ROOT } from "../source-tree.ts";

const SHARED = [
  ...["url", "dialect", "auth", "model", "voice", "temperature", "instructions", "transcription_model"],
  ...["language", "max_output_tokens", "turn_detection", "reconnect", "outbox", "timeouts"],
] as const;

/** Every key that a client takes, those of tables as `table.key`. */
const PATHS = SHARED.flatMap((key) => {
  const { properties } = schema.properties[key] as { properties?: object };
  return properties ? [key, ...Object.keys(properties).map((one) => `${key}.${one}`)] : [key];
});

const VALUES: readonly unknown[] = [
  ...[
    undefined,
    null,
    true,
    false,
    -1,
    0,
    0.25,
    0.5,
    1,
    1.5,
    2,
    2.5,
    9,
    10,
    300,
    1000,
    1023,
    1024,
    4096,
    4097,
  ],
  ...[
    5000,
    5001,
    7200,
    7201,
    10_000,
    10_001,
    120_000,
    120_001,
    1e9,
    2 ** 53,
    1e300,
    NaN,
    Infinity,
    -Infinity,
  ],
  ...[
    "",
    " ",
    "a",
    "auto",
    "ga",
    "none",
    "bearer",
    "semantic_vad",
    "low",
    "AUTO",
    "API_KEY",
    "_a1",
    "1a",
    "a-b",
    "a\n",
  ],
  ...["ws://h", "wss://h/v1?x=1", "WSS://h/", "ws:h", "ws:/h", "ws://", "wss://u:p@h/", "wss://h?api_key=1"],
  ...["http://h", "https://h/x", "ftp://h", "h", "//h", " wss://h", "wss://h ", " https://h/ ", "wss:// h"],
  ...[[], [""], ["a", "b"], [1], [null], [["a"]], {}, { x: 1 }, { type: "none" }, new Map(), () => 1, 5n],
];

function options(path: string, value: unknown): RealtimeClientOptions {
  const [table = "", key] = path.split(".");
  return { [table]: key === undefined ? value : { [key]: value } };
}

function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch {
    return "refused";
  }
}

describe("the options of a client", () => {
  test("are taken and refused, and get their defaults, as a profile's [session] table", () => {
    const differing: string[] = [];
    for (const path of PATHS) {
      for (const value of VALUES) {
        const given = options(path, value);
        const ours = attempt(() => parseClientOptions(given));
        const profile = attempt(() => sessionConfig.parse(given));
        if (!Bun.deepEquals(ours, profile)) differing.push(`${path} = ${Bun.inspect(value)}`);
      }
    }
    expect(PATHS.length).toBeGreaterThan(40);
    expect(differing).toEqual([]);
    expect(parseClientOptions({})).toEqual(sessionConfig.parse({}));
  });

  test("that are wrong are all named at once, each with what was expected, and no text of theirs is repeated", () => {
    const secret = "sk-secret-in-the-wrong-place";
    const wrong = {
      modle: "x",
      url: `http://${secret}`,
      dialect: secret,
      temperature: 3,
      auth: { key_variable: secret, token_command: [secret, ""], token_url: `wss://h?key=${secret}` },
      reconnect: { initial_ms: 0.5, x: 1 },
      turn_detection: { create_response: "no" },
    } as unknown as RealtimeClientOptions;
    const message = (() => {
      try {
        parseClientOptions(wrong);
        return "nothing was refused";
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message.replace("RealtimeClient: ", "").split("; ").sort()).toEqual([
      "auth.key_variable: expected the name of an environment variable",
      "auth.token_command.1: expected a text that is not empty",
      "auth.token_url: expected an http:// or https:// URL",
      'dialect: expected "auto" or "ga" or "beta"',
      "modle: there is no such option",
      "reconnect.initial_ms: expected a whole number from 1 on",
      "reconnect.x: there is no such option",
      "temperature: expected a number from 0 to 2",
      "turn_detection.create_response: expected true or false",
      "url: expected a ws:// or wss:// URL",
    ]);
    expect(message).not.toContain("sk-secret");
  });

  test("are checked without loading zod, which nothing of myna/realtime needs", async () => {
    const script = `
      const { RealtimeClient, RealtimePool } = await import("myna/realtime");
      new RealtimePool({ size: 1, client: { url: "ws://127.0.0.1:1/" } });
      let refusal = "";
      try { new RealtimeClient({ reconnect: { factor: 0 } }); } catch (error) { refusal = error.message; }
      const loaded = Object.keys(require.cache);
      process.stdout.write(JSON.stringify({ refusal, loaded }));`;
    const child = Bun.spawn([process.execPath, "-e", script], {
      cwd: ROOT,
      stdout: "pipe",
      stderr: "inherit",
    });
    const { refusal, loaded } = JSON.parse(await new Response(child.stdout).text()) as {
      refusal: string;
      loaded: string[];
    };
    expect(await child.exited).toBe(0);
    expect(refusal).toContain("reconnect.factor: expected a number from 1 on");
    expect(loaded.some((file) => file.endsWith("core/realtime/connection.ts"))).toBe(true);
    expect(loaded.filter((file) => file.includes("node_modules/zod/"))).toEqual([]);
  });
});
