import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PrivateServer } from "./private-server.ts";

/* `bun run doctor audio` on a private PipeWire, its loudspeaker and its microphone in different rooms. */
const ROOT = join(import.meta.dir, "../..");

let server: PrivateServer;
beforeAll(async () => {
  server = await PrivateServer.start("pipewire");
});
afterAll(() => server?.stop());

interface Run {
  text: string;
  problems: string;
  code: number;
  folder: string;
}

async function doctor(profile: string, ...flags: string[]): Promise<Run> {
  const folder = join(server.folder, crypto.randomUUID());
  mkdirSync(folder);
  const file = join(folder, "robot.toml");
  writeFileSync(file, profile);
  writeFileSync(join(folder, "local.toml"), "# mine\n");
  const child = Bun.spawn([process.execPath, "core/doctor/main.ts", "audio", "--profile", file, ...flags], {
    cwd: ROOT,
    env: server.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [text, problems] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { text, problems, code: await child.exited, folder };
}

const MICROPHONE = `[plugins.mic]\nuse = "mic-alsa"\n`;
const LOUDSPEAKER = `[plugins.speaker]\nuse = "speaker-alsa"\n`;

test("what is measured with --set is what the next start uses: --write puts it beside the proof, and the file whole in its place", async () => {
  const sets = ["plugins.mic.device=ear.monitor", "plugins.mic.silent_restart_s=5", "session.voice=echo"];
  const { text, problems, code, folder } = await doctor(
    MICROPHONE + LOUDSPEAKER,
    ...sets.flatMap((set) => ["--set", set]),
    "--write",
  );
  expect(problems).toBe("");
  const written = readFileSync(join(folder, "local.toml"), "utf8");
  expect(written).toStartWith("# mine\n");
  expect(Bun.TOML.parse(written)).toEqual({
    audio: { echo: "push_to_talk" },
    plugins: { mic: { device: "ear.monitor", silent_restart_s: 5 } },
  });
  expect(readdirSync(folder).sort()).toEqual(["local.toml", "robot.toml"]);
  // The loudspeaker was not named: these are.
  expect(text).toMatch(/loudspeakers here: .*attic \(.*spk \(/);
  expect(text).not.toContain("microphones here");
  expect(code).toBe(1);
}, 90_000);

test("a device that is not there is told of at once, with those that are, and nothing is played", async () => {
  const { text, problems, code } = await doctor(
    MICROPHONE + LOUDSPEAKER,
    ...["--set", "plugins.mic.device=nowhere", "--set", "plugins.speaker.device=spk"],
  );
  expect(problems).toBe("");
  expect(text).toContain('mic: there is no microphone "nowhere"');
  expect(text).toContain("ear.monitor");
  expect(text).not.toContain("be quiet");
  expect(code).toBe(1);
}, 30_000);

test("two loudspeakers are refused as the robot refuses them", async () => {
  const { text, problems, code } = await doctor(
    `${MICROPHONE}${LOUDSPEAKER}[plugins.other]\nuse = "speaker-pipe"\n`,
  );
  expect(problems).toContain('the plugin "speaker" is the robot\'s loudspeaker already; a robot has one');
  expect(problems).toContain("[plugins.other]");
  expect(text).toBe("");
  expect(code).toBe(2);
}, 30_000);
