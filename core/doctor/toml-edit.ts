import { MynaError } from "../errors.ts";
import { isTable } from "../profile-source.ts";
import type { Table } from "../profile-source.ts";

/** What a key is to be. */
export type TomlValue = string | number | boolean | readonly TomlValue[];

/** Keys of tables, by the table's dotted name; null takes a table away. */
export type TomlEdits = Record<string, Record<string, TomlValue> | null>;

/**
 * The text of a TOML file with some keys set, everything else, comments included, as it was. Throws CONFIG_INVALID where the
 * file is written in a way that cannot be edited so.
 */
export function editToml(text: string, edits: TomlEdits): string {
  let lines = text.split("\n");
  for (const [table, keys] of Object.entries(edits))
    lines = keys ? setKeys(lines, table, keys) : without(lines, table);
  const edited = `${lines.join("\n").trimEnd()}\n`;
  let parsed: Table;
  try {
    parsed = Bun.TOML.parse(edited) as Table;
  } catch (cause) {
    throw new MynaError("CONFIG_INVALID", "the file cannot be edited: write the keys into it yourself", {
      cause,
    });
  }
  for (const [table, keys] of Object.entries(edits)) {
    const found = table.split(".").reduce<unknown>((at, key) => (isTable(at) ? at[key] : undefined), parsed);
    const right = keys
      ? isTable(found) && Object.entries(keys).every(([key, value]) => Bun.deepEquals(found[key], value))
      : found === undefined;
    if (!right)
      throw new MynaError(
        "CONFIG_INVALID",
        `[${table}] cannot be edited: write its keys into the file yourself`,
      );
  }
  return edited;
}

function setKeys(lines: string[], table: string, keys: Record<string, TomlValue>): string[] {
  const place = tablePlace(lines, table);
  if (!place) {
    const added = Object.entries(keys).map(([key, value]) => `${key} = ${literal(value)}`);
    const before = lines.join("\n").trimEnd();
    return [...(before === "" ? [] : [...before.split("\n"), ""]), `[${table}]`, ...added];
  }
  const body = lines.slice(place.from + 1, place.to);
  const missing: string[] = [];
  for (const [key, value] of Object.entries(keys)) {
    const line = `${key} = ${literal(value)}`;
    const at = body.findIndex((text) => text.replace(/\s*=.*$/, "").trim() === key);
    if (at < 0) missing.push(line);
    else body[at] = `${line}${commentOf(body[at]!)}`;
  }
  return [...lines.slice(0, place.from + 1), ...missing, ...body, ...lines.slice(place.to)];
}

/** Strings, numbers and booleans are in JSON what they are in TOML. */
function literal(value: TomlValue): string {
  return Array.isArray(value) ? `[${value.map(literal).join(", ")}]` : JSON.stringify(value);
}

/** " # …" at the end of a line, outside of strings. */
function commentOf(line: string): string {
  return /^(?:[^"'#]|"(?:[^"\\]|\\.)*"|'[^']*')*?(\s*#.*)$/.exec(line)?.[1] ?? "";
}

function without(lines: string[], table: string): string[] {
  const place = tablePlace(lines, table);
  return place ? [...lines.slice(0, place.from), ...lines.slice(place.to)] : lines;
}

function tablePlace(lines: string[], table: string): { from: number; to: number } | null {
  const from = lines.findIndex((line) => /^\s*\[([^[\]]+)\]/.exec(line)?.[1]?.trim() === table);
  if (from < 0) return null;
  const next = lines.findIndex((line, at) => at > from && /^\s*\[/.test(line));
  return { from, to: next < 0 ? lines.length : next };
}
