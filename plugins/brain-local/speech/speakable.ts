import { numberWords } from "../mind/numbers.ts";

/** Unit signs after a number, and what they are called: one, several. */
const UNITS: Record<string, readonly [string, string]> = {
  mm: ["millimeter", "millimeters"],
  cm: ["centimeter", "centimeters"],
  m: ["meter", "meters"],
  km: ["kilometer", "kilometers"],
  in: ["inch", "inches"],
  ft: ["foot", "feet"],
  "°": ["degree", "degrees"],
  deg: ["degree", "degrees"],
  "%": ["percent", "percent"],
  s: ["second", "seconds"],
  sec: ["second", "seconds"],
  ms: ["millisecond", "milliseconds"],
  min: ["minute", "minutes"],
  h: ["hour", "hours"],
  kg: ["kilogram", "kilograms"],
  g: ["gram", "grams"],
  v: ["volt", "volts"],
  "°c": ["degree celsius", "degrees celsius"],
  "m/s": ["meter per second", "meters per second"],
  "cm/s": ["centimeter per second", "centimeters per second"],
  "km/h": ["kilometer per hour", "kilometers per hour"],
};
const SIGNS = Object.keys(UNITS)
  .toSorted((a, b) => b.length - a.length)
  .map((sign) => sign.replace("/", "\\/"))
  .join("|");
const QUANTITY = new RegExp(`(?<![\\w.])([-+−]?\\d+(?:[.,]\\d+)?)\\s?(${SIGNS})(?![\\w°])`, "giu");
const NUMBER = /(?<![\w.])([-+−]?\d+(?:\.\d+)?)(?![\w])/gu;

/** flite's dictionary is American: "metres" would be said "metrez". */
const BRITISH = /\b((?:centi|milli|kilo)?met)re(s?)\b/giu;

/**
 * A text as the synthesiser can say it: numbers and units in words, symbols named or dropped, ASCII only, nothing that it
 * would take for markup. Sentence marks stay, for they shape the melody.
 */
export function speakable(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/gu, "")
    .replace(/[“”«»]/gu, '"')
    .replace(/[‘’]/gu, "'")
    .replace(/https?:\/\/\S+/giu, " a link ")
    .replace(QUANTITY, (_, number: string, sign: string) => {
      const value = toNumber(number);
      const [one, several] = UNITS[sign.toLowerCase()]!;
      return `${numberWords(value)} ${Math.abs(value) === 1 ? one : several}`;
    })
    .replace(BRITISH, "$1er$2")
    .replace(NUMBER, (number) => numberWords(toNumber(number)))
    .replace(/\d+/gu, (digits) => ` ${numberWords(Number(digits))} `)
    .replace(/\s*(?:—|–|;)\s*/gu, ", ")
    .replace(/°/gu, " degrees ")
    .replace(/&/gu, " and ")
    .replace(/%/gu, " percent ")
    .replace(/\+/gu, " plus ")
    .replace(/=/gu, " equals ")
    .replace(/[_/\\]/gu, " ")
    .replace(/[^A-Za-z'.,!?:() -]/gu, " ")
    .replace(/[()]/gu, ", ")
    .replace(/\s+([.,!?:])/gu, "$1")
    .replace(/([,:])\s*(?=[.,!?:])/gu, "")
    .replace(/\s+/gu, " ")
    .replace(/^[\s.,:!?-]+/u, "")
    .trim();
}

function toNumber(text: string): number {
  return Number(text.replace("−", "-").replace(",", "."));
}
