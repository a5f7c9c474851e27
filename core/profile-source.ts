import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { MynaError } from "./errors.ts";
import { sessionEnvironment } from "./realtime/environment.ts";

/** A TOML table. */
export type Table = { [key: string]: unknown };

/** One layer of settings: a file, the environment or the command line. */
export interface Layer {
  /** File path as the user would write it, "environment" or "--set". */
  origin: string;
  /** Folder that relative paths in this layer start from. */
  folder: string;
  table: Table;
}

/** Environment variables beginning with this set profile keys: `MYNA_SESSION__MODEL=x` is `session.model = "x"`. */
const ENV_PREFIX = "MYNA_";
/** Set by the session itself or by scripts, not profile keys. */
const ENV_IGNORED = new Set(["MYNA_LOG_LEVEL"]);

/**
 * The layers of a profile, weakest first: what it extends, itself, local.toml beside it, the environment (variables that
 * others have named, then `MYNA_…`), `--set`.
 */
export async function readLayers(
  profile: string,
  options: { profilesFolder: string; env: Record<string, string | undefined>; set: readonly string[] },
): Promise<Layer[]> {
  const file = findProfile(profile, options.profilesFolder);
  const layers = await readChain(file, options.profilesFolder, []);
  const local = join(dirname(file), "local.toml");
  if (existsSync(local) && local !== file) layers.push(await readLayer(local));
  const named = sessionLayer(layers, options);
  if (named) layers.push(named);
  const environment = environmentLayer(options.env);
  if (environment) layers.push(environment);
  for (const assignment of options.set) layers.push(setLayer(assignment));
  return layers;
}

/** Names of the profiles in a folder, without base and local. */
export function listProfiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return [...new Bun.Glob("*.toml").scanSync(folder)]
    .map((file) => file.replace(/\.toml$/, ""))
    .filter((name) => name !== "base" && name !== "local")
    .sort();
}

/** `place` is put before the message where a file names the profile. */
function findProfile(profile: string, folder: string, place = ""): string {
  const isPath = profile.endsWith(".toml") || profile.includes("/");
  const file = isPath ? resolve(profile) : join(folder, `${profile}.toml`);
  if (existsSync(file)) return file;
  const known = listProfiles(folder).join(", ") || "none";
  const hint = isPath
    ? ""
    : `; there are: ${known}; a profile of your own is given as a path: ./my-robot.toml`;
  throw new MynaError(
    "CONFIG_NOT_FOUND",
    `${place}there is no profile "${profile}" (looked for ${shown(file)})${hint}`,
  );
}

async function readChain(file: string, folder: string, seen: string[]): Promise<Layer[]> {
  if (seen.includes(file)) {
    throw new MynaError(
      "CONFIG_INVALID",
      `${shown(file)}: extends: goes round in a circle (${seen.map(shown).join(" → ")})`,
    );
  }
  const layer = await readLayer(file);
  const parent = layer.table["extends"];
  delete layer.table["extends"];
  if (parent === undefined) return [layer];
  if (typeof parent !== "string")
    throw new MynaError("CONFIG_INVALID", `${layer.origin}: extends: expected a profile name in quotes`);
  const beside = resolve(dirname(file), parent.endsWith(".toml") ? parent : `${parent}.toml`);
  const parentFile = existsSync(beside) ? beside : findProfile(parent, folder, `${layer.origin}: extends: `);
  return [...(await readChain(parentFile, folder, [...seen, file])), layer];
}

async function readLayer(file: string): Promise<Layer> {
  try {
    return {
      origin: shown(file),
      folder: dirname(file),
      table: Bun.TOML.parse(readFileSync(file, "utf8")) as Table,
    };
  } catch (cause) {
    const place = await syntaxErrorPlace(file);
    const message = place?.message ?? (Error.isError(cause) ? cause.message : String(cause));
    const where = place ? `${shown(file)}:${place.line}:${place.column}` : shown(file);
    throw new MynaError(
      "CONFIG_INVALID",
      `${where}: not valid TOML: ${message.replace(/^TOML Parse error: /, "")}`,
      { cause },
    );
  }
}

