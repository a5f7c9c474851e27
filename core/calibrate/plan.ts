import type { TomlEdits, TomlValue } from "../doctor/toml-edit.ts";
import { loadPlugin } from "../loader.ts";
import type { PluginDefinition } from "../plugin.ts";
import { checkPluginConfig } from "../profile.ts";
import type { PluginEntry, Profile } from "../profile.ts";
import type { Table } from "../profile-source.ts";

/** A step, and whose it is. */
export interface PlannedStep {
  entry: PluginEntry;
  name: string;
  title: string;
}

/** The plugins of a profile that have steps, and what these need. */
export class CalibrationPlan {
  readonly steps: PlannedStep[] = [];
  readonly #definitions = new Map<PluginEntry, PluginDefinition>();

  /** Throws what `--check` says of a plugin that cannot be loaded or is set wrongly. */
  static async of(profile: Profile): Promise<CalibrationPlan> {
    const plan = new CalibrationPlan();
    for (const entry of profile.plugins) {
      const driver = entry.drivers[0]!;
      const loaded = await loadPlugin(driver.entry, () => {});
      try {
        await checkPluginConfig(loaded.definition, entry, driver);
      } finally {
        loaded.dispose();
      }
      plan.#definitions.set(entry, loaded.definition);
      for (const [name, { title }] of Object.entries(loaded.definition.calibrate ?? {}))
        plan.steps.push({ entry, name, title });
    }
    return plan;
  }

  /** Tables of the plugins that a step's plugin needs, itself included, in the profile's order. */
  needed(step: PlannedStep): Set<string> {
    const found = new Set<PluginEntry>();
    const visit = (entry: PluginEntry): void => {
      if (found.has(entry)) return;
      found.add(entry);
      for (const service of this.#definitions.get(entry)?.requires ?? []) {
        const provider = this.#provider(service);
        if (provider) visit(provider);
      }
    };
    visit(step.entry);
    return new Set([...found].map(({ id }) => id));
  }

  /** The table of whoever provides `service`, with those of `keys` that it has; undefined where there is none of them. */
  tableOf(
    service: string,
    keys: Record<string, TomlValue>,
  ): { id: string; keys: Record<string, TomlValue> } | undefined {
    const entry = this.#provider(service);
    const shape = entry && this.#definitions.get(entry)!.config.shape;
    const known = Object.entries(keys).filter(([key]) => shape && key in shape);
    return entry && known.length > 0 ? { id: entry.id, keys: Object.fromEntries(known) } : undefined;
  }

  #provider(service: string): PluginEntry | undefined {
    return [...this.#definitions].find(([, { provides }]) => provides?.some((one) => one === service))?.[0];
  }
}

/** Edits of `[plugins.…]` tables as a layer of a profile. */
export function layerOf(edits: TomlEdits): Table {
  const plugins = Object.entries(edits).map(([table, keys]) => [
    table.replace(/^plugins\./, ""),
    { ...keys },
  ]);
  return plugins.length > 0 ? { plugins: Object.fromEntries(plugins) as Table } : {};
}
