import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { checkEndpoints } from "../../core/doctor/endpoint-check.ts";
import { findingText } from "../../core/doctor/findings-report.ts";
import { checkRobot } from "../../core/doctor/robot-check.ts";
import type { PluginFinding } from "../../core/doctor/robot-check.ts";
import * as myna from "../../core/index.ts";
import { sharePackages } from "../../core/loader.ts";
import { createLog } from "../../core/log.ts";
import { parseProfile } from "../../core/profile.ts";
import type { Table } from "../../core/profile-source.ts";
import { sessionConfig } from "../../core/realtime/config.ts";
import { ScratchSystem } from "../fixtures/scratch-system.ts";
import { RawServer } from "../kit/raw-server.ts";
import { TlsFront } from "../peers/tls-front.ts";
import { TempPlugins } from "./temp-plugins.ts";

const ROOT = join(import.meta.dir, "../..");
const KEY = "sk-doctor-0123456789abcdef";
const quiet = createLog({ write: () => {} });
sharePackages(myna);

const temp = new TempPlugins();
afterAll(() => temp[Symbol.dispose]());

/** A plugin whose doctor has this body, and whose setup says that it ran. */
function plugin(name: string, doctor: string): string {
  return temp.plugin(name, `throw new Error("was set up");`, `doctor: async (visit) => { ${doctor} },`);
}

async function findings(plugins: Record<string, Table>, root?: string): Promise<PluginFinding[]> {
  const profile = parseProfile("test", [
    { origin: "test", folder: temp.folder, table: { session: { service: "brain" }, plugins } },
  ]);
  const env = { PATH: "/usr/bin:/bin" };
  return await Array.fromAsync(checkRobot(profile, { env, ...(root !== undefined && { root }) }));
}

describe("the doctor asks each plugin", () => {
  test("with its checked settings, without setting it up, and says whose finding it is", async () => {
    const use = plugin(
      "told",
      `return [{ name: "word", state: "ok", message: visit.config.word + " " + visit.id }];`,
    );
    expect(await findings({ mine: { use, word: "hello" }, sounds: { use: "sounds" } })).toEqual([
      { plugin: "mine", name: "word", state: "ok", message: "hello mine" },
    ]);
  });

  test("and one that throws, cannot be loaded or has a wrong key is a finding, not the end", async () => {
    const throws = plugin("throws", `throw new Error("the cable is loose");`);
    const broken = temp.write("broken/index.ts", "export default {");
    const fine = plugin("fine", `return [{ name: "it", state: "ok", message: "is fine" }];`);
    const found = await findings({
      a: { use: throws },
      b: { use: broken },
      c: { use: fine, wrod: "typo" },
      d: { use: fine },
    });
    expect(found.map(({ plugin: id, state }) => `${id} ${state}`)).toEqual([
      "a failed",
      "b failed",
      "c failed",
      "d ok",
    ]);
    expect(found[0]!.message).toBe("the cable is loose");
    expect(found[2]!.message).toContain('did you mean "word"');
  });

  test("and of several drivers takes the first that finds nothing wrong", async () => {
    const first = plugin(
      "first",
      `return [{ name: "camera", state: "failed", message: "no ribbon cable" }];`,
    );
    const second = plugin(
      "second",
      `return [{ name: "camera", state: visit.config.word || "ok", message: "on USB" }];`,
    );
    const states = async (table: Table) =>
      (await findings({ camera: { use: [first, second], ...table } })).map(
        ({ state, message }) => `${state}: ${message}`,
      );
    expect(await states({})).toEqual(["not_here: no ribbon cable; the next driver is taken", "ok: on USB"]);
    expect(await states({ word: "failed" })).toEqual([
      "not_here: no ribbon cable; the next driver is taken",
      "failed: on USB",
    ]);
  });

  test("about files below another root, and with programs that it ends when they hang", async () => {
    using system = new ScratchSystem().program("hangs", "exec /bin/sleep 60");
    const use = plugin(
      "looks",
      `const said = await visit.run(["sh", "-c", "echo out; echo err >&2; exit 3"]);
       const hung = await visit.run(["sleep", "60"], 50);
       return [
         { name: "path", state: "ok", message: visit.path("/etc/group") },
         { name: "run", state: "ok", message: JSON.stringify([said, hung, await visit.run(["no-such-program"]) ?? null]) },
       ];`,
    );
    const [path, run] = await findings({ it: { use } }, system.root);
    expect(path!.message).toBe(join(system.root, "etc/group"));
    expect(JSON.parse(run!.message)).toEqual([{ code: 3, text: "out\nerr" }, { code: null, text: "" }, null]);
  });
});

