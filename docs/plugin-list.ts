import { join } from "node:path";
import type { PluginDefinition } from "myna";

const PLUGINS = join(import.meta.dir, "..", "plugins");

/** Names of the plugins that ship with Myna, sorted. */
export function pluginNames(): string[] {
  const files = [...new Bun.Glob("*/index.ts").scanSync(PLUGINS)];
  return files.map((file) => file.split("/")[0] ?? "").sort();
}

/** A shipped plugin's definition. */
export async function pluginDefinition(name: string): Promise<PluginDefinition> {
  const module = (await import(join(PLUGINS, name, "index.ts"))) as { default: PluginDefinition };
  return module.default;
}
