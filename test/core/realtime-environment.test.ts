import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadProfile } from "../../core/profile.ts";

/** The [session] table of a profile with this text, under an environment and `--set`. */
async function session(toml: string, env: Record<string, string>, set: string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), "myna-environment-"));
  try {
    const file = join(folder, "robot.toml");
    writeFileSync(file, toml);
    return (await loadProfile(file, { env, set })).session;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("the environment", () => {
  test("says where OpenAI is by OPENAI_BASE_URL, as OpenAI's own clients take it", async () => {
    const url = async (base: string) => (await session("", { OPENAI_BASE_URL: base })).url;
    expect(await url("https://proxy.example/v1")).toBe("wss://proxy.example/v1/realtime");
    expect(await url("http://127.0.0.1:8765/v1/")).toBe("ws://127.0.0.1:8765/v1/realtime");
    expect(await url("wss://proxy.example/v1/realtime")).toBe("wss://proxy.example/v1/realtime");
    expect(await url(" ")).toBe("wss://api.openai.com/v1/realtime");
  });

  test("does not take a robot from its own brain by OPENAI_BASE_URL", async () => {
    const env = { OPENAI_BASE_URL: "https://proxy.example/v1" };
    expect(await session('[session]\nservice = "brain"\n', env)).toMatchObject({ service: "brain" });
    expect(await session('[session]\nservice = "brain"\n', env, ["session.service="])).toMatchObject({
      url: "wss://proxy.example/v1/realtime",
    });
  });

  test("understands the variables of the older system; its delay is in seconds", async () => {
    const env = {
      NEVIL_REALTIME_MODEL: "gpt-realtime-2",
      NEVIL_REALTIME_VOICE: "echo",
      NEVIL_REALTIME_TEMPERATURE: "0.7",
      NEVIL_REALTIME_MAX_RECONNECTS: "5",
      NEVIL_REALTIME_RECONNECT_DELAY: "1.5",
    };
    expect(await session("[session.reconnect]\nfactor = 3\n", env)).toMatchObject({
      model: "gpt-realtime-2",
      voice: "echo",
      temperature: 0.7,
      reconnect: { attempts: 5, initial_ms: 1500, factor: 3 },
    });
  });

  test("is stronger than a file and weaker than MYNA_ variables, and these than --set", async () => {
    const file = '[session]\nvoice = "file"\n';
    const named = { NEVIL_REALTIME_VOICE: "named" };
    const ours = { ...named, MYNA_SESSION__VOICE: "ours" };
    expect((await session(file, {})).voice).toBe("file");
    expect((await session(file, named)).voice).toBe("named");
    expect((await session(file, ours)).voice).toBe("ours");
    expect((await session(file, ours, ["session.voice=set"])).voice).toBe("set");
  });

  test.each([
    ["NEVIL_REALTIME_TEMPERATURE", "hot"],
    ["NEVIL_REALTIME_MAX_RECONNECTS", "-1"],
    ["NEVIL_REALTIME_RECONNECT_DELAY", "NaN"],
    ["OPENAI_BASE_URL", "nonsense"],
    ["OPENAI_BASE_URL", "ftp://x/"],
  ])("with a bad %s is refused by the variable's name", async (name, text) => {
    await expect(session("", { [name]: text })).rejects.toThrow(name);
  });

  test("with a number out of bounds is refused by the key that it sets", async () => {
    await expect(session("", { NEVIL_REALTIME_TEMPERATURE: "7" })).rejects.toThrow(
      /environment: .*temperature/,
    );
    await expect(session("", { NEVIL_REALTIME_MAX_RECONNECTS: "1.5" })).rejects.toThrow(
      /environment: .*attempts/,
    );
  });
});
