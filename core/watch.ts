import { existsSync, watch } from "node:fs";
import { dirname, sep } from "node:path";

/** Editors write a file in several steps; a change counts when the folder has been quiet for this long. */
const QUIET_MS = 25;
/** Hidden folders, what editors leave behind, and what a robot records or logs: no code of a plugin. */
const IGNORED = /(^|[\\/])(node_modules([\\/]|$)|\.)|~$|\.(swp|tmp|md|wav|jpe?g|log|jsonl)$/;

/**
 * Calls `changed` when a file beside `entry` or below its folder changes. The folder is watched, not the file: a watch on a
 * file ends when an editor replaces it. Answers a function that ends the watch.
 */
export function watchFolder(entry: string, changed: () => void): () => void {
  const folder = dirname(entry);
  if (!existsSync(folder) || folder.includes(`${sep}node_modules${sep}`)) return () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watcher = watch(folder, { recursive: true }, (_, file) => {
    if (file && IGNORED.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET_MS);
  });
  watcher.on("error", () => {});
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
