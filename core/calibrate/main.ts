import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { replaceFile } from "../doctor/replace-file.ts";
import { editToml } from "../doctor/toml-edit.ts";
import type { TomlEdits, TomlValue } from "../doctor/toml-edit.ts";
import { MynaError } from "../errors.ts";
import * as myna from "../index.ts";
import { sharePackages } from "../loader.ts";
import { createLog, describeError } from "../log.ts";
import { loadProfile, PACKAGE_FOLDER, parsePluginConfig } from "../profile.ts";
import { profileFile, shown } from "../profile-source.ts";
import { sessionConfig } from "../realtime/config.ts";
import { startRobot } from "../runtime.ts";
import { stopWheels } from "../stop-intent.ts";
import type { Robot } from "../runtime.ts";
import { lineDiff } from "./line-diff.ts";
import { Person } from "./person.ts";
import { CalibrationPlan, layerOf } from "./plan.ts";
import type { PlannedStep } from "./plan.ts";
import type { CalibrationVisit } from "./step.ts";

const USAGE = `Usage: bun run calibrate [--profile NAME] [--set KEY=VALUE] [--only STEP]… [--dry-run] [--yes]

Leads through what has to be measured on a robot of one's own, step by step, and writes it into local.toml beside the profile. What
is there stays, comments included. Ctrl-C stops the wheels and writes nothing.

  --profile NAME   Robot to calibrate, as for \`bun run start\`. Default: desktop-sim.
  --set KEY=VALUE  Override a profile key; repeatable.
  --only STEP      Only this step; repeatable. --help lists the steps of the profile.
  --dry-run        Show what would be written, and write nothing.
  --yes            Write without asking.
`;
const EXIT_USAGE = 2;
/** The person went away, or a step failed: nothing was written. */
const EXIT_NOTHING_WRITTEN = 1;
const EXIT_SOFTWARE = 70;
const EXIT_INTERRUPTED = 130;
const STOP_LIMIT_MS = 900;

interface CalibrateFlags {
  profile: string;
  set: string[];
  only: string[];
  dryRun: boolean;
  yes: boolean;
}

const person = new Person(process.stdin, process.stdout);
const log = createLog({ level: "error" });
const interrupted = new AbortController();
let robot: Robot | undefined;

async function main(argv: string[]): Promise<number> {
  const { values } = parseFlags(argv);
  const flags: CalibrateFlags = {
    profile: values.profile ?? "desktop-sim",
    set: values.set ?? [],
    only: values.only ?? [],
    dryRun: values["dry-run"] === true,
    yes: values.yes === true,
  };
  sharePackages(myna);
  const plan = await CalibrationPlan.of(await loadProfile(flags.profile, { set: flags.set }));
  const list = plan.steps.map(({ name, title }) => `  ${name.padEnd(15)}  ${title}`).join("\n");
  if (values.help) {
    process.stdout.write(`${USAGE}\nSteps of ${flags.profile}:\n${list}\n`);
    return 0;
  }
  const unknown = flags.only.find((name) => !plan.steps.some((step) => step.name === name));
  if (unknown !== undefined)
    throw new MynaError("CONFIG_INVALID", `--only: there is no step "${unknown}"; there are:\n${list}`);
  const steps = plan.steps.filter(({ name }) => flags.only.length === 0 || flags.only.includes(name));
  const edits: TomlEdits = {};
  for (const [at, step] of steps.entries()) {
    person.say(`\nStep ${at + 1} of ${steps.length}, ${step.name}: ${step.title}`);
    if (flags.only.length === 0 && (await person.choose("Do it?", ["y", "n"])) === "n") continue;
    await runStep(plan, step, flags, edits);
  }
  return await write(flags, edits);
}

