import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { audioConfig } from "./audio/config.ts";
import { MynaError } from "./errors.ts";
import { resolvePaths } from "./file-path.ts";
import { LOG_LEVELS } from "./log.ts";
import type { PluginDefinition } from "./plugin.ts";
import { isTable, mergeLayers, readLayers } from "./profile-source.ts";
import type { Layer, Table } from "./profile-source.ts";
import { budgetConfig } from "./realtime/budget-config.ts";
import { sessionConfig } from "./realtime/config.ts";

/** Folder of the runtime's package. */
export const PACKAGE_FOLDER = resolve(import.meta.dir, "..");

/** Keys of a plugin's table that belong to the host; all others are the plugin's own. */
export const hostKeys = z.object({
  /** A driver's name, a path beside the profile, or an npm package; of a list, the first whose device exists. */
  use: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
    error: "expected a driver's name in quotes, or a list of them",
  }),
  enabled: z.boolean().default(true),
  /** The process ends when the plugin cannot start. */
  required: z.boolean().default(false),
  setup_timeout_s: z.number().positive().default(10),
});

/** Everything a profile may hold besides the keys of plugins. */
export const profileSchema = z.strictObject({
  description: z.string().default(""),
  session: sessionConfig,
  budget: budgetConfig,
  audio: audioConfig,
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default("info") }).prefault({}),
  runtime: z
    .strictObject({
      /** Reload a plugin when a file of its folder changes. */
      watch: z.boolean().default(true),
      /** Faults of a plugin within a minute before it is quarantined. */
      crash_limit: z.number().int().min(1).default(10),
      /** False: no conversation of the robot's own, as a gateway has whose callers bring theirs. */
      conversation: z.boolean().default(true),
      /** On SIGTERM plugins get so long to see off whom they serve. 0, and a robot with wheels, ends at once. */
      drain_s: z.number().min(0).max(3600).default(0),
    })
    .prefault({}),
  plugins: z.record(z.string().regex(/^[a-z][a-z0-9_-]*$/), z.looseObject(hostKeys.shape)).default({}),
});

/** One choice of `use`: the driver's name and where its code lies. */
export interface Driver {
  use: string;
  /** Absolute path of the module. */
  entry: string;
}

/** A plugin's table, without the host's own keys. */
export interface PluginEntry {
  id: string;
  drivers: Driver[];
  required: boolean;
  setupTimeoutMs: number;
  config: Table;
  /** "file [plugins.id]" for messages; `key` adds the key's own file. */
  place: (key?: string) => string;
  /** Where a relative path that `key` holds starts. */
  folder: (key: string) => string;
}

/** A robot as data. */
export interface Profile extends Omit<z.infer<typeof profileSchema>, "plugins"> {
  name: string;
  plugins: PluginEntry[];
}

/** Reads, merges and validates a profile; throws CONFIG_NOT_FOUND or CONFIG_INVALID naming file, table and key. */
export async function loadProfile(
  name: string,
  options: {
    env?: Record<string, string | undefined>;
    set?: readonly string[];
    /** Strongest of all: what the command line's own flags mean. */
    overrides?: Table;
    profilesFolder?: string;
  } = {},
): Promise<Profile> {
  const layers = await readLayers(name, {
    profilesFolder: options.profilesFolder ?? join(PACKAGE_FOLDER, "profiles"),
    env: options.env ?? process.env,
    set: options.set ?? [],
  });
  if (options.overrides)
    layers.push({ origin: "command line", folder: process.cwd(), table: options.overrides });
  return parseProfile(name, layers);
}

