/** `bun run docs`: writes docs/reference and the schema of the session from the code. docs.test.ts fails when one is out of date. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ERRORS } from "../core/errors.ts";
import { FLAGS } from "../core/flags.ts";
import { hostKeys, profileSchema } from "../core/profile.ts";
import { listProfiles } from "../core/profile-source.ts";
import { sessionConfig } from "../core/realtime/config.ts";
import { RETAINED_TOPICS } from "../core/topics.ts";
import { configKeys, markdownTable, readmeTable } from "./config-table.ts";
import type { ConfigKey } from "./config-table.ts";
import { pluginDefinition, pluginNames } from "./plugin-list.ts";
import { readTopics } from "./topic-source.ts";

const ROOT = join(import.meta.dir, "..");
const NOTICE = "<!-- Written by `bun run docs` from the code; edit the code instead. -->";

/** Pages of docs/reference: file name → content. */
async function referencePages(): Promise<Record<string, string>> {
  return {
    "errors.md": errorsPage(),
    "topics.md": topicsPage(),
    "cli.md": cliPage(),
    "profiles.md": profilesPage(),
    "plugins.md": await pluginsPage(),
  };
}

/** Writes the pages into `folder`, formatted; answers their names. */
export async function writeReference(folder: string): Promise<string[]> {
  const pages = await referencePages();
  for (const [name, content] of Object.entries(pages)) await Bun.write(join(folder, name), content);
  const files = Object.keys(pages);
  Bun.spawnSync([process.execPath, "fmt", "--no-script", ...files], { cwd: folder });
  return files;
}

/** Rules and defaults of the [session] table as JSON: `myna/realtime` checks its options by it, without loading zod. */
export function sessionSchema(): object {
  const { $schema: _, ...schema } = z.toJSONSchema(sessionConfig, { io: "input", unrepresentable: "any" });
  return schema;
}

function page(title: string, ...paragraphs: string[]): string {
  return `${[`# ${title}`, NOTICE, ...paragraphs].join("\n\n")}\n`;
}

function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([code, { retryable, meaning }]) => [
    `\`${code}\``,
    retryable ? "yes" : "no",
    meaning,
  ]);
  return page(
    "Error codes",
    "Every failure of the runtime carries one of these codes. Retryable: trying again can help, and a plugin whose setup fails with it is set up again after 1, 2, 4 … 30 s. A code is never reused for something else.",
    markdownTable(["code", "retryable", "meaning"], rows),
  );
}

function topicsPage(): string {
  const topics = readTopics(readFileSync(join(ROOT, "core/topics.ts"), "utf8"));
  const rows = topics.map(({ name, event, meaning }) => [
    `\`${name}\``,
    RETAINED_TOPICS.has(name) ? "yes" : "",
    `\`${event}\``,
    meaning,
  ]);
  return page(
    "Topics",
    "What is published on the bus. A retained topic gives a late subscriber its last event at once. Times that end in `_at_ms` are on the clock of `performance.now()` of the main thread.",
    markdownTable(["topic", "retained", "event", "meaning"], rows),
  );
}

function cliPage(): string {
  const rows = Object.entries(FLAGS).map(([name, flag]) => [
    `\`--${name}${"value" in flag ? ` ${flag.value}` : ""}\``,
    flag.help,
  ]);
  return page(
    "Command line",
    "`bun run start [--profile NAME] [flags]`, or `bun run --profile NAME [flags]` for a profile that ships with Myna. Exit codes: 0 as asked, 1 an utterance of a script got no answer, 2 a wrong flag or profile, 69 a required plugin cannot start, 70 a fault of the core, 78 a required plugin's settings are wrong.",
    markdownTable(["flag", "meaning"], rows),
  );
}

