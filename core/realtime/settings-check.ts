import { FORMAT_FAULTS } from "./settings-formats.ts";
import { isRecord } from "./ga-fields.ts";

/** The part of JSON Schema that `session-schema.json` is written in. */
export interface SettingsSchema {
  type: "object" | "array" | "string" | "number" | "integer" | "boolean";
  default?: unknown;
  properties?: Record<string, SettingsSchema>;
  items?: SettingsSchema;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  pattern?: string;
  /** A key of {@link FORMAT_FAULTS}; any other adds nothing. */
  format?: string;
}

/**
 * The value with its defaults, checked without zod, which takes 12 MB; `faults` gets a line for each part that is wrong. No
 * text of the value is repeated: it may be a secret in the wrong place.
 */
export function checked(schema: SettingsSchema, given: unknown, path: string, faults: string[]): unknown {
  const value = given === undefined ? schema.default : given;
  if (value === undefined) return undefined;
  const wrong = fault(schema, value);
  if (wrong !== undefined) faults.push(`${path}: ${wrong}`);
  else if (schema.items)
    return (value as unknown[]).map((one, i) => part(schema.items, one, i, path, faults));
  else if (schema.properties) return table(schema.properties, value as object, path, faults);
  else if (schema.format?.endsWith("-url")) return (value as string).trim();
  return value;
}

function table(
  properties: Record<string, SettingsSchema>,
  value: object,
  path: string,
  faults: string[],
): object {
  const whole: Record<string, unknown> = {};
  for (const key of Object.keys(value))
    if (!Object.hasOwn(properties, key)) faults.push(`${path}.${key}: there is no such option`);
  for (const [key, schema] of Object.entries(properties)) {
    const one = part(schema, (value as Record<string, unknown>)[key], key, path, faults);
    if (one !== undefined) whole[key] = one;
  }
  return whole;
}

function part(
  schema: SettingsSchema | undefined,
  value: unknown,
  key: string | number,
  path: string,
  faults: string[],
): unknown {
  return schema && checked(schema, value, path === "" ? String(key) : `${path}.${key}`, faults);
}

/** What is wrong with the value itself, not with what it holds. */
function fault(schema: SettingsSchema, value: unknown): string | undefined {
  const { type, minimum = -Infinity, maximum = Infinity, minLength = 0, pattern, format = "" } = schema;
  if (schema.enum)
    return schema.enum.includes(value)
      ? undefined
      : `expected ${schema.enum.map((one) => JSON.stringify(one)).join(" or ")}`;
  switch (type) {
    case "object":
      return isRecord(value) ? undefined : "expected an object";
    case "array":
      return Array.isArray(value) ? undefined : "expected a list";
    case "boolean":
      return typeof value === "boolean" ? undefined : "expected true or false";
    case "string": {
      if (typeof value !== "string") return "expected a text";
      if (value.length < minLength) return "expected a text that is not empty";
      const wrong = FORMAT_FAULTS[format]?.(value);
      return wrong ?? (pattern && !new RegExp(pattern).test(value) ? `expected ${pattern}` : undefined);
    }
    default: {
      const kind = type === "integer" ? "a whole number" : "a number";
      const fits = type === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
      if (fits && (value as number) >= minimum && (value as number) <= maximum) return undefined;
      const low = minimum === -Infinity ? "" : ` from ${minimum}`;
      return `expected ${kind}${low}${maximum >= Number.MAX_SAFE_INTEGER ? " on" : ` to ${maximum}`}`;
    }
  }
}
