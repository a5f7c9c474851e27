import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { deviceNames } from "../devices/device-place.ts";
import { MynaError } from "../errors.ts";
import * as myna from "../index.ts";
import { sharePackages } from "../loader.ts";
import { createLog, describeError } from "../log.ts";
import { isTable, profileFile, readLayers, shown } from "../profile-source.ts";
import { ProfileCode } from "../profile-code.ts";
import { loadProfile, PACKAGE_FOLDER } from "../profile.ts";
import { sessionConfig } from "../realtime/config.ts";
import { startRobot } from "../runtime.ts";
import { checkAudio } from "./audio-check.ts";
import type { AudioFigures } from "./audio-check.ts";
import { chosenKeys, joinEdits } from "./chosen-keys.ts";
import { doubleDevices, isSoundDevice } from "./device-clash.ts";
import { echoKeys, echoText } from "./echo-report.ts";
import { echoVerdict } from "./echo-verdict.ts";
import { checkEndpoints } from "./endpoint-check.ts";
import { findingText, findingsSummary } from "./findings-report.ts";
import { replaceFile } from "./replace-file.ts";
import { checkRobot } from "./robot-check.ts";
import type { PluginFinding } from "./robot-check.ts";
import { editToml } from "./toml-edit.ts";

const USAGE = `Usage: bun run doctor [--profile NAME] [--set KEY=VALUE] [--json] [--root DIR]
       bun run doctor audio [--profile NAME] [--set KEY=VALUE] [--write]

Looks at everything the robot needs: board, pins, I2C, sound devices, camera, computer, network and key; says what is wrong and what
mends it. Nothing moves and nothing is played; a robot may run meanwhile. Exit code 1 where something failed.

  --json           All findings as one JSON object.
  --root DIR       Look for the system's files below DIR, such as the card of a Raspberry Pi, instead of on this computer.

"audio" plays a sweep and voices through the robot's loudspeaker, measures what its microphone hears of them, and says whether
the robot may listen while it speaks. Takes half a minute; be quiet meanwhile.

  --write          Write what follows into local.toml beside the profile, with the keys of microphone, loudspeaker and listening
                   chain that --set names.

For both:
  --profile NAME   Robot to check, as for \`bun run start\`. Default: desktop-sim.
  --set KEY=VALUE  Override a profile key; repeatable.
`;
const EXIT_USAGE = 2;
/** What was asked for could not be proven, or something failed; as grep says that it found nothing. */
const EXIT_NOT_PROVEN = 1;
const EXIT_SOFTWARE = 70;
/** Drivers that the check needs: devices, the listening chain and voice detectors. */
const AUDIO_DRIVER = /^(mic|speaker|aec|echo|noise|gain|vad)-/;

/** The checks by name. */
const CHECKS: Record<string, (flags: DoctorFlags) => Promise<number>> = { audio, robot };

interface DoctorFlags {
  profile: string;
  set: string[];
  write: boolean;
  json: boolean;
  root: string;
}

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseFlags(argv);
  const check = CHECKS[positionals[0] ?? "robot"];
  if (values.help || !check || positionals.length > 1) {
    process.stdout.write(USAGE);
    return values.help ? 0 : EXIT_USAGE;
  }
  return await check({
    profile: values.profile ?? "desktop-sim",
    set: values.set ?? [],
    write: values.write === true,
    json: values.json === true,
    root: values.root ?? "",
  });
}