/** The same for settings that are in memory already, for tests and embedding. */
export function parseProfile(name: string, layers: Layer[]): Profile {
  const { table, origins } = mergeLayers(layers);
  const parsed = profileSchema.safeParse(table);
  if (!parsed.success) throw configError(parsed.error, [], table, origins, layers);
  const plugins: PluginEntry[] = [];
  for (const [id, settings] of Object.entries(parsed.data.plugins)) {
    const { use, enabled, required, setup_timeout_s, ...config } = settings;
    if (!enabled) continue;
    const place = (key?: string) => describePlace(["plugins", id, ...(key ? [key] : [])], origins, layers);
    const folder = (key: string) => origins.get(`plugins.${id}.${key}`)?.folder ?? process.cwd();
    const drivers = [use].flat().map((driver) => findDriver(driver, folder("use"), place("use")));
    plugins.push({ id, drivers, required, setupTimeoutMs: setup_timeout_s * 1000, config, place, folder });
  }
  const { budget } = parsed.data;
  const costFolder = origins.get("budget.state_file")?.folder;
  if (budget.state_file && costFolder !== undefined)
    budget.state_file = resolve(costFolder, budget.state_file);
  return { ...parsed.data, name, plugins };
}

/**
 * Validates a plugin's own keys against its schema; CONFIG_INVALID names file, table and key. Where `use` lists several
 * drivers, each takes those of the table's keys that it knows ({@link checkSharedKeys} looks for those that none does), and a
 * sub-table named after a driver is for that one alone.
 */
export function parsePluginConfig<S extends z.ZodObject>(
  schema: S,
  entry: PluginEntry,
  driver: Driver,
): z.infer<S> {
  const { config, tables } = driverTable(entry, driver, Object.keys(schema.shape));
  const parsed = schema.strict().safeParse(config);
  const keyOf = (key: string) => (tables.has(key) ? `${driver.use}.${key}` : key);
  if (parsed.success) {
    return resolvePaths(schema, parsed.data, (key) => entry.folder(keyOf(key))) as z.infer<S>;
  }
  const known = Object.keys(schema.shape);
  const place = (key?: string) => entry.place(key === undefined ? undefined : keyOf(key));
  const problems = parsed.error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => `${place(key)}: ${unknownKey(key, known)}`);
    const [key, ...rest] = issue.path.map(String);
    return [`${[place(key), ...rest].join(".")}: ${issue.message}`];
  });
  throw new MynaError("CONFIG_INVALID", problems.join("\n"));
}

/** Has a plugin look at what its valid config names; what it finds wrong names file, table and key. */
export async function checkPluginConfig(
  definition: PluginDefinition,
  entry: PluginEntry,
  driver: Driver,
): Promise<void> {
  const config = parsePluginConfig(definition.config, entry, driver);
  try {
    await definition.check?.(config);
  } catch (thrown) {
    const error = MynaError.from(thrown, "CONFIG_INVALID");
    const [, key, rest] = /^([a-z_]+): ([^]+)$/.exec(error.message) ?? [];
    const own = key !== undefined && key in definition.config.shape;
    const { tables } = driverTable(entry, driver, Object.keys(definition.config.shape));
    const place = entry.place(own && tables.has(key) ? `${driver.use}.${key}` : own ? key : undefined);
    throw new MynaError(error.code, `${place}: ${own ? rest : error.message}`, { cause: thrown });
  }
}

/** Keys of a table for several drivers that none of them knows; CONFIG_INVALID names them all. */
export function checkSharedKeys(entry: PluginEntry, schemas: z.ZodObject[]): void {
  if (entry.drivers.length < 2) return;
  const known = [...new Set(schemas.flatMap((schema) => Object.keys(schema.shape)))];
  const problems = Object.keys(sharedKeys(entry))
    .filter((key) => !known.includes(key))
    .map((key) => `${entry.place(key)}: ${unknownKey(key, known)}`);
  if (problems.length > 0) throw new MynaError("CONFIG_INVALID", problems.join("\n"));
}

function sharedKeys(entry: PluginEntry): Table {
  const names = new Set(entry.drivers.map((one) => one.use));
  return Object.fromEntries(Object.entries(entry.config).filter(([key]) => !names.has(key)));
}

function driverTable(
  entry: PluginEntry,
  driver: Driver,
  known: string[],
): { config: Table; tables: Set<string> } {
  if (entry.drivers.length < 2) return { config: entry.config, tables: new Set() };
  const shared = Object.entries(sharedKeys(entry)).filter(([key]) => known.includes(key));
  const own = entry.config[driver.use];
  const ownTable = isTable(own) ? own : {};
  return { config: { ...Object.fromEntries(shared), ...ownTable }, tables: new Set(Object.keys(ownTable)) };
}

