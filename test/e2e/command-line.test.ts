import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RobotProcess, runRobot } from "./run-robot.ts";

const ROOT = join(import.meta.dir, "../..");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "myna-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const process_ = Bun.spawn([process.execPath, "run", "start", ...args], {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(process_.stdout).text(),
    new Response(process_.stderr).text(),
  ]);
  return { exitCode: await process_.exited, stdout, stderr: stderr.replace(/^\$ .*\n/gm, "") };
}

function profile(text: string): string {
  const file = join(folder, `robot-${Bun.hash(text).toString(36)}.toml`);
  writeFileSync(file, text);
  return file;
}

test("--help explains every flag and --version prints the version", async () => {
  const help = await start("--help");
  expect(help).toMatchObject({ exitCode: 0, stderr: "" });
  for (const flag of ["--profile", "--say", "--wav", "--exit", "--json", "--record", "--check", "--set"]) {
    expect(help.stdout).toContain(flag);
  }
  expect((await start("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("bun run --profile NAME starts the package script of that name with the flags behind it", async () => {
  const check = Bun.spawn([process.execPath, "run", "--profile", "desktop-sim", "--check"], {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "ignore",
  });
  expect(await new Response(check.stdout).text()).toContain("profile desktop-sim");
  expect(await check.exited).toBe(0);
});

for (const [title, text, message] of [
  ["malformed TOML", "[plugins.mic\n", /robot-\w+\.toml:\d+:\d+: not valid TOML/],
  [
    "an unknown driver",
    '[plugins.mic]\nuse = "mic-wave"\n',
    /robot-\w+\.toml: \[plugins\.mic\] use: there is no driver "mic-wave"/,
  ],
  [
    "an unknown key of a plugin",
    '[plugins.mic]\nuse = "mic-wav"\nflie = "x"\n',
    /robot-\w+\.toml: \[plugins\.mic\] flie: unknown key, did you mean "file"/,
  ],
  ["a wrong type", "[session]\nmodel = 7\n", /robot-\w+\.toml: \[session\] model: .*string/],
] as const) {
  test(`${title} gives one clear error that names file, table and key, and exit code 2`, async () => {
    const result = await start("--profile", profile(text), "--check");
    expect(result.exitCode).toBe(2);
    expect(result.stdout).toBe("");
    expect(result.stderr).toMatch(message);
    expect(
      result.stderr
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("error: script")),
    ).toHaveLength(1);
  });
}

test.each([
  ["board", 'use = "board-sim"\nroom = "nowhere"', 'room: there is no room "nowhere"'],
  ["board", 'use = "board-sim"\nroom = "./no.toml"', "room: there is no file FOLDER/no.toml"],
  ["board", 'use = "board-sim"\nroom = "bad-room.toml"', "room: FOLDER/bad-room.toml: name: "],
  ["noise", 'use = "sounds"\ndir = "no-sounds"', "dir: there is no folder FOLDER/no-sounds"],
  ["mic", 'use = "mic-wav"\nfile = "no.wav"', "file: cannot read FOLDER/no.wav"],
])("a [plugins.%s] whose %p leads nowhere is named by --check and by a start", async (id, table, message) => {
  writeFileSync(join(folder, "bad-room.toml"), "walls = []\n");
  const file = profile(`[session]\nurl = "ws://127.0.0.1:1"\n[plugins.${id}]\n${table}\n`);
  for (const flags of [["--check"], ["--exit"]]) {
    const { exitCode, stderr } = await start("--profile", file, ...flags);
    expect(stderr).toStartWith(`${file}: [plugins.${id}] ${message.replace("FOLDER", folder)}`);
    expect(exitCode).toBe(2);
  }
});

test("a profile that does not exist is answered with those there are, exit code 2", async () => {
  const result = await start("--profile", "mars-rover", "--check");
  expect(result).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("desktop-sim") });
});

