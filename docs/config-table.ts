import { z } from "zod";

/** One key of a settings table. */
export interface ConfigKey {
  key: string;
  type: string;
  /** As TOML; "" where the key has to be given, "–" where it may be left out. */
  default: string;
  meaning: string;
}

/** The part of JSON Schema that the tables show. */
interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  default?: unknown;
  description?: string;
}

/** The keys of a zod object, in their order; those of tables inside it as `table.key`. */
export function configKeys(schema: z.ZodObject): ConfigKey[] {
  return keysOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Schema, "");
}

function keysOf(schema: Schema, prefix: string): ConfigKey[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const key = `${prefix}${name}`;
    const inner = property.properties ? property : undefined;
    if (inner) return keysOf(inner, `${key}.`);
    const required = schema.required?.includes(name) ?? false;
    return [
      {
        key,
        type: typeText(property),
        default: property.default === undefined ? (required ? "" : "–") : tomlText(property.default),
        meaning: property.description ?? "",
      },
    ];
  });
}

function typeText(schema: Schema): string {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeText))].join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.type === "array") return `list of ${schema.items ? typeText(schema.items) : "values"}`;
  if (schema.type === "object") return objectText(schema);
  if (schema.type === "number" || schema.type === "integer")
    return [schema.type, rangeText(schema)].join(" ").trim();
  return schema.type === undefined ? "any value" : [schema.type].flat().join(" or ");
}

function objectText({ properties, additionalProperties }: Schema): string {
  if (properties) return `{ ${Object.keys(properties).join(", ")} }`;
  return typeof additionalProperties === "object" ? `table of ${typeText(additionalProperties)}` : "table";
}

function rangeText({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const low = minimum !== undefined && Math.abs(minimum) < 2 ** 53 - 1 ? minimum : undefined;
  const high = maximum !== undefined && Math.abs(maximum) < 2 ** 53 - 1 ? maximum : undefined;
  if (low !== undefined && high !== undefined) return `${low} to ${high}`;
  if (exclusiveMinimum !== undefined && high !== undefined) return `> ${exclusiveMinimum} to ${high}`;
  return [
    low === undefined ? "" : `≥ ${low}`,
    exclusiveMinimum === undefined ? "" : `> ${exclusiveMinimum}`,
    high === undefined ? "" : `≤ ${high}`,
    exclusiveMaximum === undefined ? "" : `< ${exclusiveMaximum}`,
  ]
    .filter(Boolean)
    .join(" ");
}

function tomlText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlText).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, one]) => `${key} = ${tomlText(one)}`);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}

/** Rows of the config table in a plugin's README: key → the cells after it. Empty where there is no such table. */
export function readmeTable(
  markdown: string,
): Map<string, { type: string; default: string; meaning: string }> {
  const rows = new Map<string, { type: string; default: string; meaning: string }>();
  let inside = false;
  for (const line of markdown.split("\n")) {
    if (/^\|\s*key\s*\|\s*type\s*\|\s*default\s*\|\s*meaning\s*\|/i.test(line)) inside = true;
    else if (inside && !line.startsWith("|")) inside = false;
    else if (inside && !/^\|[\s:|-]+$/.test(line)) {
      const [key = "", type = "", preset = "", ...rest] = cells(line);
      rows.set(key.replaceAll("`", ""), { type, default: preset, meaning: rest.join(" | ") });
    }
  }
  return rows;
}

/** Cells of a Markdown table row; an escaped bar is part of a cell. */
export function cells(row: string): string[] {
  const inner = row.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim());
}

/** A Markdown table, its columns as wide as `bun fmt` makes them. */
export function markdownTable(head: string[], rows: string[][]): string {
  const line = (row: string[]) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
