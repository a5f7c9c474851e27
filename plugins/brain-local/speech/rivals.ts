/** Words of which one is easily taken for another, and would have the robot do the opposite. */
const OPPOSITES: readonly (readonly [readonly string[], readonly string[]])[] = [
  [
    ["forward", "forwards", "ahead"],
    ["backward", "backwards", "back"],
  ],
  [["left"], ["right"]],
  [["up"], ["down"]],
  [["clockwise"], ["counterclockwise"]],
];
const ONES = "one two three four five six seven eight nine".split(" ");
const TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(" ");
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

/** Words that the sentences of {@link rivalGrammar} may hold besides those of the sentence heard. */
export const RIVAL_WORDS: readonly string[] = [...OPPOSITES.flat(2), ...ONES, ...TEENS, ...TENS];

/**
 * How much likelier, as odds, a sentence with another direction or number is held to be than the one that was heard: the sound must
 * outweigh it. Chosen with the voices of docs/offline-voice.md; e^15 is what 30 ms of one wrong sound costs.
 */
const DIRECTION_ODDS = 3_000_000;
const NUMBER_ODDS = 20;

/** The sentence heard beside those that differ from it in one direction or one number, as JSGF; null where there is none. */
export function rivalGrammar(sentence: string): string | null {
  const words = sentence.split(" ");
  const instead = (at: number, count: number, others: string) =>
    [...words.slice(0, at), `(${others})`, ...words.slice(at + count)].join(" ");
  const rivals: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    for (const [some, others] of OPPOSITES) {
      const against = some.includes(word) ? others : others.includes(word) ? some : null;
      if (against) rivals.push(`/${DIRECTION_ODDS}/ ${instead(at, 1, against.join(" | "))}`);
    }
    const digits = TENS.includes(word) && ONES.includes(words[at + 1] ?? "");
    const number = otherNumbers(word, digits ? words[at + 1] : undefined);
    if (number !== null) rivals.push(`/${NUMBER_ODDS}/ ${instead(at, digits ? 2 : 1, number)}`);
    if (digits) at++;
  }
  if (rivals.length === 0) return null;
  return `#JSGF V1.0;\ngrammar rivals;\npublic <rivals> = /1/ ${[sentence, ...rivals].join("\n  | ")};\n`;
}

/** All numbers below a hundred but this one; null for a word that is no number. */
function otherNumbers(word: string, digit: string | undefined): string | null {
  const but = (words: readonly string[], one: string | undefined) =>
    words.filter((other) => other !== one).join(" | ");
  if (!TENS.includes(word)) {
    if (!ONES.includes(word) && !TEENS.includes(word)) return null;
    return `${but([...ONES, ...TEENS], word)} | (${TENS.join(" | ")}) [${ONES.join(" | ")}]`;
  }
  const same = digit === undefined ? `${word} (${ONES.join(" | ")})` : `${word} [${but(ONES, digit)}]`;
  return `${but([...ONES, ...TEENS], undefined)} | (${but(TENS, word)}) [${ONES.join(" | ")}] | ${same}`;
}

/** What two sentences do not share: "forward" and "back", "twenty two" and "ninety"; with the word before it where one has no more. */
export function difference(one: string, other: string): [string, string] {
  const [a, b] = [one.split(" "), other.split(" ")];
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  if (start > 0 && start === Math.min(a.length, b.length) - end) start--;
  return [a.slice(start, a.length - end).join(" "), b.slice(start, b.length - end).join(" ")];
}
