import { numberWords } from "./numbers.ts";

/** Written forms and what is said instead, whole words. */
const SPELLINGS: Record<string, string> = {
  ...{ centimetre: "centimeter", centimetres: "centimeters", metre: "meter", metres: "meters" },
  ...{
    millimetre: "millimeter",
    millimetres: "millimeters",
    kilometre: "kilometer",
    kilometres: "kilometers",
  },
  ...{ colour: "color", colours: "colors", grey: "gray", centre: "center", favourite: "favorite" },
  ...{ pic: "picture", pics: "pictures", thru: "through", u: "you", pls: "please", plz: "please" },
  ...{
    forwards: "forward",
    backwards: "back",
    backward: "back",
    ok: "okay",
    leftwards: "left",
    rightwards: "right",
  },
  ...{ anticlockwise: "counterclockwise", thankyou: "thanks", dont: "do not", "don't": "do not" },
  ...{ "what's": "what is", whats: "what is", "who's": "who is", "how's": "how is", "it's": "it is" },
  ...{ "i'm": "i am", "i'd": "i would", "you're": "you are", "that's": "that is", "let's": "let us" },
  ...{ "can't": "can not", cannot: "can not", "doesn't": "does not", "isn't": "is not", "won't": "will not" },
};

/** Signs and short forms of units, after a number. */
const SIGNS: Record<string, string> = {
  ...{
    m: "meters",
    mtr: "meters",
    cm: "centimeters",
    cms: "centimeters",
    mm: "millimeters",
    km: "kilometers",
  },
  ...{ "°": "degrees", deg: "degrees", degs: "degrees", "%": "percent", s: "seconds", sec: "seconds" },
  ...{ secs: "seconds", ms: "milliseconds", min: "minutes", mins: "minutes", h: "hours", in: "inches" },
  ...{ ft: "feet", '"': "inches", "'": "feet" },
  ...{ "m/s": "meters per second", "cm/s": "centimeters per second", "km/h": "kilometers per hour" },
};
const SIGN = new RegExp(
  `(\\d|\\bhalf an?)\\s*(${Object.keys(SIGNS)
    .toSorted((a, b) => b.length - a.length)
    .join("|")})(?![\\w°])`,
  "g",
);
const FRACTIONS: Record<string, string> = { "½": "0.5", "¼": "0.25", "¾": "0.75" };

/** Said out of politeness or habit; they change nothing. */
const FILLERS = phrases([
  ...["for me", "if you can", "if you please"],
  ...["please", "robot", "myna", "hey", "okay", "now", "just", "kindly", "um", "uh", "so"],
]);

/** The same where a command begins; elsewhere they carry a meaning ("what can you do"). */
const OPENINGS = phrases([
  ...["i would like you to", "i want you to", "i need you to", "would you mind", "do me a favor and"],
  ...["can you", "could you", "would you", "will you"],
]);

function phrases(texts: readonly string[]): string[][] {
  return texts.map((text) => text.split(" "));
}

/** What stands between two commands of one sentence. */
export const JOINT = "and";

/**
 * A sentence, spoken or typed, as the words that patterns are matched with: lower case, American spelling, units in words,
 * numbers in words, fillers gone, "then", "," and ";" between commands as "and".
 */
export function sentenceWords(text: string): string[] {
  const plain = text
    .toLowerCase()
    .replace(/[’‘]/g, "'")
    .replace(/(\d)?\s?([½¼¾])/g, (_, whole: string | undefined, sign: string) =>
      String(Number(whole ?? 0) + Number(FRACTIONS[sign])),
    )
    .replace(/(\d+)\s?\/\s?(\d+)/g, (_, over: string, under: string) => String(Number(over) / Number(under)))
    .replace(/(\d),(\d{3})\b/g, "$1$2")
    .replace(/(\d),(\d)/g, "$1.$2")
    .replace(/−/g, "-")
    .replace(SIGN, (_, before: string, sign: string) => `${before} ${SIGNS[sign]}`)
    .replace(/(^|\s)-(?=\d)/g, "$1minus ")
    .replace(/[,;]|\bthen\b/g, ` ${JOINT} `)
    .replace(/[.!?](?=\s+\S)/g, ` ${JOINT} `)
    .replace(/(?<!\d)\.|\.(?!\d)|[^\w.' ]|_/g, " ");
  const words = plain
    .split(/\s+/)
    .flatMap((word) => (/^\d/.test(word) ? numberOf(word) : (SPELLINGS[word] ?? word)).split(" "));
  return joints(withoutFillers(words.filter((word) => word !== "")));
}

/** Digits as words: sentences heard and sentences typed are the same then. */
function numberOf(word: string): string {
  return Number.isFinite(Number(word)) ? numberWords(Number(word)) : word;
}

/** All fillers taken out; a sentence of nothing else stays as it is. */
function withoutFillers(words: string[]): string[] {
  const kept: string[] = [];
  const isThere = (at: number) => (filler: string[]) =>
    filler.every((word, index) => words[at + index] === word);
  for (let at = 0; at < words.length;) {
    const opens = kept.length === 0 || kept.at(-1) === JOINT;
    const filler = FILLERS.find(isThere(at)) ?? (opens ? OPENINGS.find(isThere(at)) : undefined);
    if (!filler) kept.push(words[at]!);
    at += filler?.length ?? 1;
  }
  return kept.length === 0 ? words : kept;
}

/** One joint where there are several, none at the ends. */
function joints(words: string[]): string[] {
  const single = words.filter((word, at) => word !== JOINT || words[at - 1] !== JOINT);
  if (single[0] === JOINT) single.shift();
  if (single.at(-1) === JOINT) single.pop();
  return single;
}

/** JSGF for the fillers that people say before and after a command. */
export const FILLER_RULES = [
  "<before> = [please | [okay | hey] robot | okay] [can you | could you | would you] [please];",
  "<after> = [please] [now];",
];