/** Bun's TOML.parse names no line; its module loader does. */
async function syntaxErrorPlace(
  file: string,
): Promise<{ line: number; column: number; message: string } | undefined> {
  try {
    await import(file, { with: { type: "toml" } });
    return undefined;
  } catch (error) {
    const { position, message } = error as { position?: { line: number; column: number }; message: string };
    return position ? { line: position.line, column: position.column, message } : undefined;
  }
}

function environmentLayer(env: Record<string, string | undefined>): Layer | undefined {
  const table: Table = {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX) || ENV_IGNORED.has(name) || text === undefined || !name.includes("__"))
      continue;
    assign(table, name.slice(ENV_PREFIX.length).toLowerCase().split("__"), parseValue(text), name);
  }
  return Object.keys(table).length > 0 ? { origin: "environment", folder: process.cwd(), table } : undefined;
}

/** What variables like OPENAI_BASE_URL say; weaker than all that is set by name. */
function sessionLayer(
  files: readonly Layer[],
  { env, set }: { env: Record<string, string | undefined>; set: readonly string[] },
): Layer | undefined {
  const environment = environmentLayer(env);
  const all = [...files, ...(environment ? [environment] : []), ...set.map(setLayer)];
  const { session } = mergeLayers(all).table;
  const namesService = isTable(session) && Boolean(session["service"]);
  const table = sessionEnvironment(env, { namesService });
  if (Object.keys(table).length === 0) return undefined;
  return { origin: "environment", folder: process.cwd(), table: { session: table } };
}

function setLayer(assignment: string): Layer {
  const equals = assignment.indexOf("=");
  const path = assignment.slice(0, equals).trim();
  if (equals < 1 || !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(path)) {
    throw new MynaError(
      "CONFIG_INVALID",
      `--set ${assignment}: expected key.path=value, such as plugins.mic.device="USB"`,
    );
  }
  const table: Table = {};
  assign(table, path.split("."), parseValue(assignment.slice(equals + 1).trim()), "--set");
  return { origin: "--set", folder: process.cwd(), table };
}

/** A TOML value where the text is one, else the text itself. */
function parseValue(text: string): unknown {
  try {
    return (Bun.TOML.parse(`value = ${text}`) as { value: unknown }).value;
  } catch {
    return text;
  }
}

function assign(table: Table, path: string[], value: unknown, origin: string): void {
  let at = table;
  for (const key of path) refuseProto(key, `${origin}: ${path.join(".")}`);
  for (const key of path.slice(0, -1)) {
    const next = at[key];
    at = (isTable(next) ? next : (at[key] = {})) as Table;
  }
  at[path.at(-1) ?? ""] = value;
}

/** Layers as one table; `origins` tells for each dotted key which layer it came from. */
export function mergeLayers(layers: Layer[]): { table: Table; origins: Map<string, Layer> } {
  const origins = new Map<string, Layer>();
  const table: Table = {};
  for (const layer of layers) mergeInto(table, layer.table, "", layer, origins);
  return { table, origins };
}

function mergeInto(into: Table, from: Table, path: string, layer: Layer, origins: Map<string, Layer>): void {
  for (const [key, value] of Object.entries(from)) {
    const dotted = path ? `${path}.${key}` : key;
    refuseProto(key, `${layer.origin}: ${dotted}`);
    origins.set(dotted, layer);
    const present = into[key];
    if (isTable(value)) {
      into[key] = isTable(present) ? present : {};
      mergeInto(into[key] as Table, value, dotted, layer, origins);
    } else {
      into[key] = value;
    }
  }
}

/** The one key that would not be set but change every table. */
function refuseProto(key: string, place: string): void {
  if (key === "__proto__")
    throw new MynaError("CONFIG_INVALID", `${place}: a key cannot be named "__proto__"`);
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A path as short as it can be said from here. */
export function shown(path: string): string {
  const cwd = process.cwd() + "/";
  return isAbsolute(path) && path.startsWith(cwd) ? path.slice(cwd.length) : path;
}