describe("the servers of a profile", () => {
  const check = (session: Table, env: Record<string, string> = { OPENAI_API_KEY: KEY }) =>
    checkEndpoints(sessionConfig.parse(session), env, quiet);

  test("let the robot in: they are greeted and hung up", async () => {
    await using server = await RawServer.listen();
    const found = check({ url: server.url });
    const wire = await server.accept();
    wire.send({ type: "session.created", session: {} });
    expect(await found).toMatchObject([
      {
        plugin: "session",
        name: "127.0.0.1",
        state: "ok",
        message: expect.stringMatching(/lets the robot in \(\d+ ms\)/),
      },
    ]);
    await wire.closed;
  });

  test("refuse a key with HTTP 401, and the key is not shown even where the server repeats it", async () => {
    await using server = await RawServer.listen();
    server.refuse(401, { error: { message: `Incorrect API key provided: ${KEY}` } });
    const found = await check({ url: server.url });
    expect(found.map(findingText).join("")).not.toContain(KEY);
    expect(found).toMatchObject([
      {
        state: "failed",
        message: expect.stringContaining("HTTP 401"),
        fix: expect.stringContaining("OPENAI_API_KEY"),
      },
    ]);
  });

  test("do not answer, are not there, or are not who they say they are", async () => {
    await using server = await RawServer.listen();
    await using front = await TlsFront.listen(Number(new URL(server.url).port));
    const secure = await check({ url: `${front.baseUrl.replace("https", "wss")}/realtime` });
    expect(secure).toMatchObject([{ state: "failed", message: expect.stringContaining("certificate") }]);
    server.stayMute();
    expect(await check({ url: server.url, timeouts: { connect_ms: 200 } })).toMatchObject([
      { state: "failed", message: "the server did not answer", fix: expect.stringContaining("firewall") },
    ]);
    const { url } = server;
    await server[Symbol.asyncDispose]();
    expect(await check({ url })).toMatchObject([
      {
        state: "failed",
        message: expect.stringContaining("cannot be reached"),
        fix: expect.stringContaining("ping"),
      },
    ]);
  });

  test("without a key are told of by the variable that lacks", async () => {
    expect(await check({ url: "wss://api.openai.com/v1/realtime" }, {})).toMatchObject([
      {
        state: "failed",
        message: expect.stringContaining("OPENAI_API_KEY"),
        fix: expect.stringContaining("/etc/myna"),
      },
    ]);
  });

  test("are no more than a warning while another one, such as the robot's own brain, answers", async () => {
    await using server = await RawServer.listen();
    server.refuse(503);
    const endpoints = [
      { name: "cloud", url: server.url },
      { name: "own", service: "brain" },
    ];
    expect(await check({ endpoints })).toMatchObject([
      { name: "cloud", state: "warning" },
      { name: "own", state: "ok", message: expect.stringContaining("own brain") },
    ]);
  });
});

describe("bun run doctor", () => {
  async function doctor(...flags: string[]) {
    const child = Bun.spawn([process.execPath, "core/doctor/main.ts", ...flags], {
      cwd: ROOT,
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, OPENAI_API_KEY: KEY },
    });
    const [text, problems] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { text, problems, code: await child.exited };
  }

  test("says of the simulated robot what is simulated, and that nothing is wrong", async () => {
    const { text, problems, code } = await doctor(
      "--profile",
      "desktop-sim",
      "--set",
      "plugins.metrics.port=0",
    );
    expect(problems).toBe("");
    expect(text).toContain("not here  board: simulated: a Robot HAT V4 in memory");
    expect(text).toMatch(/(ok  |warning) +brain: hearing: /);
    expect(text).toContain("ok        session: brain: the robot's own brain: no key, no network");
    expect(text).toMatch(/0 failed/);
    expect(code).toBe(0);
  }, 30_000);

  test("prints one JSON object with the fix of each fault, and ends with 1 where something failed", async () => {
    using card = new ScratchSystem().file("/boot/firmware/config.txt", "dtparam=audio=on\n");
    const { text, code } = await doctor("--profile", "pi4-picar", "--json", "--root", card.root);
    const report = JSON.parse(text) as { profile: string; ok: boolean; findings: PluginFinding[] };
    expect(report).toMatchObject({ profile: "pi4-picar", ok: false });
    expect(report.findings.filter(({ state, fix }) => state === "failed" && !fix)).toEqual([]);
    expect(report.findings).toContainEqual({
      plugin: "board",
      name: "config.txt I2C",
      state: "failed",
      message: "/boot/firmware/config.txt does not switch I2C on",
      fix: expect.stringContaining("raspi-config nonint do_i2c 0"),
    });
    expect(text).not.toContain(KEY);
    expect(code).toBe(1);
  }, 30_000);

  test("refuses a root that is none and a wrong flag at once, before it looks at anything", async () => {
    for (const [flags, what] of [
      [["--root", "/no/such/card"], "--root: there is no folder /no/such/card"],
      [["--set", "plugins.drive.fresh_ms=NaN"], "--set: [plugins.drive] fresh_ms"],
    ] as const) {
      const { text, problems, code } = await doctor("--profile", "desktop-sim", ...flags);
      expect(problems).toStartWith(what);
      expect(text).toBe("");
      expect(code).toBe(2);
    }
  }, 30_000);

  test("of a profile that is none says so, as a start does", async () => {
    const { problems, code } = await doctor("--profile", "no-such-robot");
    expect(problems).toContain('there is no profile "no-such-robot"');
    expect(code).toBe(2);
  });
});