function profilesPage(): string {
  const shipped = listProfiles(join(ROOT, "profiles")).map((name) => {
    const table = Bun.TOML.parse(readFileSync(join(ROOT, "profiles", `${name}.toml`), "utf8"));
    const { description = "", extends: parent = "" } = table as { description?: string; extends?: string };
    return [`\`${name}\``, parent === "" ? "" : `\`${parent}\``, description];
  });
  const { plugins: _, description, ...tables } = profileSchema.shape;
  const sections = Object.entries(tables).map(
    ([name, schema]) => `## [${name}]\n\n${keyTable(explained(configKeys(innerObject(schema))))}`,
  );
  return page(
    "Profiles",
    "A profile says what a robot has. Settings are taken, strongest first, from `--set`, the environment (`MYNA_SESSION__MODEL` sets `session.model`), `local.toml` beside the profile, the profile, what it extends. A relative path starts at the folder of the file that sets it; for `--set` and the environment at the working directory. Secrets come from the environment only.",
    markdownTable(["profile", "extends", "description"], shipped),
    `At the top of the file: \`extends\`, the profile to start from, and \`description\` (${configKeys(profileSchema.pick({ description: true }))[0]?.type ?? description.type}).`,
    ...sections,
    `## [plugins.ID]\n\nFor every plugin; its own keys are in [plugins.md](plugins.md). Where \`use\` is a list, a table inside named after a driver holds keys of that driver alone.\n\n${keyTable(explained(configKeys(hostKeys)))}`,
  );
}

/** Meanings from the doc comments of the schemas where a key has no description. */
function explained(keys: ConfigKey[]): ConfigKey[] {
  const source = [
    "core/profile.ts",
    "core/audio/config.ts",
    "core/realtime/config.ts",
    "core/realtime/auth-config.ts",
    "core/realtime/budget-config.ts",
  ]
    .map((file) => readFileSync(join(ROOT, file), "utf8"))
    .join("\n");
  return keys.map((row) => {
    const name = row.key.split(".").at(-1) ?? "";
    const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*${name}:`).exec(source)?.[1] ?? "";
    return { ...row, meaning: row.meaning || comment.replace(/\s*\n\s*\* ?/g, " ").trim() };
  });
}

async function pluginsPage(): Promise<string> {
  const sections: string[] = [];
  for (const name of pluginNames()) {
    const { config, requires = [], provides = [] } = await pluginDefinition(name);
    // A plugin in the making has no README yet; a test of its own asks for it.
    const path = join(ROOT, "plugins", name, "README.md");
    const readme = existsSync(path) ? readFileSync(path, "utf8") : "";
    const meanings = readmeTable(readme);
    const keys = configKeys(config).map((row) => ({
      ...row,
      meaning: meanings.get(row.key)?.meaning ?? row.meaning,
    }));
    const services = [
      requires.length > 0 ? `Requires: ${list(requires)}.` : "",
      provides.length > 0 ? `Provides: ${list(provides)}.` : "",
    ].filter(Boolean);
    sections.push(
      [
        `## [${name}](../../plugins/${name}/README.md)`,
        firstParagraph(readme),
        ...services,
        keys.length > 0 ? keyTable(keys) : "No settings.",
      ].join("\n\n"),
    );
  }
  return page("Plugins", "The drivers that a profile can name by `use`, and their settings.", ...sections);
}

function list(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

function firstParagraph(markdown: string): string {
  return (
    markdown
      .split(/\n\s*\n/)
      .find((part) => !part.startsWith("#"))
      ?.trim() ?? ""
  );
}

function keyTable(keys: ConfigKey[]): string {
  return markdownTable(
    ["key", "type", "default", "meaning"],
    keys.map((row) => [
      `\`${row.key}\``,
      row.type,
      row.default === "" ? "must be given" : row.default === "–" ? "–" : `\`${row.default}\``,
      row.meaning,
    ]),
  );
}

/** The object inside defaults and optionals. */
function innerObject(schema: unknown): z.ZodObject {
  let inner = schema as { shape?: unknown; unwrap?: () => unknown };
  while (inner.shape === undefined && inner.unwrap) inner = inner.unwrap() as typeof inner;
  return inner as z.ZodObject;
}

if (import.meta.main) {
  const folder = join(ROOT, "docs/reference");
  for (const name of await writeReference(folder)) process.stdout.write(`docs/reference/${name}\n`);
  const schemaFile = "core/realtime/session-schema.json";
  await Bun.write(join(ROOT, schemaFile), JSON.stringify(sessionSchema()));
  Bun.spawnSync([process.execPath, "fmt", "--no-script", schemaFile], { cwd: ROOT });
  process.stdout.write(`${schemaFile}\n`);
}
