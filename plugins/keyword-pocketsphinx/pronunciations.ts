import { readFileSync } from "node:fs";

/** Ways to say each of the wanted words in ARPAbet, most usual first; what the dictionary does not know is not in it. */
export function pronunciations(dictionary: string, wanted: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of readFileSync(dictionary, "latin1").split("\n")) {
    const blank = line.indexOf(" ");
    const word = line.slice(0, blank).replace(/\(\d+\)$/, "");
    if (!wanted.has(word)) continue;
    found.set(word, [...(found.get(word) ?? []), line.slice(blank + 1).trim()]);
  }
  return found;
}
