import { resolve } from "node:path";
import { z } from "zod";

/** Mark of a key in its schema. */
const PATH_MARK = "myna_path";

/**
 * Schema of a plugin's key that names a file or a folder. A relative path starts at the folder of the profile file that sets
 * the key (at the working directory for `--set` and the environment), and `ctx.config` has it absolute. With `orName` a value
 * without "/" and "." is a name and stays as it is.
 */
export function filePath(options: { orName?: boolean } = {}): z.ZodString {
  return z
    .string()
    .min(1)
    .meta({ [PATH_MARK]: options.orName ? "or-name" : "path" });
}

/** Makes the paths among `values` absolute; `folderOf` tells where a key's relative path starts. */
export function resolvePaths<T extends Record<string, unknown>>(
  schema: z.ZodObject,
  values: T,
  folderOf: (key: string) => string,
): T {
  const resolved: Record<string, unknown> = { ...values };
  for (const [key, field] of Object.entries(schema.shape)) {
    const value = values[key];
    const mark = pathMark(field);
    if (mark === undefined || typeof value !== "string") continue;
    if (mark === "or-name" && !/[/.]/.test(value)) continue;
    resolved[key] = resolve(folderOf(key), value);
  }
  return resolved as T;
}

function pathMark(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) {
    inner = inner.unwrap();
  }
  return inner instanceof z.ZodType ? inner.meta()?.[PATH_MARK] : undefined;
}