/** On a fresh robot with what was found so far; it is switched off before the next step. */
async function runStep(
  plan: CalibrationPlan,
  step: PlannedStep,
  flags: CalibrateFlags,
  edits: TomlEdits,
): Promise<void> {
  const profile = await loadProfile(flags.profile, { set: flags.set, overrides: layerOf(edits) });
  const needed = plan.needed(step);
  const plugins = profile.plugins.filter(({ id }) => needed.has(id));
  const entry = plugins.find(({ id }) => id === step.entry.id)!;
  robot = await startRobot({
    profile: {
      ...profile,
      plugins,
      session: sessionConfig.parse({ service: "brain" }),
      runtime: { ...profile.runtime, watch: false },
    },
    log,
    env: {},
  });
  try {
    const running = robot;
    const ill = running.host.instances.find(({ state }) => state !== "ready" && state !== "degraded");
    if (ill) {
      const busy = ill.error?.code === "DEVICE_BUSY" ? "; end it first: sudo systemctl stop myna" : "";
      throw new MynaError(
        ill.error?.code ?? "DEVICE_FAILED",
        `${ill.id}: ${ill.message ?? ill.state}${busy}`,
      );
    }
    const { loaded, driver } = running.host.instances.find(({ id }) => id === entry.id)!;
    const config: unknown = parsePluginConfig(loaded!.definition.config, entry, driver);
    const put = (id: string, keys: Record<string, TomlValue>) =>
      void (edits[`plugins.${id}`] = { ...edits[`plugins.${id}`], ...keys });
    const visit: CalibrationVisit = {
      ...{ id: entry.id, config, signal: interrupted.signal },
      use: (name) => running.services.handle(name),
      has: (name) => running.services.has(name),
      say: (text) => person.say(text),
      ask: (question) => person.ask(question),
      choose: (question, letters) => person.choose(question, letters),
      number: (question, limits) => person.number(question, limits),
      set: (keys) => put(entry.id, keys),
      setOf(service, keys) {
        const table = plan.tableOf(service, keys);
        if (table) put(table.id, table.keys);
      },
    };
    await loaded!.run(async () => await loaded!.definition.calibrate![step.name]!.run(visit as VisitOf));
  } finally {
    stopWheels(robot.services, log, "the step has ended");
    await robot.stop("the step has ended");
    robot = undefined;
  }
}

type VisitOf = CalibrationVisit<never>;

async function write(flags: CalibrateFlags, edits: TomlEdits): Promise<number> {
  const file = join(dirname(profileFile(flags.profile, join(PACKAGE_FOLDER, "profiles"))), "local.toml");
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const after = edited(before, edits);
  if (after === before) {
    person.say("\nNothing has changed, and nothing is written.");
    return 0;
  }
  // What would be written is read back as a start reads it.
  await CalibrationPlan.of(await loadProfile(flags.profile, { set: flags.set, overrides: layerOf(edits) }));
  person.say(`\nIn ${shown(file)}:\n${lineDiff(before, after)}`);
  if (flags.dryRun) {
    person.say("\nA dry run: nothing is written.");
    return 0;
  }
  if (!flags.yes && (await person.choose("Write it?", ["y", "n"])) === "n") {
    person.say("Nothing is written.");
    return 0;
  }
  replaceFile(file, after);
  person.say(`Written to ${shown(file)}. A robot that runs takes it at its next start.`);
  return 0;
}

function edited(before: string, edits: TomlEdits): string {
  if (Object.keys(edits).length === 0) return before;
  try {
    return editToml(before, edits);
  } catch (error) {
    person.say(`\nThese are the keys:\n\n${editToml("", edits)}`);
    throw error;
  }
}

function parseFlags(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        profile: { type: "string" },
        set: { type: "string", multiple: true },
        only: { type: "string", multiple: true },
        "dry-run": { type: "boolean" },
        yes: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
  } catch (cause) {
    throw new MynaError("CONFIG_INVALID", `${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
}

/** Wheels first; a second signal does not wait. */
function interrupt(): void {
  if (interrupted.signal.aborted) process.exit(EXIT_INTERRUPTED);
  interrupted.abort();
  if (robot) stopWheels(robot.services, log, "interrupted");
  process.stdout.write("\nInterrupted: the wheels are stopped, and nothing is written.\n");
  setTimeout(() => process.exit(EXIT_INTERRUPTED), STOP_LIMIT_MS).unref();
  void (robot?.stop("interrupted") ?? Promise.resolve()).finally(() => process.exit(EXIT_INTERRUPTED));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
try {
  const exitCode = await main(process.argv.slice(2));
  if (!interrupted.signal.aborted) process.exit(exitCode);
} catch (error) {
  if (!interrupted.signal.aborted) {
    const usage = error instanceof MynaError && /^(CONFIG|PLUGIN)/.test(error.code);
    const known = error instanceof MynaError;
    process.stderr.write(`\n${known ? error.message : describeError(error)}\nNothing is written.\n`);
    process.exit(usage ? EXIT_USAGE : known ? EXIT_NOTHING_WRITTEN : EXIT_SOFTWARE);
  }
}
