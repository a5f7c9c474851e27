import { MynaError } from "myna";
import { readFileSync } from "node:fs";
import type { Phrase } from "./sphinx.ts";

/** What a phrase is for. */
export type Role = "stop" | "wake";

/** A phrase as the profile has it, in one of the ways to say it. */
export interface Keyword extends Phrase {
  /** As it was written in the profile. */
  name: string;
  role: Role;
}

/** The settings that say what is listened for. */
export interface KeywordSettings {
  stop_words: readonly string[];
  wake_words: readonly string[];
  thresholds: Readonly<Record<string, number>>;
  sounds: Readonly<Record<string, readonly string[]>>;
}

/** Short words need a stricter threshold: measured in docs/echo.md. */
const ONE_WORD_THRESHOLD = -10;
const PHRASE_THRESHOLD = -30;
/** How many ways to say a word are taken from the dictionary. */
const MOST_WAYS = 3;

/** All phrases with their sounds; throws CONFIG_INVALID naming a word that the dictionary does not know. */
export function keywords(settings: KeywordSettings, dictionary: string): Keyword[] {
  const names = [...settings.stop_words, ...settings.wake_words].map(plain);
  const wanted = new Set(names.flatMap((name) => name.split(" ")));
  const ways = pronunciations(dictionary, wanted);
  for (const [word, sounds] of Object.entries(settings.sounds)) ways.set(plain(word), [...sounds]);
  const list: Keyword[] = [];
  const add = (written: string, role: Role) => {
    const name = plain(written);
    const words = name.split(" ");
    const threshold =
      settings.thresholds[written] ?? (words.length === 1 ? ONE_WORD_THRESHOLD : PHRASE_THRESHOLD);
    for (const sounds of combinations(words.map((word) => waysOf(word, ways)))) {
      const text = words.map((_, at) => `${letters(list.length)}-${letters(at)}`).join(" ");
      list.push({ name: written, role, text, sounds, threshold });
    }
  };
  for (const word of settings.stop_words) add(word, "stop");
  for (const word of settings.wake_words) add(word, "wake");
  return list;
}

function waysOf(word: string, ways: Map<string, string[]>): string[] {
  const known = ways.get(word);
  if (known?.length) return known.slice(0, MOST_WAYS);
  throw new MynaError(
    "CONFIG_INVALID",
    `sounds: the recogniser's dictionary does not know "${word}": give its sounds, as in sounds.${word} = ["M AY N AH"]`,
  );
}

/** Every way to say the words one after the other, at most eight. */
function combinations(ways: string[][]): string[][] {
  const all = ways.reduce<string[][]>(
    (heads, next) => heads.flatMap((head) => next.map((sounds) => [...head, sounds])),
    [[]],
  );
  return all.slice(0, 8);
}

function pronunciations(dictionary: string, wanted: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of readFileSync(dictionary, "latin1").split("\n")) {
    const blank = line.indexOf(" ");
    const word = line.slice(0, blank).replace(/\(\d+\)$/, "");
    if (!wanted.has(word)) continue;
    found.set(word, [...(found.get(word) ?? []), line.slice(blank + 1).trim()]);
  }
  return found;
}

/** A name that is no word of the dictionary. */
function letters(number: number): string {
  return number < 26
    ? String.fromCharCode(97 + number)
    : letters(Math.floor(number / 26) - 1) + letters(number % 26);
}

function plain(text: string): string {
  return text.toLowerCase().replace(/\s+/g, " ").trim();
}
