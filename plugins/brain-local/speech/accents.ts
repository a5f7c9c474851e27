const VOWEL = "(?:AA|AE|AH|AO|AW|AY|EH|ER|EY|IH|IY|OW|OY|UH|UW)";

/** An "r" after a vowel is not sounded in British English unless a vowel follows; nor are some vowels the American ones. */
const BRITISH: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\b(AA|AO|EH|IH|UH|AW) R\\b(?! ${VOWEL})`, "g"), "$1"],
  [/\bER$/, "AH"],
  [/\bER\b(?= [A-Z]+$)/, "AH"],
  [/\bER\b/g, "UH"],
  [/\bAE\b/g, "AA"],
  [/\bOW\b/g, "AH UH"],
];

/** Between vowels, and after n before an unstressed vowel, Americans tap the t: "ninedy". */
const TAPPED: readonly (readonly [RegExp, string])[] = [
  [/\b(N|R|ER|EY|IY|AY|AH|IH) T (IY|ER|AH)\b/g, "$1 D $2"],
];

/** The n of "ninety" is hardly sounded after another consonant, as in "left ninety"; espeak-ng never sounds it. */
const WEAK_N: readonly (readonly [RegExp, string])[] = [
  [/^N AY N T\b/, "AH AY N T"],
  [/\b(N|R|ER|EY|IY|AY|AH|IH) T (IY|ER|AH)\b/g, "$1 D $2"],
];

/** Other ways in which speakers of English say the same sounds; ARPAbet without stress, as the dictionary has them. */
export function accents(phones: string): string[] {
  const found = new Set<string>();
  for (const rules of [BRITISH, TAPPED, WEAK_N]) {
    found.add(rules.reduce((sounds, [from, to]) => sounds.replace(from, to), phones));
  }
  found.delete(phones);
  return [...found];
}