function findDriver(use: string, folder: string, place: string): Driver {
  if (use.startsWith(".") || use.startsWith("/")) {
    const path = resolve(folder, use);
    const entry = [path, join(path, "index.ts"), join(path, "index.js")].find(
      (file) => existsSync(file) && /\.[cm]?[jt]s$/.test(file),
    );
    if (entry) return { use, entry };
    throw new MynaError(
      "PLUGIN_NOT_FOUND",
      `${place}: there is no plugin at ${path} (expected a .ts or .js file, or a folder with index.ts)`,
    );
  }
  const builtIn = join(PACKAGE_FOLDER, "plugins", use, "index.ts");
  if (existsSync(builtIn)) return { use, entry: builtIn };
  for (const from of [folder, process.cwd(), PACKAGE_FOLDER]) {
    try {
      return { use, entry: Bun.resolveSync(use, from) };
    } catch {
      continue;
    }
  }
  const known = [...new Bun.Glob("*/index.ts").scanSync(join(PACKAGE_FOLDER, "plugins"))].map(
    (file) => file.split("/")[0] ?? "",
  );
  throw new MynaError(
    "PLUGIN_NOT_FOUND",
    `${place}: there is no driver "${use}"${suggestion(use, known)}; built in are: ${known.sort().join(", ")}`,
  );
}

function configError(
  error: z.ZodError,
  prefix: string[],
  table: Table,
  origins: Map<string, Layer>,
  layers: Layer[],
): MynaError {
  const problems = error.issues.map((issue) => {
    const path = [...prefix, ...issue.path.map(String)];
    if (issue.code === "unrecognized_keys") {
      const known = knownKeys(path);
      return issue.keys
        .map((key) => `${describePlace([...path, key], origins, layers)}: ${unknownKey(key, known)}`)
        .join("\n");
    }
    const missing = lookUp(table, path) === undefined;
    return `${describePlace(path, origins, layers)}: ${missing ? "is missing" : issue.message}`;
  });
  return new MynaError("CONFIG_INVALID", problems.join("\n"));
}

function knownKeys(path: string[]): string[] {
  let schema: unknown = profileSchema;
  for (const key of path) schema = shapeOf(schema)[key];
  return Object.keys(shapeOf(schema));
}

function shapeOf(schema: unknown): Record<string, unknown> {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional)
    inner = inner.unwrap();
  return inner instanceof z.ZodObject ? inner.shape : {};
}

function lookUp(table: Table, path: string[]): unknown {
  let at: unknown = table;
  for (const key of path) at = isTable(at) ? at[key] : Array.isArray(at) ? at[Number(key)] : undefined;
  return at;
}

/** "profiles/x.toml: [plugins.mic] device", from the layer that set the key, else from the nearest table above. */
function describePlace(path: string[], origins: Map<string, Layer>, layers: Layer[]): string {
  let layer: Layer | undefined;
  for (let length = path.length; length > 0 && !layer; length--)
    layer = origins.get(path.slice(0, length).join("."));
  const tableLength = path[0] === "plugins" ? 2 : path[0] === "session" && path.length > 2 ? 2 : 1;
  const table = path.slice(
    0,
    Math.min(tableLength, Math.max(path.length - 1, path[0] === "plugins" ? 2 : 0)),
  );
  const key = path.slice(table.length).join(".");
  const origin = (layer ?? layers.at(-1))?.origin ?? "profile";
  return [`${origin}:`, table.length > 0 ? `[${table.join(".")}]` : "", key].filter(Boolean).join(" ");
}

function unknownKey(key: string, known: string[]): string {
  return `unknown key${suggestion(key, known)}; known are: ${known.sort().join(", ") || "none"}`;
}

/** ', did you mean "x"?' for a near miss. */
function suggestion(word: string, known: string[]): string {
  const near = known
    .map((name) => ({ name, distance: editDistance(word, name) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= Math.max(2, word.length / 3) ? `, did you mean "${near.name}"?` : "";
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
