import { isTable } from "../profile-source.ts";
import type { Layer, Table } from "../profile-source.ts";
import type { TomlEdits, TomlValue } from "./toml-edit.ts";

/** The keys of these plugins' tables that `--set` names: what was measured with them holds for a start that has them too. */
export function chosenKeys(layers: readonly Layer[], ids: ReadonlySet<string>): TomlEdits {
  const edits: TomlEdits = {};
  for (const { origin, table } of layers) {
    if (origin !== "--set" || !isTable(table["plugins"])) continue;
    for (const [id, keys] of Object.entries(table["plugins"])) {
      if (ids.has(id) && isTable(keys)) collect(edits, `plugins.${id}`, keys);
    }
  }
  return edits;
}

/** Both, key by key; the second one counts where they differ. */
export function joinEdits(first: TomlEdits, second: TomlEdits): TomlEdits {
  const joined: TomlEdits = { ...first };
  for (const [table, keys] of Object.entries(second)) {
    joined[table] = keys && joined[table] ? { ...joined[table], ...keys } : keys;
  }
  return joined;
}

function collect(edits: TomlEdits, path: string, table: Table): void {
  for (const [key, value] of Object.entries(table)) {
    if (isTable(value)) collect(edits, `${path}.${key}`, value);
    else edits[path] = { ...edits[path], [key]: value as TomlValue };
  }
}
