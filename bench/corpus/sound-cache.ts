import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FOLDER = join(tmpdir(), "myna-audio-corpus");

/**
 * PCM16 mono 24 kHz that shell commands make: `command` writes it to stdout as raw samples. Made once for each command and
 * kept in the temporary folder. Throws with the program's message, and the Debian packages it comes from.
 */
export function madeSound(command: readonly string[], input?: readonly string[]): Int16Array {
  mkdirSync(FOLDER, { recursive: true });
  const key = Bun.hash(JSON.stringify([command, input ?? []])).toString(36);
  const file = join(FOLDER, `${key}.s16`);
  if (!existsSync(file)) {
    const fed = input && run(input, undefined);
    const part = `${file}.${process.pid}`;
    writeFileSync(part, run(command, fed));
    renameSync(part, file);
  }
  const bytes = readFileSync(file);
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
}

function run(command: readonly string[], stdin: Uint8Array | undefined): Uint8Array {
  const name = command[0] as string;
  if (!Bun.which(name))
    throw new Error(`${name} is missing: install the Debian packages espeak-ng, flite and sox`);
  const child = Bun.spawnSync([...command], { ...(stdin && { stdin }), stdout: "pipe", stderr: "pipe" });
  if (child.exitCode !== 0 || child.stdout.length === 0)
    throw new Error(`${command.join(" ")}: ${child.stderr.toString().trim() || "made no sound"}`);
  return child.stdout;
}
