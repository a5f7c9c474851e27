import { readNumber, type Reading } from "./numbers.ts";

/** What a number of a tool's parameters measures; base units are metres, degrees, seconds, metres per second, percent. */
export type QuantityKind = "length" | "angle" | "duration" | "speed" | "percent" | "count";

/** The quantity that a parameter takes, and how many base units one of its own is. */
export interface Quantity {
  kind: QuantityKind;
  scale: number;
}

const SUFFIXES: Record<string, Quantity> = {
  m: { kind: "length", scale: 1 },
  cm: { kind: "length", scale: 0.01 },
  mm: { kind: "length", scale: 0.001 },
  km: { kind: "length", scale: 1000 },
  deg: { kind: "angle", scale: 1 },
  degrees: { kind: "angle", scale: 1 },
  rad: { kind: "angle", scale: 180 / Math.PI },
  s: { kind: "duration", scale: 1 },
  seconds: { kind: "duration", scale: 1 },
  ms: { kind: "duration", scale: 0.001 },
  min: { kind: "duration", scale: 60 },
  minutes: { kind: "duration", scale: 60 },
  mps: { kind: "speed", scale: 1 },
  cmps: { kind: "speed", scale: 0.01 },
  kmh: { kind: "speed", scale: 1 / 3.6 },
  percent: { kind: "percent", scale: 1 },
  pct: { kind: "percent", scale: 1 },
};

/** The quantity that a parameter's name tells by its suffix: `distance_m` is a length in metres, `sides` a count. */
export function quantityOf(name: string): Quantity {
  return SUFFIXES[/(?:^|_)([a-z]+)$/.exec(name)?.[1] ?? ""] ?? { kind: "count", scale: 1 };
}

/** A parameter's name in words, without its unit: `distance_m` is "distance". */
export function parameterWords(name: string): string {
  const parts = name.split("_");
  const last = parts.at(-1);
  if (parts.length > 1 && last !== undefined && last in SUFFIXES) parts.pop();
  return parts.join(" ");
}

/** Base units by the words for them, one and several. */
const UNITS: Record<QuantityKind, Record<string, number>> = {
  length: {
    ...{ meter: 1, meters: 1, centimeter: 0.01, centimeters: 0.01, millimeter: 0.001, millimeters: 0.001 },
    ...{ kilometer: 1000, kilometers: 1000, inch: 0.0254, inches: 0.0254, foot: 0.3048, feet: 0.3048 },
    ...{ yard: 0.9144, yards: 0.9144 },
  },
  angle: { degree: 1, degrees: 1, turn: 360, turns: 360, radians: 180 / Math.PI },
  duration: {
    ...{ second: 1, seconds: 1, millisecond: 0.001, milliseconds: 0.001 },
    ...{ minute: 60, minutes: 60, hour: 3600, hours: 3600 },
  },
  speed: {
    "meters per second": 1,
    "meter per second": 1,
    "centimeters per second": 0.01,
    "kilometers per hour": 1 / 3.6,
  },
  percent: { percent: 1 },
  count: {},
};

/** A small amount, and how much it is where the tool does not say. */
const A_LITTLE = ["a little bit", "a little", "a bit", "slightly"];
const LITTLE: Partial<Record<QuantityKind, number>> = { length: 0.2, angle: 15 };

/** Other amounts that are said without a number. */
const AMOUNTS: Record<QuantityKind, Record<string, number>> = {
  length: {},
  angle: {
    ...{
      "all the way around": 360,
      "a full circle": 360,
      "a full turn": 360,
      "halfway around": 180,
      around: 180,
    },
  },
  duration: { "a moment": 2 },
  speed: {},
  percent: { full: 100 },
  count: {},
};

/** What is meant when no amount is said at all ("turn left"); none for counts. */
export const USUAL: Partial<Record<QuantityKind, number>> = { length: 0.3, angle: 90 };

/**
 * Every quantity of `kind` that begins at `words[at]`, with or without "by", in base units, the longest first. `little` is
 * what "a little" is here.
 */
