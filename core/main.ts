import "./zod-setting.ts";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { MynaError } from "./errors.ts";
import { helpText, parseFlags } from "./flags.ts";
import type { Flags } from "./flags.ts";
import { sharePackages } from "./loader.ts";
import { createLog, describeError } from "./log.ts";
import * as myna from "./index.ts";
import { listProfiles } from "./profile-source.ts";
import type { Table } from "./profile-source.ts";
import { ProfileCode } from "./profile-code.ts";
import { loadProfile, PACKAGE_FOLDER } from "./profile.ts";
import type { Profile } from "./profile.ts";
import { startRobot } from "./runtime.ts";
import { stopWheels } from "./stop-intent.ts";
import type { Robot } from "./runtime.ts";

/** A wrong flag or profile; as most Unix tools. */
const EXIT_USAGE = 2;
/** sysexits.h EX_SOFTWARE: a fault of the core itself. */
const EXIT_SOFTWARE = 70;
/** A second Ctrl-C does not wait: 128 + SIGINT, as shells say it. */
const EXIT_INTERRUPTED = 130;
/** Ctrl-C must be done within a second, whatever hangs. */
const STOP_LIMIT_MS = 900;

/** The command line; answers the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const flags = parseFlags(argv);
  if (flags.version) return print(packageJson.version);
  if (flags.help) return print(helpText(listProfiles(join(PACKAGE_FOLDER, "profiles"))));
  const profile = await loadProfile(flags.profile, { set: flags.set, overrides: terminalTable(flags) });
  sharePackages(myna);
  const code = await ProfileCode.load(profile);
  const { problems } = code;
  const fatal = flags.check ? problems : problems.filter(({ code }) => code.startsWith("CONFIG"));
  if (fatal.length > 0) throw new MynaError("CONFIG_INVALID", fatal.map(({ message }) => message).join("\n"));
  if (flags.check)
    return print(`profile ${profile.name}: ${profile.plugins.length} plugins, no problem found`);
  return await run(profile, code, flags);
}

async function run(profile: Profile, code: ProfileCode, flags: Flags): Promise<number> {
  const level = flags.logLevel ?? profile.log.level;
  const log = createLog({ level });
  let robot: Robot | undefined;
  let leaving = false;
  const leave = (exitCode: number, reason: string): void => {
    if (leaving) return;
    leaving = true;
    if (robot) stopWheels(robot.services, log, reason);
    setTimeout(() => process.exit(exitCode), STOP_LIMIT_MS).unref();
    void (robot?.stop(reason) ?? Promise.resolve()).finally(() => process.exit(exitCode));
  };
  process.on("SIGINT", () => {
    if (leaving) process.exit(EXIT_INTERRUPTED);
    leave(0, "interrupted");
  });
  let draining = false;
  process.on("SIGTERM", () => {
    const limitMs = profile.runtime.drain_s * 1000;
    if (!robot || draining || limitMs === 0 || robot.services.has("drive")) return leave(0, "terminated");
    draining = true;
    log.info("sees off whom it serves, and ends", { limit_s: profile.runtime.drain_s });
    void robot.drain(limitMs).then(() => leave(0, "terminated"));
  });
  process.on("SIGHUP", () => leave(0, "terminal closed"));
  const crash = (error: unknown): void => {
    log.error("a fault of the core; the robot is switched off", { error: describeError(error) });
    leave(EXIT_SOFTWARE, "fault of the core");
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
  // Opened here and not by a plugin, whose reload would end it for the whole process.
  process.stdin.resume().pause();
  robot = await startRobot({
    profile,
    code,
    log,
    ...(flags.record !== undefined && { record: flags.record }),
  });
  const { exitCode, reason } = await robot.stopped;
  leave(exitCode, reason);
  return await new Promise<never>(() => {});
}

/** The terminal plugin does what --say, --wav, --json and --exit ask for. */
function terminalTable(flags: Flags): Table {
  const terminal: Table = {};
  if (flags.json) terminal["view"] = "json";
  if (flags.exit) terminal["exit"] = true;
  if (flags.utterances.length > 0) terminal["utterances"] = flags.utterances;
  return Object.keys(terminal).length > 0
    ? { plugins: { terminal: { use: "console-terminal", ...terminal } } }
    : {};
}

function print(text: string): number {
  console.log(text);
  return 0;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const config =
    error instanceof MynaError && (error.code.startsWith("CONFIG") || error.code.startsWith("PLUGIN"));
  console.error(config ? error.message : describeError(error));
  process.exit(config ? EXIT_USAGE : EXIT_SOFTWARE);
}
