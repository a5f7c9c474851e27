import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { filePath } from "../../core/file-path.ts";
import { loadProfile, parsePluginConfig } from "../../core/profile.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "myna-profile-"));
  write(
    "base.toml",
    '[session]\nurl = "ws://127.0.0.1:1/v1/realtime"\nvoice = "base"\n[plugins.mic]\nuse = "mic-wav"\n',
  );
  mkdirSync(join(folder, "own-plugin"));
  write("own-plugin/index.ts", "export default {};\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

function load(text: string, options: { env?: Record<string, string>; set?: string[] } = {}) {
  return loadProfile(write("robot.toml", text), { env: {}, profilesFolder: folder, ...options });
}

async function problem(text: string, options: { set?: string[] } = {}): Promise<string> {
  try {
    await load(text, options);
  } catch (error) {
    return (error as Error).message.replaceAll(folder + "/", "");
  }
  throw new Error("the profile was accepted");
}

test("a later layer wins: base, profile, local, environment, --set", async () => {
  const profile = 'extends = "base"\n[session]\nvoice = "profile"\n';
  expect((await load('extends = "base"\n')).session.voice).toBe("base");
  expect((await load(profile)).session.voice).toBe("profile");
  const local = write("local.toml", '[session]\nvoice = "local"\n');
  try {
    expect((await load(profile)).session.voice).toBe("local");
    const env = { MYNA_SESSION__VOICE: "environment", OTHER: "x" };
    expect((await load(profile, { env })).session.voice).toBe("environment");
    expect(
      (await load(profile, { env, set: ["session.voice=set", "session.voice = last"] })).session.voice,
    ).toBe("last");
  } finally {
    rmSync(local);
  }
});

test("tables are merged key by key, and values of --set are TOML where they can be", async () => {
  const { plugins } = await load('extends = "base"\n[plugins.mic]\nloop = true\n', {
    set: ["plugins.mic.start_after_s=1.5", 'plugins.mic.list=["a", "b"]', "plugins.mic.file=my file.wav"],
  });
  expect(plugins[0]).toMatchObject({
    id: "mic",
    config: { loop: true, start_after_s: 1.5, list: ["a", "b"], file: "my file.wav" },
  });
});

test("a plugin that is not enabled is left out", async () => {
  expect((await load('extends = "base"\n[plugins.mic]\nenabled = false\n')).plugins).toEqual([]);
});

test("a path in use starts at the profile's folder", async () => {
  const { plugins } = await load('extends = "base"\n[plugins.own]\nuse = "./own-plugin"\n');
  expect(plugins.find((one) => one.id === "own")?.drivers).toEqual([
    { use: "./own-plugin", entry: join(folder, "own-plugin/index.ts") },
  ]);
});

test("malformed TOML is reported with file, line and column", async () => {
  expect(await problem("[session]\nvoice = = 1\n")).toMatch(/^robot\.toml:2:9: not valid TOML/);
});

test("an unknown key is reported with file, table and what was probably meant", async () => {
  expect(await problem('extends = "base"\n[session]\nvoise = "x"\n')).toMatch(
    /^robot\.toml: \[session\] voise: unknown key, did you mean "voice"\?/,
  );
  expect(await problem('extends = "base"\n[sesion]\nvoice = "x"\n')).toContain('did you mean "session"?');
});

test("a wrong type is reported with file, table and key", async () => {
  expect(await problem('extends = "base"\n[session]\nvoice = 3\n')).toMatch(
    /^robot\.toml: \[session\] voice: .*expected string/,
  );
  expect(await problem('extends = "base"\n[runtime]\ncrash_limit = "many"\n')).toMatch(
    /^robot\.toml: \[runtime\] crash_limit: .*expected number/,
  );
  expect(await problem('extends = "base"\n', { set: ["plugins.mic.required=often"] })).toMatch(
    /^--set: \[plugins\.mic\] required: .*expected boolean/,
  );
});

test("a missing use, an unknown driver and a missing plugin file are named", async () => {
  expect(await problem('extends = "base"\n[plugins.ear]\nloop = true\n')).toContain(
    "[plugins.ear] use: is missing",
  );
  expect(await problem('extends = "base"\n[plugins.mic]\nuse = "mic-wave"\n')).toMatch(
    /^robot\.toml: \[plugins\.mic\] use: there is no driver "mic-wave", did you mean "mic-wav"\?/,
  );
  expect(await problem('extends = "base"\n[plugins.own]\nuse = "./nowhere"\n')).toContain(
    "there is no plugin at",
  );
});

test("a missing profile is answered with those there are", async () => {
  const attempt = loadProfile("nope", { env: {}, profilesFolder: folder });
  expect(attempt).rejects.toMatchObject({
    code: "CONFIG_NOT_FOUND",
    message: expect.stringContaining("robot"),
  });
});

test("a profile that extends one that is not there is named with the key", async () => {
  write("orphan.toml", 'extends = "nope"\n');
  await expect(loadProfile("orphan", { env: {}, profilesFolder: folder })).rejects.toMatchObject({
    code: "CONFIG_NOT_FOUND",
    message: expect.stringMatching(/orphan\.toml: extends: there is no profile "nope"/),
  });
});

test("profiles that extend each other are refused", async () => {
  write("a.toml", 'extends = "b"\n');
  write("b.toml", 'extends = "a"\n');
  expect(loadProfile("a", { env: {}, profilesFolder: folder })).rejects.toThrow("goes round in a circle");
});

test("a plugin's own keys are checked against its schema, with the place of a wrong one", async () => {
  const schema = z.object({ file: z.string().optional(), gain: z.number().default(1) });
  const entry = async (keys: string) =>
    (await load(`[session]\nurl = "ws://127.0.0.1:1"\n[plugins.mic]\nuse = "mic-wav"\n${keys}`)).plugins[0]!;
  const good = await entry('file = "a.wav"\n');
  expect(parsePluginConfig(schema, good, good.drivers[0]!)).toEqual({ file: "a.wav", gain: 1 });
  const wrong = await entry('gain = "loud"\n');
  expect(() => parsePluginConfig(schema, wrong, wrong.drivers[0]!)).toThrow(
    /robot\.toml: \[plugins\.mic\] gain: .*expected number/,
  );
  const unknown = await entry("gian = 1\n");
  expect(() => parsePluginConfig(schema, unknown, unknown.drivers[0]!)).toThrow(
    /\[plugins\.mic\] gian: unknown key, did you mean "gain"\?/,
  );
});

test("a relative path starts at the file that sets it, and for --set at the working directory", async () => {
  const schema = z.object({
    file: filePath().optional(),
    room: filePath({ orName: true }).default("a"),
    word: z.string().default(""),
  });
  const config = async (keys: string, set: string[] = []) => {
    const text = `[session]\nurl = "ws://127.0.0.1:1"\n[plugins.mic]\nuse = "mic-wav"\n${keys}`;
    const entry = (await load(text, { set })).plugins[0]!;
    return parsePluginConfig(schema, entry, entry.drivers[0]!);
  };
  expect(await config("")).toEqual({ room: "a", word: "" });
  expect(await config('file = "a.wav"\nroom = "../b.toml"\nword = "x/y"\n')).toEqual({
    file: join(folder, "a.wav"),
    room: join(folder, "../b.toml"),
    word: "x/y",
  });
  expect(await config('file = "/a.wav"\nroom = "b"\n')).toMatchObject({ file: "/a.wav", room: "b" });
  expect(await config('file = "a.wav"\n', ["plugins.mic.file=b.wav"])).toMatchObject({
    file: resolve("b.wav"),
  });
  const { budget } = await load('[session]\nurl = "ws://127.0.0.1:1"\n[budget]\nstate_file = "cost.json"\n');
  expect(budget.state_file).toBe(join(folder, "cost.json"));
});

test("a key named __proto__ is refused wherever it comes from", async () => {
  for (const set of ["__proto__.x=1", "plugins.__proto__.x=1", "plugins.mic.__proto__=1"]) {
    expect(await problem('extends = "base"\n', { set: [set] })).toContain(
      'a key cannot be named "__proto__"',
    );
  }
  expect(await problem('extends = "base"\n[plugins.mic]\n"__proto__" = { x = 1 }\n')).toContain(
    'robot.toml: plugins.mic.__proto__: a key cannot be named "__proto__"',
  );
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});

test("of several drivers each takes the shared keys and the table of its own name", async () => {
  const text =
    '[session]\nurl = "ws://127.0.0.1:1"\n[plugins.mic]\nuse = ["mic-alsa", "mic-wav"]\ngain = 2\n[plugins.mic.mic-wav]\nfile = "a.wav"\n';
  const entry = (await load(text)).plugins[0]!;
  const wav = z.object({ gain: z.number(), file: z.string() });
  expect(parsePluginConfig(wav, entry, entry.drivers[1]!)).toEqual({ gain: 2, file: "a.wav" });
  expect(parsePluginConfig(z.object({ gain: z.number() }), entry, entry.drivers[0]!)).toEqual({ gain: 2 });
});

test("--set without a value and with a malformed key is refused with an example", async () => {
  expect(await problem('extends = "base"\n', { set: ["session.voice"] })).toContain(
    "--set session.voice: expected key.path=value",
  );
  expect(await problem('extends = "base"\n', { set: ["=x"] })).toContain("expected key.path=value");
});
