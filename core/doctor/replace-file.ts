import { existsSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { MynaError } from "../errors.ts";
import { shown } from "../profile-source.ts";

/** Writes a file whole or not at all, its mode as it was: whoever loses power meanwhile has the old one. CONFIG_INVALID where it cannot be written. */
export function replaceFile(file: string, text: string): void {
  const next = `${file}.${process.pid}.new`;
  try {
    writeFileSync(next, text, { flush: true, mode: existsSync(file) ? statSync(file).mode : 0o644 });
    renameSync(next, file);
  } catch (cause) {
    rmSync(next, { force: true });
    const message = `${shown(file)} cannot be written: ${(cause as Error).message}`;
    throw new MynaError("CONFIG_INVALID", message, { cause });
  }
}