test("Ctrl-C while the robot drives and talks ends it cleanly with the wheels at rest", async () => {
  const robot = new RobotProcess(["--profile", "desktop-sim", "--say", "move forward two metres"]);
  await robot.waitFor("body.pose", (pose) => pose["moving"] === true);
  robot.process.kill("SIGINT");
  const { exitCode, events } = await robot.finished();
  expect(exitCode).toBe(0);
  expect(events("body.pose").at(-1)).toMatchObject({ moving: false });
  expect(events("motion.stopped")).toHaveLength(1);
  expect(events("runtime.stopping")).toHaveLength(1);
}, 60_000);

test("a WAV of another rate with two channels is heard like speech at the microphone", async () => {
  const wav = join(folder, "command.wav");
  const made = Bun.spawnSync([
    "sh",
    "-c",
    'flite -voice slt -t "turn right ninety degrees" -o "$0.mono.wav" && sox "$0.mono.wav" -r 44100 -c 2 "$0"',
    wav,
  ]);
  expect({
    made: made.exitCode,
    hint: made.exitCode === 0 ? "" : "apt-get install flite sox (./setup --dev)",
  }).toEqual({ made: 0, hint: "" });
  const run = await runRobot("--profile", "desktop-sim", "--exit", "--wav", wav);
  expect(run.exitCode).toBe(0);
  expect(run.events("tool.finished")).toMatchObject([{ name: "turn", arguments: { angle_deg: -90 } }]);
}, 60_000);

for (const [title, make, message] of [
  ["is not a WAV", () => writeFileSync(join(folder, "bad.wav"), "hello, I am text"), "bad.wav"],
  ["is empty", () => writeFileSync(join(folder, "bad.wav"), ""), "bad.wav"],
  ["does not exist", () => rmSync(join(folder, "bad.wav"), { force: true }), "bad.wav"],
] as const) {
  test(`a --wav file that ${title} is named, and the exit code is not 0`, async () => {
    make();
    const run = await runRobot("--profile", "desktop-sim", "--exit", "--wav", join(folder, "bad.wav"));
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr).toContain(message);
  }, 60_000);
}

test("a metrics port that is taken leaves the robot running and is reported", async () => {
  using taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("taken") });
  const robot = new RobotProcess([
    "--profile",
    "desktop-sim",
    "--set",
    `plugins.metrics.port=${taken.port}`,
    "--set",
    "plugins.metrics.any_port=false",
    "--exit",
    "--say",
    "stop",
  ]);
  const run = await robot.finished();
  expect(run.exitCode).toBe(0);
  expect(run.stderr).toContain(String(taken.port));
}, 60_000);

test("a wrong key of a plugin ends a real run before it starts, with one error and exit code 2", async () => {
  const result = await start(
    "--profile",
    "desktop-sim",
    "--set",
    "plugins.board.rom=3",
    "--say",
    "stop",
    "--exit",
  );
  expect(result).toMatchObject({ exitCode: 2, stdout: "" });
  expect(result.stderr).toContain('--set: [plugins.board] rom: unknown key, did you mean "room"?');
  expect(result.stderr).not.toContain("which no plugin of the profile provides");
});

test("a start reads the code of a plugin once", async () => {
  const traces = join(folder, "traces");
  const plugin = join(folder, "traced.ts");
  writeFileSync(
    plugin,
    `import { appendFileSync } from "node:fs";
import { definePlugin } from "myna";
import { z } from "zod";
appendFileSync(${JSON.stringify(traces)}, "read\\n");
export default definePlugin({ name: "traced", config: z.object({}), setup(ctx) { ctx.shutdown(0, "done"); } });
`,
  );
  const text = `[session]\nurl = "ws://127.0.0.1:1"\n[plugins.traced]\nuse = ${JSON.stringify(plugin)}\n`;
  const { exitCode, stderr } = await start("--profile", profile(text));
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  expect(readFileSync(traces, "utf8")).toBe("read\n");
});
