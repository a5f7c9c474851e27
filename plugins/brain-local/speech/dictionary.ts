import { readFileSync } from "node:fs";
import { accents } from "./accents.ts";
import { letterSounds } from "./letter-sounds.ts";
import { DICTIONARY } from "./sphinx-library.ts";

/** Ways to say a word, ARPAbet without stress, by word; kept for the process. */
const known = new Map<string, readonly string[]>();

/**
 * The ways to say each word, from the pronouncing dictionary of the model (CMUdict: one `word PHONES` or
 * `word(2) PHONES` a line). A word that it does not have is pronounced by its letters. Reads the file once per call that
 * brings a new word, some 30 ms.
 */
export function pronunciations(words: Iterable<string>): Map<string, readonly string[]> {
  const wanted = new Set(words);
  const fresh = new Set([...wanted].filter((word) => !known.has(word)));
  if (fresh.size > 0) {
    for (const [word, sounds] of lookUp(fresh)) {
      known.set(word, [...new Set([...sounds, ...sounds.flatMap(accents)])]);
    }
  }
  return new Map(Array.from(wanted, (word) => [word, known.get(word) ?? []]));
}

/** True for a word that only the letters told how to say. */
export function isGuessed(word: string): boolean {
  return guessed.has(word);
}

const guessed = new Set<string>();

function lookUp(words: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const text = readFileSync(DICTIONARY, "latin1");
  for (let start = 0; start < text.length;) {
    const lineEnd = text.indexOf("\n", start);
    const end = lineEnd < 0 ? text.length : lineEnd;
    const blank = text.indexOf(" ", start);
    const entry = text.slice(start, blank);
    const bracket = entry.indexOf("(");
    const word = bracket > 0 ? entry.slice(0, bracket) : entry;
    if (words.has(word)) {
      const sounds = text.slice(blank + 1, end).trim();
      const ways = found.get(word);
      if (ways) ways.push(sounds);
      else found.set(word, [sounds]);
    }
    start = end + 1;
  }
  for (const word of words) {
    if (found.has(word)) continue;
    found.set(word, [letterSounds(word)]);
    guessed.add(word);
  }
  return found;
}