function parseFlags(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        profile: { type: "string" },
        set: { type: "string", multiple: true },
        write: { type: "boolean" },
        json: { type: "boolean" },
        root: { type: "string" },
        help: { type: "boolean" },
      },
    });
  } catch (cause) {
    throw new MynaError("CONFIG_INVALID", `${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
}

async function robot({ profile: name, set, json, root }: DoctorFlags): Promise<number> {
  if (root !== "" && !statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new MynaError("CONFIG_INVALID", `--root: there is no folder ${root}`);
  const profile = await loadProfile(name, { set });
  sharePackages(myna);
  // What the profile has wrong is a finding; what the person asks for here is not looked at any further.
  if (set.length > 0) {
    using code = await ProfileCode.load(profile);
    const wrong = code.problems.filter(({ message }) => message.startsWith("--set:"));
    if (wrong.length > 0)
      throw new MynaError("CONFIG_INVALID", wrong.map(({ message }) => message).join("\n"));
  }
  const findings: PluginFinding[] = [];
  const tell = (finding: PluginFinding) => {
    findings.push(finding);
    if (!json) process.stdout.write(findingText(finding));
  };
  for await (const finding of checkRobot(profile, { env: process.env, root })) tell(finding);
  for (const finding of doubleDevices(profile.plugins)) tell(finding);
  const quiet = createLog({ write: () => {} });
  for (const finding of await checkEndpoints(profile.session, process.env, quiet)) tell(finding);
  const ok = findings.every(({ state }) => state !== "failed");
  process.stdout.write(
    json
      ? `${JSON.stringify({ profile: profile.name, ok, findings }, null, 2)}\n`
      : `\n${findingsSummary(findings)}\n`,
  );
  return ok ? 0 : EXIT_NOT_PROVEN;
}

async function audio({ profile: name, set, write }: DoctorFlags): Promise<number> {
  const profilesFolder = join(PACKAGE_FOLDER, "profiles");
  const layers = await readLayers(name, { profilesFolder, env: process.env, set });
  const echo = layers.some(({ table }) => isTable(table["plugins"]) && isTable(table["plugins"]["echo"]));
  const profile = await loadProfile(name, {
    set,
    overrides: {
      audio: { echo: "open" },
      runtime: { watch: false },
      ...(echo && { plugins: { echo: { enabled: true } } }),
    },
  });
  const plugins = profile.plugins.filter(({ drivers }) => drivers.some(({ use }) => AUDIO_DRIVER.test(use)));
  for (const { message, fix } of doubleDevices(plugins))
    throw new MynaError("CONFIG_INVALID", `${message}: ${fix}`);
  const session = sessionConfig.parse({ service: "brain" });
  const robot = await startRobot({
    profile: { ...profile, plugins, session },
    log: createLog({ level: "error" }),
    env: {},
  });
  try {
    const missing = robot
      .report()
      .plugins.filter(({ use, state }) => isSoundDevice(use) && state !== "ready");
    if (missing.length > 0) {
      const lines = missing.map(({ id, state, message }) => `${id}: ${message ?? state}\n`);
      process.stdout.write(`${lines.join("")}\nNothing was played.\n`);
      return EXIT_NOT_PROVEN;
    }
    process.stdout.write("A sweep and voices are played now, for half a minute; please be quiet.\n\n");
    const figures = await checkAudio(robot);
    const verdict = echoVerdict(figures);
    process.stdout.write(`${echoText(figures, verdict)}\n${await namesToChooseFrom(figures)}`);
    if (write && figures.hears && figures.speaks && verdict.rung !== "open") {
      const date = new Date().toISOString().slice(0, 10);
      const file = join(dirname(profileFile(name, profilesFolder)), "local.toml");
      const before = existsSync(file) ? readFileSync(file, "utf8") : "";
      const chosen = chosenKeys(layers, new Set(plugins.map(({ id }) => id)));
      const keys = joinEdits(chosen, echoKeys(figures, verdict, echo ? "echo" : undefined, date));
      replaceFile(file, editToml(before, keys));
      process.stdout.write(`\nWritten to ${shown(file)}.\n`);
    }
    return verdict.proven ? 0 : EXIT_NOT_PROVEN;
  } finally {
    await robot.stop("checked");
  }
}

/** For who has not named a device, a line with those that there are. */
async function namesToChooseFrom(figures: AudioFigures): Promise<string> {
  let text = "";
  if (figures.hears && figures.acoustic && figures.microphone === "")
    text += `- microphones here: ${await deviceNames("capture")}\n`;
  if (figures.speaks && figures.acoustic && figures.loudspeaker === "")
    text += `- loudspeakers here: ${await deviceNames("playback")}\n`;
  return text;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const config = error instanceof MynaError && /^(CONFIG|PLUGIN)/.test(error.code);
  process.stderr.write(`${config ? error.message : describeError(error)}\n`);
  process.exit(config ? EXIT_USAGE : EXIT_SOFTWARE);
}
