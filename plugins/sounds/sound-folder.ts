import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, parse, resolve } from "node:path";
import { decodeWav, MynaError } from "myna";

/** What a folder of WAV files holds: the sounds that can be played, and why others cannot. */
export interface FolderSounds {
  sounds: Map<string, Int16Array>;
  problems: string[];
}

/**
 * Reads every `*.wav` of a folder; a sound is named after its file, with spaces for
 * `_` and `-`. CONFIG_NOT_FOUND names `setting` when there is no such folder; a file that is not a usable WAV becomes a problem.
 */
export function readSoundFolder(folder: string, setting = "dir"): FolderSounds {
  const path = resolve(folder);
  if (!existsSync(path) || !statSync(path).isDirectory())
    throw new MynaError("CONFIG_NOT_FOUND", `${setting}: there is no folder ${path}`);
  const sounds = new Map<string, Int16Array>();
  const problems: string[] = [];
  for (const file of readdirSync(path).sort()) {
    const { name, ext } = parse(file);
    if (ext.toLowerCase() !== ".wav") continue;
    try {
      const { pcm } = decodeWav(readFileSync(join(path, file)));
      sounds.set(name.toLowerCase().replace(/[_-]+/g, " "), pcm);
    } catch (error) {
      problems.push(`${file}: ${MynaError.from(error, "AUDIO_FORMAT").message}`);
    }
  }
  return { sounds, problems };
}
