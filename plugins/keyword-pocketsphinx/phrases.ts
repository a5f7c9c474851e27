import { MynaError } from "myna";
import { pronunciations } from "./pronunciations.ts";

/** What a phrase is for. */
export type Role = "stop" | "wake";

/** How readily a phrase is believed. */
export type Sensitivity = "low" | "normal" | "high";

/** A phrase as the profile has it, in one of the ways to say it. */
export interface Keyword {
  /** As it was written in the profile. */
  name: string;
  role: Role;
  /** Names of its words that are in no dictionary. */
  text: string;
  /** ARPAbet of each of its words. */
  sounds: readonly string[];
  /** When it is believed, and when while the robot itself speaks. */
  scores: Scores;
  over: Scores;
}

/** Scores of the recogniser from which on a phrase is believed. */
export interface Scores {
  /** Wherever it is said. */
  sure: number;
  /** Where a pause follows; 0 is never. */
  last: number;
  /** Where it is said alone, between pauses, and no word that sounds like it fits better. */
  alone: number;
}

/** The settings that say what is listened for. */
export interface KeywordSettings {
  stop_words: readonly string[];
  wake_words: readonly string[];
  stop_sensitivity: Sensitivity;
  wake_sensitivity: Sensitivity;
  sounds: Readonly<Record<string, readonly string[]>>;
}

/** For a single word, and for phrases of more: measured in docs/echo.md by `bun bench/keywords.ts`. */
const WORD_SCORES: Readonly<Record<Sensitivity, Scores>> = {
  low: { sure: -1000, last: 0, alone: -2000 },
  normal: { sure: -1300, last: 0, alone: -2200 },
  high: { sure: -1650, last: -1900, alone: -2300 },
};
const PHRASE_SCORES: Readonly<Record<Sensitivity, Scores>> = {
  low: { sure: -1600, last: 0, alone: -2300 },
  normal: { sure: -2000, last: -2250, alone: -2850 },
  high: { sure: -2250, last: -2600, alone: -3100 },
};
/** While the robot speaks its echo hides much, and whoever talks then talks to it. */
const OVER: Readonly<Record<Sensitivity, Sensitivity>> = { low: "normal", normal: "high", high: "high" };
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
    const sensitivity = role === "stop" ? settings.stop_sensitivity : settings.wake_sensitivity;
    const table = words.length === 1 ? WORD_SCORES : PHRASE_SCORES;
    const [scores, over] = [table[sensitivity], table[OVER[sensitivity]]];
    for (const sounds of combinations(words.map((word) => waysOf(word, ways)))) {
      const text = words.map((_, at) => `${letters(list.length)}-${letters(at)}`).join(" ");
      list.push({ name: written, role, text, sounds, scores, over });
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

/** A name that is no word of the dictionary. */
function letters(number: number): string {
  return number < 26
    ? String.fromCharCode(97 + number)
    : letters(Math.floor(number / 26) - 1) + letters(number % 26);
}

function plain(text: string): string {
  return text.toLowerCase().replace(/\s+/g, " ").trim();
}
