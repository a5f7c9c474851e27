import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * The emergency stop as a file beside the robot's lock: it holds, whoever dies and is started again, until it is released. That it is
 * there counts, whatever it says.
 */
export class LatchFile {
  readonly #own: string;
  readonly #all: readonly string[];

  /** `socket` is that of the robot's lock; another process may have left its file in another of `folders`. */
  constructor(folders: readonly string[], socket: string) {
    this.#own = socket.replace(/\.sock$/, ".latch");
    this.#all = [...new Set([this.#own, ...folders.map((folder) => join(folder, basename(this.#own)))])];
  }

  /** Why nothing may move; undefined when free. */
  read(): string | undefined {
    for (const path of this.#all) {
      try {
        return readFileSync(path, "utf8").trim() || "an emergency stop";
      } catch (error) {
        // Of a folder that is not ours to read nobody knows what it holds, and nobody could release it.
        if (path === this.#own && !isMissing(error)) return "an emergency stop";
      }
    }
    return undefined;
  }

  /** Undefined releases. Throws where the file cannot be written, or removed. */
  write(reason: string | undefined): void {
    if (reason === undefined) for (const path of this.#all) rmSync(path, { force: true });
    else writeFileSync(this.#own, `${reason}\n`, { mode: 0o644 });
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "ENOENT" || code === "ENOTDIR";
}