export function readQuantities(
  kind: QuantityKind,
  words: readonly string[],
  at: number,
  little = LITTLE[kind],
): Reading[] {
  if (words[at] === "by") return readQuantities(kind, words, at + 1, little);
  const found: Reading[] = [];
  const add = (reading: Reading | null) => {
    if (reading && !found.some((other) => other.next === reading.next)) found.push(reading);
  };
  for (const text of little === undefined ? [] : A_LITTLE) {
    const next = follow(words, at, text);
    if (next !== null) add({ value: little!, next });
  }
  for (const [text, value] of Object.entries(AMOUNTS[kind])) {
    const next = follow(words, at, text);
    if (next !== null) add({ value, next });
  }
  add(withUnit(kind, words, at));
  if (kind === "count" || kind === "percent" || kind === "angle") add(readNumber(words, at));
  return found.toSorted((a, b) => b.next - a.next);
}

/** "two point five meters", "a meter", "a meter and a half", "half a meter", "three quarters of a meter". */
function withUnit(kind: QuantityKind, words: readonly string[], at: number): Reading | null {
  const number = readNumber(words, at) ?? article(words, at);
  if (!number) return null;
  let { next } = number;
  if (words[next] === "of") next++;
  if (words[next] === "a" || words[next] === "an") next++;
  for (const [name, baseUnits] of Object.entries(UNITS[kind])) {
    const after = follow(words, next, name);
    if (after === null) continue;
    const half = follow(words, after, "and a half");
    const value = number.value + (half === null ? 0 : 0.5);
    return { value: round(value * baseUnits), next: half ?? after };
  }
  return null;
}

function article(words: readonly string[], at: number): Reading | null {
  return words[at] === "a" || words[at] === "an" ? { value: 1, next: at + 1 } : null;
}

/** The index after the words of `text` at `at`, or null when they are not there. */
export function follow(words: readonly string[], at: number, text: string): number | null {
  const expected = text.split(" ");
  return expected.every((word, index) => words[at + index] === word) ? at + expected.length : null;
}

/** Without the noise of binary fractions: 0.5 ft is 0.1524 m. */
function round(value: number): number {
  return Number(value.toPrecision(10));
}

const NUMBER_RULES = [
  "<digit> = one | two | three | four | five | six | seven | eight | nine;",
  "<teen> = ten | eleven | twelve | thirteen | fourteen | fifteen | sixteen | seventeen | eighteen | nineteen;",
  "<tens> = twenty | thirty | forty | fifty | sixty | seventy | eighty | ninety;",
  "<below_hundred> = <digit> | <teen> | <tens> [<digit>];",
  "<integer> = <below_hundred> | (a | <digit>) hundred [[and] <below_hundred>];",
  "<decimal> = (zero | <digit>) point (zero | <digit>) [zero | <digit>];",
];

const QUANTITY_RULES: Record<QuantityKind, string> = {
  length:
    "<length> = <integer> (centimeters | inches | feet) | <below_hundred> meters | <decimal> meters" +
    " | one centimeter | (a | one) (meter | foot) [and a half] | <digit> and a half meters | one and a half meters" +
    " | [a] half a meter | half meter | a quarter [of a] meter | three quarters of a meter | a little [bit] | a bit;",
  angle:
    "<angle> = <integer> degrees | <integer> | one degree | a quarter turn | [a] half [a] turn | a full turn" +
    " | a full circle | all the way around | a little [bit] | a bit;",
  duration:
    "<duration> = <integer> (seconds | minutes) | (a | one) (second | minute) [and a half] | <decimal> seconds" +
    " | half a (second | minute) | <digit> and a half (seconds | minutes);",
  speed:
    "<speed> = (<decimal> | <digit> | half a | a | one) (meter | meters) per second | <integer> centimeters per second;",
  percent: "<percent> = <integer> percent | zero percent;",
  count: "<count> = zero | <integer>;",
};

/** JSGF rules for the quantities of these kinds, each named after its kind, with what they need. */
export function quantityRules(kinds: ReadonlySet<QuantityKind>): string[] {
  return kinds.size === 0 ? [] : [...NUMBER_RULES, ...Array.from(kinds, (kind) => QUANTITY_RULES[kind])];
}
